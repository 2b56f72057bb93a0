"""Fixtures that several test packages share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def keras():
    """The real Keras on the CPU, as the reference; imported once, and only by the tests that need it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    return pytest.importorskip("keras", reason="needs portable-layers[tensorflow]")
