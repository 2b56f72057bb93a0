"""Triangular matrices: Cholesky's decomposition, and substitution; ONNX Loops over the columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import scalar
from portable_layers.ops.linalg.elimination import diagonal_of, with_columns
from portable_layers.ops.linalg.matrices import column, count_of, identity_like, matrices, row, stacked
from portable_layers.ops.reduction import positions, reduce
from portable_layers.ops.shaping import broadcast_to, expand_dims, reshape, swapaxes
from portable_layers.tensor import Tensor


@op("linalg.Cholesky", "x")
def cholesky(x: Any, upper: bool = False) -> Any:
    """The lower triangle L with `L @ L.T == x` of each positive definite matrix, or `L.T`.

    Where a matrix is not positive definite the result is not a number; Keras raises an error.
    """
    x = matrices("cholesky", x)
    lower = reshape(_cholesky(stacked(x)), x.shape)
    return swapaxes(lower, -1, -2) if upper else lower


def _cholesky(x: Tensor) -> Tensor:
    size = x.shape[-1]
    rows = positions(size)
    empty = broadcast_to(scalar(0, x), x.shape)

    def step(k: Tensor, rest: Tensor, lower: Tensor) -> tuple[None, list[Tensor]]:
        g = graph()
        reached = g.add("GreaterOrEqual", rows, k)
        full = column(rest, k)
        pivot = g.add("Sqrt", g.add("Gather", full, g.add("Unsqueeze", k, np.array([0], np.int64)), axis=1))
        part = g.add("Where", reached, g.add("Div", full, pivot), scalar(0, rest))
        tall, wide = expand_dims(part, 2), expand_dims(part, 1)
        rest = g.add("Sub", rest, g.add("Mul", tall, wide), shape=x.shape)
        at_k = g.add("Equal", rows, k)
        return None, [rest, g.add("Where", at_k, tall, lower, shape=x.shape)]

    return graph().loop(count_of(size), None, step, [x, empty])[1]


@op("math.Logdet", "x")
def logdet(x: Any) -> Any:
    """The logarithm of the determinant of each positive definite matrix."""
    x = matrices("logdet", x)
    logarithms = graph().add("Log", diagonal_of(_cholesky(stacked(x))))
    total = reduce("ReduceSum", logarithms, 1)
    return reshape(graph().add("Mul", total, scalar(2, x)), x.shape[:-2])


@op("linalg.CholeskyInverse", "x")
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of each matrix whose Cholesky decomposition is x."""
    x = matrices("cholesky_inverse", x)
    rows = stacked(x)
    unit = broadcast_to(cast_to(identity_like(rows), x.dtype), rows.shape)
    inverse = _substituted(rows, unit, not upper)
    turned = swapaxes(inverse, 1, 2)
    pair = (inverse, turned) if upper else (turned, inverse)
    return reshape(graph().add("MatMul", *pair), x.shape)


@op("linalg.SolveTriangular", "a", "b")
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """X with `a @ X == b`, where a is a triangle: `(..., n, n)`, and b `(..., n, k)` or `(..., n)`.

    Raises:
        ValueError: for shapes that do not fit.
    """
    a, b = matrices("solve_triangular", a), convert(b)
    return with_columns("solve_triangular", a, cast_to(b, a.dtype), lambda x, y: _substituted(x, y, lower))


def _substituted(a: Tensor, b: Tensor, lower: bool) -> Tensor:
    size = a.shape[-1]
    rows = positions(size)
    shape = b.shape
    last = graph().add("Sub", graph().shape_tensor([size]), np.ones(1, np.int64))

    def step(number: Tensor, x: Tensor) -> tuple[None, list[Tensor]]:
        g = graph()
        k = number if lower else g.add("Squeeze", g.add("Sub", last, number), np.array([0], np.int64))
        factors = column(a, k)
        pivot = g.add("Gather", factors, g.add("Unsqueeze", k, np.array([0], np.int64)), axis=1)
        known = expand_dims(g.add("Div", row(x, k), pivot), 1)
        rest = g.add("Sub", x, g.add("Mul", expand_dims(factors, 2), known))
        open_rows = expand_dims(g.add("Greater" if lower else "Less", rows, k), 1)
        x = g.add("Where", open_rows, rest, x)
        at_k = expand_dims(g.add("Equal", rows, k), 1)
        return None, [g.add("Where", at_k, known, x, shape=shape)]

    return graph().loop(count_of(size), None, step, [b])[0]
