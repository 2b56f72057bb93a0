"""Which operators can work on tensors whose axes are in another order, and how.

The elementwise ones, which do not see the order, are told here; those that name axes in
`axis_rules.py`. All others (Conv, MatMul, ...) work in one order only.
"""

from __future__ import annotations

from typing import Any

from portable_layers.graph import Graph
from portable_layers.passes.axis_rules import RULES
from portable_layers.passes.operators import BROADCASTING, UNARY
from portable_layers.passes.permutations import Perm
from portable_layers.passes.rule import RESHAPE, TRANSPOSE, Rule, no_cost
from portable_layers.passes.weight_moves import Weights, needs_transpose, reordered


def rule_of(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    """The rule of a node, or None where it works in one order of the axes only."""
    op_type = node.op_type
    if node.domain:
        return _unary(graph, node) if node.domain == "com.microsoft" and op_type in UNARY else None
    if op_type in UNARY:
        return _unary(graph, node)
    if op_type in BROADCASTING:
        return _broadcasting(graph, weights, node)
    make = RULES.get(op_type)
    return make(graph, weights, node) if make is not None else None


_ALONE = Rule((0,))


def _unary(graph: Graph, node: Any) -> Rule | None:
    inputs = node.inputs
    if len(inputs) > 1 and node.op_type != "CastLike":
        for value in inputs[1:]:
            if value is not None and graph.tensor_of(value).shape:
                return None
    return _ALONE


def _broadcasting(graph: Graph, weights: Weights, node: Any) -> Rule:
    tensors = [graph.tensor_of(v) for v in node.inputs]
    rank = graph.tensor_of(node.outputs[0]).ndim
    operands, fixed, lower = [], [], []
    for index, tensor in enumerate(tensors):
        if tensor.constant is not None or tensor.packing is not None:
            if any(n != 1 for n in tensor.shape):
                fixed.append(index)
        elif tensor.ndim == rank:
            operands.append(index)
        elif any(n != 1 for n in tensor.shape):
            lower.append(index)
    if not fixed and not lower:
        return Rule(tuple(operands))

    def cost(perm: Perm) -> int:
        return sum(TRANSPOSE if needs_transpose(tensors[i].shape, perm) else RESHAPE for i in lower)

    def apply(perm: Perm) -> None:
        for index in fixed:
            graph.set_input(node, index, weights.permuted(tensors[index], perm))
        for index in lower:
            with graph.inserting_before(node):
                moved = reordered(graph, graph.tensor_of(node.inputs[index]), perm)
            graph.set_input(node, index, moved)

    return Rule(tuple(operands), True, cost if lower else no_cost, apply)
