"""Flattened features in another order: what must change after a Reshape to `(batch, features)`.

Where all that follows is elementwise up to products with weights, the rows of the weights are put in
the order in which the features come, and the tensor is flattened as it lies.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from portable_layers.dims import Shape, is_static
from portable_layers.graph import Graph
from portable_layers.passes.operators import BROADCASTING, UNARY
from portable_layers.passes.permutations import Perm
from portable_layers.passes.weight_moves import Weights
from portable_layers.tensor import Tensor

# A node, the number of its input, and the axis of the features in that weight.
Edit: TypeAlias = tuple[Any, int, int]


def edits(graph: Graph, x: Tensor, y: Tensor) -> list[Edit] | None:
    """The weights whose order depends on the order of the features of y, which is x flattened; None
    where something else depends on it."""
    if y.ndim != 2 or x.ndim < 3 or x.shape[0] != y.shape[0] or not is_static(x.shape[1:]):
        return None
    found: list[Edit] = []
    return found if _follow(graph, y.value, found) else None


def _follow(graph: Graph, value: Any, found: list[Edit]) -> bool:
    if value.is_graph_output():
        return False
    for node, index in value.uses():
        if node.graph is not graph.nodes or len(node.outputs) != 1 or node.domain:
            return False
        others = [graph.tensor_of(v) if v is not None else None for v in node.inputs]
        del others[index]
        op_type = node.op_type
        if op_type == "MatMul" and index == 0 and _weight(graph, node.inputs[1]) is not None:
            found.append((node, 1, 0))
            continue
        if op_type == "Gemm" and index == 0 and not graph.attribute(node, "transA", 0):
            if _weight(graph, node.inputs[1]) is None:
                return False
            found.append((node, 1, 1 if graph.attribute(node, "transB", 0) else 0))
            continue
        if op_type in UNARY and index == 0:
            if any(t is not None and t.shape for t in others):
                return False
        elif op_type in BROADCASTING or (op_type == "BatchNormalization" and index == 0):
            for place, operand in enumerate(node.inputs):
                if place == index:
                    continue
                if operand is value or not _fixed(graph.tensor_of(operand)):
                    return False
                tensor = graph.tensor_of(operand)
                if tensor.ndim and tensor.shape[-1] != 1:
                    found.append((node, place, tensor.ndim - 1))
        else:
            return False
        if not _follow(graph, node.outputs[0], found):
            return False
    return True


def _fixed(tensor: Tensor) -> bool:
    return tensor.constant is not None or tensor.packing is not None


def _weight(graph: Graph, value: Any) -> Tensor | None:
    """The weight that a value is, or that it is cast from."""
    tensor = graph.tensor_of(value)
    if tensor.ndim != 2:
        return None
    if _fixed(tensor):
        return tensor
    producer = value.producer()
    if producer is not None and producer.op_type == "Cast" and not producer.domain:
        source = graph.tensor_of(producer.inputs[0])
        return source if _fixed(source) else None
    return None


def apply(graph: Graph, weights: Weights, changes: list[Edit], sizes: Shape, perm: Perm) -> None:
    """Put the weights in the order of the features when axes of these `sizes`, behind the batch, are
    permuted by `perm` (which counts the batch)."""
    order = tuple(p - 1 for p in perm[1:])
    for node, index, axis in changes:
        tensor = graph.tensor_of(node.inputs[index])
        if _fixed(tensor):
            graph.set_input(node, index, weights.features_permuted(tensor, axis, sizes, order))
            continue
        cast = tensor.value.producer()
        source = graph.tensor_of(cast.inputs[0])
        with graph.inserting_before(node):
            moved = weights.features_permuted(source, axis, sizes, order)
            graph.set_input(node, index, graph.add("Cast", moved, to=graph.attribute(cast, "to")))
