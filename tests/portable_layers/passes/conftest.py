"""What the tests of passes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from run_graph import count, execute, sequence

from portable_layers.graph import Graph
from portable_layers.passes import clean


@pytest.fixture
def cleaned() -> Callable[..., str]:
    """Clean a graph, check that it gives what it gave, and tell its operators."""

    def run(
        graph: Graph, tolerance: float = 1e-5, passes: Callable[[Graph], Any] = clean, **sizes: int
    ) -> str:
        names = [t.value.name for t in graph.outputs]
        shapes = [t.shape for t in graph.outputs]
        before, transposes = execute(graph, sizes), count(graph)
        passes(graph)
        after = execute(graph, sizes)
        assert [t.value.name for t in graph.outputs] == names
        assert [t.shape for t in graph.outputs] == shapes
        for a, b in zip(before, after, strict=True):
            assert a.dtype == b.dtype
            if tolerance:
                np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)
            else:
                np.testing.assert_array_equal(b, a)
        assert count(graph) <= transposes
        passes(graph)
        again = sequence(graph)
        assert sequence(graph) == again
        return again

    return run
