"""What all tests share."""

from __future__ import annotations

import os
from types import ModuleType

import pytest
from hypothesis import settings

# The same examples in every run: a failure is a change of the code, and can be run again.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """The installed Keras on TensorFlow, the judge of what a layer or object means."""
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", KERAS_BACKEND="tensorflow")
    return pytest.importorskip("keras")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole networks come last."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
