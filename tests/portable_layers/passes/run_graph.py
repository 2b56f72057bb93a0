"""Runs graphs on ONNX Runtime and describes them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort

from portable_layers import dtypes
from portable_layers.dims import Dim
from portable_layers.graph import Graph
from portable_layers.model_file import to_proto


class Weight:
    """A variable, as a packing starts from it."""

    def __init__(self, path: str, value: np.ndarray):
        self.path, self.value = path, value
        self.shape, self.dtype = value.shape, "float32"

    def numpy(self) -> np.ndarray:
        return self.value


def execute(graph: Graph, sizes: dict[str, int] | None = None, seed: int = 0) -> list[np.ndarray]:
    """Check and run a graph on random inputs."""
    sizes = sizes or {}
    proto = to_proto(graph)
    onnx.checker.check_model(proto, full_check=True)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    feed = {}
    for tensor in graph.inputs:
        shape = [
            n.substitute({k: sizes.get(k, 3) for k in n.names()}) if isinstance(n, Dim) else n
            for n in tensor.shape
        ]
        feed[tensor.value.name] = rng.standard_normal(shape).astype(dtypes.to_numpy(tensor.dtype))
    results = session.run(None, feed)
    for tensor, result in zip(graph.outputs, results, strict=True):
        for size, found in zip(tensor.shape, result.shape, strict=True):
            assert not isinstance(size, int) or size == found
    return results


def sequence(graph: Graph) -> str:
    """The operators of a graph in order, as one string."""
    return " ".join(n.op_type for n in graph.nodes)


def count(graph: Graph, op_type: str = "Transpose") -> int:
    """How many nodes of an operator there are, bodies included."""
    return sum(n.op_type == op_type for one in graph.graphs() for n in one.nodes)
