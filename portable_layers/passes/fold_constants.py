"""What is known before the model runs: constant results, sizes, and nodes that do nothing.

Weights are only moved, never computed with: they stay bit for bit and can be brought back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import is_static
from portable_layers.graph import Graph
from portable_layers.passes.operators import RANDOM, RESHAPING
from portable_layers.passes.permutations import identity
from portable_layers.tensor import Tensor

# Results of more bytes are computed when the model runs, unless their inputs are as large.
_MAX_BYTES = 1 << 20


def run(graph: Graph) -> bool:
    """Fold what is known in a graph and in its bodies; whether there was anything."""
    changed = False
    for one in list(graph.graphs()):
        for node in list(one.nodes):
            changed |= _fold(one, node)
    return changed


def _fold(graph: Graph, node: Any) -> bool:
    if node.domain or len(node.outputs) != 1:
        return False
    op_type, value = node.op_type, node.outputs[0]
    find = _NO_OPS.get(op_type)
    inputs = [graph.tensor_of(v) for v in node.inputs if v is not None]
    if op_type in RESHAPING and _merge_reshapes(graph, node, inputs[0]):
        return True
    new = find(graph, node, inputs[0], graph.tensor_of(value)) if find is not None else None
    if new is None and all(t.constant is not None for t in inputs):
        new = _evaluate(graph, node, inputs)
    if new is None:
        return False
    # An output that would need a copy under its name is one already.
    if value.is_graph_output() and (
        new.value.producer() is None or new.value.is_graph_output() or new.graph is not graph
    ):
        return False
    graph.replace_uses(graph.tensor_of(value), new)
    graph.remove(node)
    return True


# Nodes that give one of their inputs, or a weight or constant in another shape


def _identity(graph: Graph, node: Any, x: Tensor, y: Tensor) -> Tensor | None:
    return x


def _cast(graph: Graph, node: Any, x: Tensor, y: Tensor) -> Tensor | None:
    if x.dtype == y.dtype:
        return x
    before = x.value.producer()
    if before is None or before.op_type != "Cast" or before.domain:
        return None
    source = graph.tensor_of(before.inputs[0])
    if "string" in (source.dtype, x.dtype, y.dtype) or not _holds(x.dtype, source.dtype):
        return None
    if source.dtype == y.dtype:
        return source
    # Integers that do not fit are not cast alike from floats and from integers.
    if not dtypes.is_float(y.dtype) or source.graph is not graph:
        return None
    with graph.inserting_before(node), graph.scope(node.name.rpartition("/")[0]):
        return graph.add("Cast", source, to=dtypes.to_onnx(y.dtype))


def _holds(wide: str, narrow: str) -> bool:
    """Whether each number of one dtype is one of the other."""
    return np.can_cast(dtypes.to_numpy(narrow), dtypes.to_numpy(wide), "safe")


def _same_shape(graph: Graph, node: Any, x: Tensor, y: Tensor) -> Tensor | None:
    if x.shape == y.shape:
        return x
    if node.op_type in RESHAPING and x.packing is not None and is_static(y.shape):
        return graph.weight(x.packing.reshape(y.shape))
    return None


def _transpose(graph: Graph, node: Any, x: Tensor, y: Tensor) -> Tensor | None:
    perm = tuple(graph.attribute(node, "perm", identity(x.ndim)[::-1]))
    if perm == identity(x.ndim):
        return x
    return None if x.packing is None else graph.weight(x.packing.transpose(perm))


def _pad(graph: Graph, node: Any, x: Tensor, y: Tensor) -> Tensor | None:
    pads = graph.tensor_of(node.inputs[1]).constant
    return x if pads is not None and not pads.any() else None


def _twice(graph: Graph, node: Any, x: Tensor, y: Tensor) -> Tensor | None:
    # Layers combine the masks of their inputs, which often are one.
    return x if node.inputs[0] is node.inputs[1] else None


def _concat(graph: Graph, node: Any, x: Tensor, y: Tensor) -> Tensor | None:
    return x if len(node.inputs) == 1 else None


def _shape(graph: Graph, node: Any, x: Tensor, y: Tensor) -> Tensor | None:
    sizes = x.shape[graph.attribute(node, "start", 0) : graph.attribute(node, "end", x.ndim)]
    return graph.constant(np.array(sizes, np.int64)) if is_static(sizes) else None


def _size(graph: Graph, node: Any, x: Tensor, y: Tensor) -> Tensor | None:
    if not is_static(x.shape):
        return None
    return graph.constant(np.array(np.prod([int(n) for n in x.shape], dtype=np.int64)))


_NO_OPS = {
    **dict.fromkeys([*RESHAPING, "Expand", "Tile"], _same_shape),
    "Identity": _identity,
    "Cast": _cast,
    "Transpose": _transpose,
    "Pad": _pad,
    "Concat": _concat,
    "And": _twice,
    "Or": _twice,
    "Shape": _shape,
    "Size": _size,
}


def _merge_reshapes(graph: Graph, node: Any, x: Tensor) -> bool:
    """Let a Reshape skip reshapes before it, where its own target says all."""
    before = x.value.producer()
    if node.op_type != "Reshape" or before is None or before.op_type not in RESHAPING or before.domain:
        return False
    source = graph.tensor_of(before.inputs[0])
    if graph.attribute(node, "allowzero", 0):
        copied: list[int] = []
    else:
        target = graph.tensor_of(node.inputs[1]).constant
        if target is None:
            return False
        copied = [i for i, n in enumerate(target.tolist()) if n == 0]
    # A 0 copies the size at its place, which must be the same before.
    if any(source.shape[i : i + 1] != x.shape[i : i + 1] for i in copied):
        return False
    graph.set_input(node, 0, source)
    return True


# Constants


def _evaluate(graph: Graph, node: Any, inputs: list[Tensor]) -> Tensor | None:
    result = graph.tensor_of(node.outputs[0])
    if node.op_type in RANDOM or graph.bodies_of(node) or not is_static(result.shape):
        return None
    if any(t.dtype == "string" for t in [*inputs, result]):
        return None
    count = int(np.prod([int(n) for n in result.shape], dtype=np.int64))
    size = count * dtypes.to_numpy(result.dtype).itemsize
    if size > max(_MAX_BYTES, *(t.constant.nbytes for t in inputs if t.constant is not None), 0):
        return None
    from onnx.reference import ReferenceEvaluator

    proto = graph.node_proto(node)
    feed = {t.value.name: t.constant for t in inputs}
    try:
        (array,) = ReferenceEvaluator(proto).run(None, feed)
    except Exception:  # an operator that the evaluator lacks stays as it is
        return None
    array = np.asarray(array)
    if array.shape != result.shape or array.dtype != dtypes.to_numpy(result.dtype):
        return None
    with graph.scope(node.name.rpartition("/")[0]):
        return graph.constant(array)
