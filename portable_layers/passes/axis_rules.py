"""How operators that name axes work on tensors whose axes are in another order: another `axis` for
Concat, permuted pads for Pad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from portable_layers.graph import Graph
from portable_layers.passes import flattening
from portable_layers.passes.permutations import Perm, is_free, permuted
from portable_layers.passes.rule import FORBIDDEN, INNER_AXIS, Rule, no_cost
from portable_layers.passes.weight_moves import Weights


def _ints(graph: Graph, node: Any, index: int) -> list[int] | None:
    """The integers of a constant input; None where it is left out or not known."""
    if index >= len(node.inputs) or node.inputs[index] is None:
        return None
    constant = graph.tensor_of(node.inputs[index]).constant
    return None if constant is None else [int(n) for n in constant.ravel()]


def _has(node: Any, index: int) -> bool:
    return index < len(node.inputs) and node.inputs[index] is not None


def _set_ints(graph: Graph, node: Any, index: int, values: Sequence[int]) -> None:
    old = graph.tensor_of(node.inputs[index]).dtype if _has(node, index) else "int64"
    graph.set_input(node, index, graph.constant(np.array(values), old))


def _rank(graph: Graph, node: Any) -> int:
    return graph.tensor_of(node.inputs[0]).ndim


def _one_axis(default: int | None = None, last_is_best: bool = False) -> Callable[..., Rule]:
    """Operators with an attribute `axis` whose outputs have the rank of the inputs."""

    def make(graph: Graph, weights: Weights, node: Any) -> Rule:
        rank = _rank(graph, node)
        axis = graph.attribute(node, "axis", default) % rank

        def cost(perm: Perm) -> int:
            return INNER_AXIS if perm[-1] != axis else 0

        def apply(perm: Perm) -> None:
            graph.set_attribute(node, "axis", perm.index(axis))

        return Rule((0,), True, cost if last_is_best else no_cost, apply)

    return make


def _concat(graph: Graph, weights: Weights, node: Any) -> Rule:
    tensors = [graph.tensor_of(v) for v in node.inputs]
    fixed = [i for i, t in enumerate(tensors) if t.constant is not None or t.packing is not None]
    axis = graph.attribute(node, "axis") % tensors[0].ndim

    def apply(perm: Perm) -> None:
        graph.set_attribute(node, "axis", perm.index(axis))
        for index in fixed:
            graph.set_input(node, index, weights.permuted(tensors[index], perm))

    return Rule(tuple(i for i in range(len(tensors)) if i not in fixed), True, no_cost, apply)


def _keeps_order(perm: Perm, dropped: Sequence[int]) -> bool:
    """Whether what remains without some axes is in its old order."""
    kept = [a for a in perm if a not in dropped]
    return kept == sorted(kept)


def _dropping(axes: Sequence[int]) -> Callable[[Perm], int]:
    return lambda perm: 0 if _keeps_order(perm, axes) else FORBIDDEN


def _reduce(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    rank = _rank(graph, node)
    in_attribute = "axes" in node.attributes
    axes = graph.attribute(node, "axes") if in_attribute else _ints(graph, node, 1)
    if axes is None and _has(node, 1):
        return None
    if not axes:
        if axes is not None or graph.attribute(node, "noop_with_empty_axes", 0):
            return None
        return Rule((0,), bool(graph.attribute(node, "keepdims", 1)))
    axes = [a % rank for a in axes]

    def apply(perm: Perm) -> None:
        moved = sorted(perm.index(a) for a in axes)
        if in_attribute:
            graph.set_attribute(node, "axes", moved)
        else:
            _set_ints(graph, node, 1, moved)

    follows = bool(graph.attribute(node, "keepdims", 1))
    return Rule((0,), follows, no_cost if follows else _dropping(axes), apply)


def _arg(graph: Graph, weights: Weights, node: Any) -> Rule:
    axis = graph.attribute(node, "axis", 0) % _rank(graph, node)
    follows = bool(graph.attribute(node, "keepdims", 1))

    def apply(perm: Perm) -> None:
        graph.set_attribute(node, "axis", perm.index(axis))

    return Rule((0,), follows, no_cost if follows else _dropping([axis]), apply)


def _squeeze(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    axes = _ints(graph, node, 1)
    if axes is None:
        return None
    axes = [a % _rank(graph, node) for a in axes]

    def apply(perm: Perm) -> None:
        _set_ints(graph, node, 1, sorted(perm.index(a) for a in axes))

    return Rule((0,), False, _dropping(axes), apply)


def _gather(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    axis = graph.attribute(node, "axis", 0) % _rank(graph, node)
    index_rank = graph.tensor_of(node.inputs[1]).ndim
    data = graph.tensor_of(node.inputs[0])
    if index_rank > 1 or data.constant is not None or data.packing is not None:
        return None

    def apply(perm: Perm) -> None:
        graph.set_attribute(node, "axis", perm.index(axis))

    return Rule((0,), index_rank == 1, _dropping([axis]) if index_rank == 0 else no_cost, apply)


def _slice(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    rank = _rank(graph, node)
    axes = _ints(graph, node, 3)
    if axes is None:
        count = graph.tensor_of(node.inputs[1]).shape[0]
        if _has(node, 3) or not isinstance(count, int):
            return None
        axes = list(range(count))
    axes = [a % rank for a in axes]

    def apply(perm: Perm) -> None:
        _set_ints(graph, node, 3, [perm.index(a) for a in axes])

    return Rule((0,), True, no_cost, apply)


def _pad(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    rank = _rank(graph, node)
    if _has(node, 3):
        axes = _ints(graph, node, 3)
        if axes is None:
            return None
        axes = [a % rank for a in axes]
    else:
        axes = None
    pads = _ints(graph, node, 1)
    if axes is None and pads is None:
        return None

    def apply(perm: Perm) -> None:
        if axes is not None:
            _set_ints(graph, node, 3, [perm.index(a) for a in axes])
        elif pads is not None:
            _set_ints(graph, node, 1, [pads[a] for a in perm] + [pads[rank + a] for a in perm])

    return Rule((0,), True, no_cost, apply)


def _tile(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    repeats = _ints(graph, node, 1)
    if repeats is None:
        return None
    return Rule((0,), True, no_cost, lambda perm: _set_ints(graph, node, 1, [repeats[a] for a in perm]))


def _expand(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    sizes = _ints(graph, node, 1)
    if sizes is None or len(sizes) != _rank(graph, node):
        return None
    return Rule((0,), True, no_cost, lambda perm: _set_ints(graph, node, 1, [sizes[a] for a in perm]))


def _resize(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    x = graph.tensor_of(node.inputs[0])
    place = 2 if _has(node, 2) else 3
    given = graph.tensor_of(node.inputs[place]).constant
    if (_has(node, 1) and graph.tensor_of(node.inputs[1]).shape != (0,)) or given is None:
        return None
    axes = graph.attribute(node, "axes")
    named = [a % x.ndim for a in axes] if axes is not None else list(range(x.ndim))
    same = [1.0] * x.ndim if place == 2 else [x.shape[a] for a in named]
    scaled = [a for a, n, m in zip(named, given.tolist(), same, strict=False) if n != m]
    any_axis = graph.attribute(node, "mode", "nearest") == "nearest"

    def cost(perm: Perm) -> int:
        # Interpolation is implemented for batch and channels before the axes that are resized.
        return 0 if any_axis or all(perm.index(a) >= 2 for a in scaled) else FORBIDDEN

    def apply(perm: Perm) -> None:
        if axes is not None:
            graph.set_attribute(node, "axes", [perm.index(a) for a in named])
        else:
            graph.set_input(node, place, graph.constant(given[list(perm)]))

    return Rule((0,), True, cost, apply)


def _cumsum(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    axis = graph.tensor_of(node.inputs[1]).constant
    if axis is None:
        return None
    old = int(axis.ravel()[0]) % _rank(graph, node)

    def apply(perm: Perm) -> None:
        graph.set_input(node, 1, graph.constant(np.full_like(axis, perm.index(old))))

    return Rule((0,), True, no_cost, apply)


def _shape(graph: Graph, weights: Weights, node: Any) -> Rule:
    rank = _rank(graph, node)
    axes = range(rank)[graph.attribute(node, "start", 0) : graph.attribute(node, "end", rank)]

    def stays(perm: Perm) -> bool:
        return len(axes) == 1 or all(perm[a] == a for a in axes)

    def apply(perm: Perm) -> None:
        if len(axes) == 1:
            graph.set_attribute(node, "start", perm.index(axes[0]))
            graph.set_attribute(node, "end", perm.index(axes[0]) + 1)

    return Rule((0,), False, lambda perm: 0 if stays(perm) else FORBIDDEN, apply)


def _reshape(graph: Graph, weights: Weights, node: Any) -> Rule | None:
    x, y = graph.tensor_of(node.inputs[0]), graph.tensor_of(node.outputs[0])
    target = _ints(graph, node, 1)
    if target is None:
        return None
    zeros = [] if graph.attribute(node, "allowzero", 0) else [i for i, n in enumerate(target) if n == 0]
    shape = x.shape  # x may be permuted itself when this node is changed
    features: list[list[flattening.Edit] | None] = []

    def plan(perm: Perm) -> list[flattening.Edit] | None:
        if perm[0] != 0 or any(isinstance(n, int) and n == 0 for n in target[1:]):
            return None
        if not features:
            features.append(flattening.edits(graph, x, y))
        return features[0]

    def cost(perm: Perm) -> int:
        if is_free(shape, perm):
            moved = permuted(shape, perm)
            return 0 if all(moved[i] == shape[i] for i in zeros) else FORBIDDEN
        return 0 if plan(perm) is not None else FORBIDDEN

    def apply(perm: Perm) -> None:
        if not is_free(shape, perm):
            flattening.apply(graph, weights, plan(perm) or [], shape[1:], perm)

    return Rule((0,), False, cost, apply)


_REDUCTIONS = ["Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"]
_axis = _one_axis(-1)
_softmax = _one_axis(-1, last_is_best=True)
RULES: dict[str, Callable[..., Rule | None]] = {
    **{f"Reduce{name}": _reduce for name in _REDUCTIONS},
    "ArgMax": _arg,
    "ArgMin": _arg,
    "Concat": _concat,
    "CumSum": _cumsum,
    "Expand": _expand,
    "Gather": _gather,
    "Hardmax": _softmax,
    "LogSoftmax": _softmax,
    "LpNormalization": _axis,
    "Pad": _pad,
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _shape,
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": _one_axis(0),
    "Squeeze": _squeeze,
    "Tile": _tile,
    "TopK": _axis,
}
