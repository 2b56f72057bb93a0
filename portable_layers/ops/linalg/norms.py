"""Norms of vectors and matrices (`keras.ops.norm`)."""

from __future__ import annotations

from typing import Any

from portable_layers.ops.dispatch import cast_to, graph, normalize_axis, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.linalg.orthogonal import svd
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import expand_dims, moveaxis
from portable_layers.tensor import Tensor

_INFINITY = float("inf")


@op("linalg.Norm", "x")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors (one axis) or matrices (two axes).

    Args:
        ord: of vectors None or 2 (Euclid's), a number, inf, -inf or 0 (how many are not 0); of matrices
            None or `fro`, 1, -1, inf, -inf, and by their singular values 2, -2 and `nuc`.
        axis: one axis or two; all by default.

    Raises:
        ValueError: for another order, or more axes.
    """
    x = as_float(x)
    if axis is None:
        axes = list(range(x.ndim))
    else:
        axes = [normalize_axis(a, x.ndim) for a in (axis if isinstance(axis, list | tuple) else [axis])]
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    if ord is None and axis is None and x.ndim == 0:
        return graph().add("Abs", x)
    raise ValueError(f"norm needs one axis or two. Received: axis={axis} for {x!r}")


def _euclidean(x: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    return graph().add("Sqrt", reduce("ReduceSum", graph().add("Mul", x, x), axes, keepdims))


def _vector_norm(x: Tensor, ord: Any, axes: list[int], keepdims: bool) -> Tensor:
    g = graph()
    if ord is None or ord == 2:
        return _euclidean(x, axes, keepdims)
    if ord == 0:
        there = g.add("Not", g.add("Equal", x, scalar(0, x)))
        return reduce("ReduceSum", cast_to(there, x.dtype), axes, keepdims)
    if isinstance(ord, str):
        raise ValueError(f"the order of a vector norm must be a number. Received: ord={ord!r}")
    size = g.add("Abs", x)
    if ord in (_INFINITY, -_INFINITY):
        return reduce("ReduceMax" if ord > 0 else "ReduceMin", size, axes, keepdims)
    total = reduce("ReduceSum", g.add("Pow", size, scalar(ord, x)), axes, keepdims)
    return g.add("Pow", total, scalar(1.0 / ord, x))


def _matrix_norm(x: Tensor, ord: Any, axes: list[int], keepdims: bool) -> Tensor:
    g = graph()
    if ord is None or ord == "fro":
        return _euclidean(x, axes, keepdims)
    if ord in (2, -2, "nuc"):
        values = svd(moveaxis(x, axes, (-2, -1)), compute_uv=False)
        reducer = {2: "ReduceMax", -2: "ReduceMin", "nuc": "ReduceSum"}[ord]
        found = reduce(reducer, values, -1)
        return expand_dims(found, sorted(axes)) if keepdims else found
    if ord not in (1, -1, _INFINITY, -_INFINITY):
        raise ValueError(f"unknown order of a matrix norm. Received: ord={ord!r}")
    summed, compared = axes if ord in (1, -1) else axes[::-1]
    sums = reduce("ReduceSum", g.add("Abs", x), summed, True)
    found = reduce("ReduceMax" if ord > 0 else "ReduceMin", sums, compared, True)
    from portable_layers.ops.shaping import squeeze

    return found if keepdims else squeeze(found, axes)
