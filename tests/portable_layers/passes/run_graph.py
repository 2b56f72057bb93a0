"""Runs graphs on ONNX Runtime and describes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort

from portable_layers import dtypes
from portable_layers.dims import Dim
from portable_layers.graph import Graph


class Weight:
    """A variable, as a packing starts from it."""

    def __init__(self, path: str, value: np.ndarray):
        self.path, self.value = path, value
        self.shape, self.dtype = value.shape, "float32"

    def numpy(self) -> np.ndarray:
        return self.value


def to_proto(graph: Graph) -> onnx.ModelProto:
    """The model file of a graph, with every weight that is used."""
    used: dict[Any, None] = {}
    for one in graph.graphs():
        for node in one.nodes:
            used.update(dict.fromkeys(v for v in node.inputs if v is not None and v.const_value is not None))
    names: set[str] = set()
    for number, value in enumerate(used):
        tensor = graph.tensor_of(value)
        if value.name is None:
            leaf = next(tensor.packing.leaves()).path
            value.name = leaf if leaf not in names else f"{leaf}:{number}"
        names.add(value.name)
    for one in graph.graphs():
        one.nodes.initializers.clear()
    graph.nodes.initializers.update({v.name: v for v in used})
    graph.nodes.opset_imports.clear()
    graph.nodes.opset_imports.update(graph.domains)
    return ir.to_proto(ir.Model(graph.nodes, ir_version=graph.ir_version))


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
