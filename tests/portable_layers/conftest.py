"""What tests of the layer library share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from built_graphs import BATCH
from two_worlds import worlds

from portable_layers.graph import Graph
from portable_layers.tensor import Tensor


@pytest.fixture
def graph() -> Graph:
    return Graph()


@pytest.fixture
def x(graph: Graph) -> Tensor:
    """An input of that graph."""
    return graph.input("x", "float32", (BATCH, 4))


@pytest.fixture
def both(keras: Any) -> list[SimpleNamespace]:
    """Custom layers, defined over portable-layers and over Keras, in this order."""
    return worlds(keras)
