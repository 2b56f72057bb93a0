"""Zero padding becomes the pads of the operator behind it, which ONNX Runtime does not do for all:
Pad before Conv, and Pad of what is not negative (Relu) before MaxPool."""

from __future__ import annotations

from typing import Any

from portable_layers.graph import Graph


def run(graph: Graph) -> bool:
    """Fuse the zero padding of a graph and of its bodies; whether there was any."""
    changed = False
    for one in list(graph.graphs()):
        for node in list(one.nodes):
            if node.op_type == "Pad" and not node.domain:
                changed |= _fuse(one, node)
    return changed


def _fuse(graph: Graph, pad: Any) -> bool:
    uses = pad.outputs[0].uses()
    if len(uses) != 1 or pad.outputs[0].is_graph_output():
        return False
    ((node, index),) = uses
    pads = _spatial_zeros(graph, pad)
    if index != 0 or node.domain or node.graph is not graph.nodes or pads is None:
        return False
    if node.op_type not in ("Conv", "MaxPool"):
        return False
    if graph.attribute(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return False
    total = [a + b for a, b in zip(pads, graph.attribute(node, "pads", [0] * len(pads)), strict=True)]
    if node.op_type == "MaxPool" and not _zeros_lose(graph, pad.inputs[0], node, total):
        return False
    if "auto_pad" in node.attributes:
        graph.set_attribute(node, "auto_pad", "NOTSET")
    graph.set_attribute(node, "pads", total)
    graph.set_input(node, 0, graph.tensor_of(pad.inputs[0]))
    graph.remove(pad)
    return True


def _zeros_lose(graph: Graph, value: Any, pool: Any, pads: list[int]) -> bool:
    """Whether padding with zeros and with what is smaller than all is the same to a MaxPool: where the
    value is not negative, and no window holds padding only."""
    producer = value.producer()
    if producer is None or producer.op_type != "Relu" or len(pool.outputs) > 1:
        return False
    if graph.attribute(pool, "ceil_mode", 0) or max(graph.attribute(pool, "dilations", [1])) > 1:
        return False
    reach = graph.attribute(pool, "kernel_shape")
    return all(p < k for p, k in zip(pads, [*reach, *reach], strict=True))


def _spatial_zeros(graph: Graph, pad: Any) -> list[int] | None:
    """How many zeros a Pad adds to the spatial axes of a channels-first tensor, as ONNX's pads; None
    where it adds anything else."""
    inputs = [None if v is None else graph.tensor_of(v) for v in pad.inputs] + [None] * 2
    x, amounts, filling, axes = inputs[:4]
    if x is None or amounts is None or amounts.constant is None:
        return None
    if graph.attribute(pad, "mode", "constant") != "constant" or axes is not None or x.ndim < 3:
        return None
    if filling is not None and (filling.constant is None or filling.constant.any()):
        return None
    pads = [int(n) for n in amounts.constant]
    begins, ends = pads[: x.ndim], pads[x.ndim :]
    if any(begins[:2] + ends[:2]) or min(pads) < 0:
        return None
    return begins[2:] + ends[2:]
