"""What all tests share."""

from __future__ import annotations

import os
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """The installed Keras on TensorFlow, the judge of what a layer or object means."""
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", KERAS_BACKEND="tensorflow")
    return pytest.importorskip("keras")
