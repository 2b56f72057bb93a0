"""Graphs that tests build by hand, and what they compute."""

from __future__ import annotations

import numpy as np
import onnx

from portable_layers.dims import Dim
from portable_layers.graph import Graph
from portable_layers.model_file import to_proto
from runtime import InferenceEngine

BATCH = Dim.named("batch")


def run(graph: Graph, **inputs: np.ndarray) -> list[np.ndarray]:
    """Check the finished graph and run it in ONNX Runtime."""
    proto = to_proto(graph)
    onnx.checker.check_model(proto, full_check=True)
    return list(InferenceEngine(proto, providers="cpu", threads=1).run(inputs).values())
