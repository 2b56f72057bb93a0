"""Diagonals and triangles of matrices (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.dims import Size
from portable_layers.ops.comparison import choose
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axis, op
from portable_layers.ops.elementwise import scalar
from portable_layers.ops.padding import pad
from portable_layers.ops.reduction import positions, reduce, sum_dtype
from portable_layers.ops.shaping import expand_dims, moveaxis, reshape
from portable_layers.tensor import Tensor


@op("numpy.Diagonal", "x")
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of the matrices in two axes, as the last axis.

    Raises:
        ValueError: for equal axes, or an offset diagonal of matrices of unknown size.
    """
    x = _matrices(x, axis1, axis2)
    rows, columns = x.shape[-2:]
    if rows == columns and offset == 0:
        count: Size = rows
        first = second = positions(count)
    elif isinstance(rows, int) and isinstance(columns, int):
        down, across = max(-offset, 0), max(offset, 0)
        count = max(min(rows - down, columns - across), 0)
        first, second = (graph().constant(np.arange(count) + n) for n in (down, across))
    else:
        raise ValueError(f"diagonal needs matrices of known size for offset={offset}. Received: {x!r}")
    # Of each row the element in its column; GatherElements wants indices of x's rank.
    g = graph()
    chosen = g.add("Gather", x, first, axis=x.ndim - 2, shape=(*x.shape[:-2], count, columns))
    wanted = (*x.shape[:-2], count, 1)
    places = g.add("Expand", expand_dims(second, -1), g.shape_tensor(wanted), shape=wanted)
    picked = g.add("GatherElements", chosen, places, axis=x.ndim - 1, shape=wanted)
    return reshape(picked, (*x.shape[:-2], count))


def _matrices(x: Any, axis1: int, axis2: int) -> Tensor:
    x = convert(x)
    first, second = normalize_axis(axis1, x.ndim, "axis1"), normalize_axis(axis2, x.ndim, "axis2")
    if first == second:
        raise ValueError(f"axis1 and axis2 must differ. Received: axis1={axis1}, axis2={axis2}")
    return moveaxis(x, (first, second), (-2, -1))


@op("numpy.Diag", "x")
def diag(x: Any, k: int = 0) -> Any:
    """The matrix with this diagonal, or the diagonal of a matrix.

    Raises:
        ValueError: for a tensor of another rank than 1 or 2.
    """
    x = convert(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"diag needs a tensor of rank 1 or 2. Received: {x!r}")
    # Padded like this, row i of the matrix holds element i.
    column = expand_dims(pad(x, [(max(-k, 0), max(k, 0))]), 1)
    return choose(_band(column.shape[0], column.shape[0], k), column, _zero(x))


def _zero(x: Tensor) -> Tensor:
    return scalar(0, x)


def _band(rows: Size, columns: Size, k: int) -> Tensor:
    """Where a matrix has its k-th diagonal."""
    offset = graph().add("Add", expand_dims(positions(rows), 1), np.asarray(k, np.int64))
    return graph().add("Equal", offset, expand_dims(positions(columns), 0))


@op("numpy.Diagflat", "x")
def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix with the flat tensor as its diagonal."""
    return diag(reshape(x, -1), k)


@op("numpy.Trace", "x")
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of the diagonal; of booleans and narrow integers as int32 or uint32."""
    x = convert(x)
    x = _matrices(cast_to(x, sum_dtype(x.dtype)), axis1, axis2)
    on = _band(x.shape[-2], x.shape[-1], offset)
    return reduce("ReduceSum", choose(on, x, _zero(x)), (-2, -1))


@op("numpy.Tril", "x")
def tril(x: Any, k: int = 0) -> Any:
    """The elements on and below the k-th diagonal, 0 above it."""
    return _triangle(x, k, upper=0)


@op("numpy.Triu", "x")
def triu(x: Any, k: int = 0) -> Any:
    """The elements on and above the k-th diagonal, 0 below it."""
    return _triangle(x, k, upper=1)


def _triangle(x: Any, k: int, upper: int) -> Tensor:
    x = convert(x)
    if x.dtype in ("bool", "int32", "int64", "float16", "float32", "float64"):
        return graph().add("Trilu", x, np.asarray(k, np.int64), upper=upper)
    wide = cast_to(x, "int64" if "int" in x.dtype else "float32")
    return cast_to(graph().add("Trilu", wide, np.asarray(k, np.int64), upper=upper), x.dtype)
