"""Gauss's elimination with pivots, as an ONNX Loop over the columns: determinants, inverses, solutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import scalar
from portable_layers.ops.joining import join
from portable_layers.ops.linalg.matrices import column, count_of, identity_like, matrices, row, stacked
from portable_layers.ops.reduction import positions, reduce
from portable_layers.ops.shaping import broadcast_to, expand_dims, reshape, squeeze
from portable_layers.tensor import Tensor


def _pivoted(x: Tensor, k: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices with their best row swapped to place k, the new order of rows, and which it was."""
    g = graph()
    size = g.add("Abs", column(x, k))
    open_rows = g.add("GreaterOrEqual", rows, k)
    best = g.add("ArgMax", g.add("Where", open_rows, size, scalar(-1, x)), axis=1, keepdims=1)
    at_best = g.add("Where", g.add("Equal", rows, best), k, rows)
    order = g.add("Where", g.add("Equal", rows, k), best, at_best)
    places = g.add("Expand", expand_dims(order, 2), g.add("Shape", x), shape=x.shape)
    return g.add("GatherElements", x, places, axis=1, shape=x.shape), order, best


def factored(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Stacked matrices as L and U in one, the order of rows, and the order's sign `(batch, 1)`."""
    g = graph()
    size = x.shape[-1]
    rows = positions(size)
    order = broadcast_to(expand_dims(rows, 0), (x.shape[0], size))
    sign = broadcast_to(expand_dims(scalar(1, x), [0, 1]), (x.shape[0], 1))

    def step(k: Tensor, x: Tensor, order: Tensor, sign: Tensor) -> tuple[None, list[Tensor]]:
        g = graph()
        x, moves, best = _pivoted(x, k, rows)
        order = g.add("GatherElements", order, moves, axis=1, shape=order.shape)
        sign = g.add("Where", g.add("Equal", best, k), sign, g.add("Neg", sign), shape=sign.shape)
        below = g.add("Greater", rows, k)
        top = row(x, k)
        pivot = g.add("Gather", top, g.add("Unsqueeze", k, np.array([0], np.int64)), axis=1)
        factors = g.add("Where", below, g.add("Div", column(x, k), pivot), scalar(0, x))
        right = g.add("Where", below, top, scalar(0, x))
        x = g.add("Sub", x, g.add("Mul", expand_dims(factors, 2), expand_dims(right, 1)))
        in_column = g.add("And", expand_dims(below, 1), expand_dims(g.add("Equal", rows, k), 0))
        x = g.add("Where", in_column, expand_dims(factors, 2), x, shape=(order.shape[0], size, size))
        return None, [x, order, sign]

    found = g.loop(count_of(size), None, step, [x, order, sign])
    return found[0], found[1], found[2]


def solved(a: Tensor, b: Tensor) -> Tensor:
    """X with `a @ X == b`, by the method of Gauss and Jordan; `(batch, n, n)` and `(batch, n, k)`."""
    size, width = b.shape[-2:]
    rows = positions(size)
    whole = join([a, b], 2)
    shape = whole.shape

    def step(k: Tensor, x: Tensor) -> tuple[None, list[Tensor]]:
        g = graph()
        x, _, _ = _pivoted(x, k, rows)
        at_k = expand_dims(g.add("Equal", rows, k), 1)
        top = row(x, k)
        pivot = g.add("Gather", top, g.add("Unsqueeze", k, np.array([0], np.int64)), axis=1)
        top = expand_dims(g.add("Div", top, pivot), 1)
        rest = g.add("Sub", x, g.add("Mul", expand_dims(column(x, k), 2), top))
        return None, [g.add("Where", at_k, top, rest, shape=shape)]

    (done,) = graph().loop(count_of(size), None, step, [whole])
    sizes = (*shape[:2], width)
    g = graph()
    start, end = g.shape_tensor([size]), g.shape_tensor([size + width])
    return g.add("Slice", done, start, end, np.array([2], np.int64), shape=sizes)


def diagonal_of(x: Tensor) -> Tensor:
    """The diagonal of each stacked matrix, `(batch, n)`."""
    on = graph().add("Where", identity_like(x), x, scalar(0, x))
    return reduce("ReduceSum", on, 2)


@op("linalg.Det", "x")
def det(x: Any) -> Any:
    """The determinant of each matrix."""
    x = matrices("det", x)
    if x.dtype != "float64":
        return graph().add("Det", x)
    triangles, _, sign = factored(stacked(x))
    found = graph().add("Mul", reduce("ReduceProd", diagonal_of(triangles), 1), squeeze(sign, 1))
    return reshape(found, x.shape[:-2])


@op("numpy.Slogdet", "x")
def slogdet(x: Any) -> Any:
    """The sign of each matrix's determinant, and the logarithm of its absolute value."""
    x = matrices("slogdet", x)
    triangles, _, sign = factored(stacked(x))
    g = graph()
    diagonal = diagonal_of(triangles)
    signs = g.add("Mul", reduce("ReduceProd", g.add("Sign", diagonal), 1), squeeze(sign, 1))
    logarithm = reduce("ReduceSum", g.add("Log", g.add("Abs", diagonal)), 1)
    return reshape(signs, x.shape[:-2]), reshape(logarithm, x.shape[:-2])


@op("linalg.Inv", "x")
def inv(x: Any) -> Any:
    """The inverse of each matrix."""
    x = matrices("inv", x)
    rows = stacked(x)
    unit = broadcast_to(cast_to(identity_like(rows), x.dtype), rows.shape)
    return reshape(solved(rows, unit), x.shape)


@op("linalg.Solve", "a", "b")
def solve(a: Any, b: Any) -> Any:
    """X with `a @ X == b`.

    Args:
        a: `(..., n, n)`.
        b: `(..., n, k)`, or `(..., n)`.

    Raises:
        ValueError: for shapes that do not fit.
    """
    a, b = matrices("solve", a), convert(b)
    return with_columns("solve", a, cast_to(b, a.dtype), solved)


def with_columns(name: str, a: Tensor, b: Tensor, solver: Any) -> Tensor:
    """Call a solver on stacked matrices; b may be vectors.

    Raises:
        ValueError: for shapes that do not fit.
    """
    is_vector = b.ndim == a.ndim - 1
    wide = expand_dims(b, -1) if is_vector else b
    sizes = wide.shape[-2], a.shape[-1]
    if wide.ndim != a.ndim or (sizes[0] != sizes[1] and all(isinstance(n, int) for n in sizes)):
        raise ValueError(f"{name} needs matrices and as many rows. Received: {a!r} and {b!r}")
    found = reshape(solver(stacked(a), stacked(wide)), wide.shape)
    return squeeze(found, -1) if is_vector else found


@op("linalg.LuFactor", "x")
def lu_factor(x: Any) -> Any:
    """L and U of a matrix in one, and the order of its rows, int32, as in Keras on TensorFlow."""
    x = matrices("lu_factor", x)
    triangles, order, _ = factored(stacked(x))
    # The inverse of the order: where each row went.
    _, places = graph().add(
        "TopK", order, graph().shape_tensor([x.shape[-1]]), axis=1, largest=0, outputs=2,
        spec=[("int64", order.shape)] * 2,
    )  # fmt: skip
    return reshape(triangles, x.shape), reshape(cast_to(places, "int32"), x.shape[:-1])
