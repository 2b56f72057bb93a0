"""Quantiles and medians (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.dims import product
from portable_layers.ops import reduction
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axes, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.indexing import take_along_axis
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import broadcast_to, moveaxis, reshape, transpose
from portable_layers.ops.sorting import ordered
from portable_layers.tensor import Tensor

_METHODS = ("linear", "lower", "higher", "nearest", "midpoint")


@op("numpy.Quantile", "x", "q")
def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The values below which the shares q of the elements lie, over these axes.

    Args:
        q: a number or vector from 0 to 1; a vector's axis comes first in the result.
        method: how to choose between two elements: `linear`, `lower`, `higher`, `nearest` or
            `midpoint`.

    Raises:
        ValueError: for another method.
    """
    return _quantile(as_float(x), convert(q), axis, method, keepdims)


@op("numpy.Percentile", "x", "q")
def percentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile` for q from 0 to 100."""
    return _quantile(as_float(x), _share(q), axis, method, keepdims)


@op("numpy.Median", "x")
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The middle element over these axes, or the mean of the two middle ones."""
    return _quantile(as_float(x), convert(0.5), axis, "linear", keepdims)


@op("numpy.Nanquantile", "x", "q")
def nanquantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile` of the numbers alone; not a number where there is none."""
    return _quantile(as_float(x), cast_to(q, "float32"), axis, method, keepdims, skip_nan=True)


@op("numpy.Nanpercentile", "x", "q")
def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`percentile` of the numbers alone; not a number where there is none."""
    return _quantile(as_float(x), _share(q), axis, method, keepdims, skip_nan=True)


@op("numpy.Nanmedian", "x")
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`median` of the numbers alone; not a number where there is none."""
    x = convert(x)
    if axis in ((), []):
        return x
    return _quantile(as_float(x), convert(0.5), axis, "linear", keepdims, skip_nan=True)


def _share(q: Any) -> Tensor:
    return graph().add("Div", cast_to(q, "float32"), np.asarray(100, np.float32))


def _quantile(x: Tensor, q: Tensor, axis: Any, method: str, keepdims: bool, skip_nan: bool = False) -> Tensor:
    if method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(_METHODS)}. Received: {method!r}")
    axes = normalize_axes(axis, x.ndim)
    others = [a for a in range(x.ndim) if a not in axes]
    moved = transpose(x, [*others, *axes])
    outer = tuple(x.shape[a] for a in others)
    rows = reshape(moved, (*outer, product(x.shape[a] for a in axes)))
    g = graph()
    missing = g.add("IsNaN", rows)
    if skip_nan:
        # Numbers first: what is none sorts behind them all.
        rows = g.add("Where", missing, scalar(np.inf, rows), rows)
        present = cast_to(g.add("Not", missing), "float64")
        last = g.add("Sub", reduce("ReduceSum", present, -1, True), np.asarray(1.0))
        bad = g.add("Less", last, np.asarray(0.0))
    else:
        last = g.add("Sub", cast_to(g.size(rows.shape[-1]), "float64"), np.asarray(1.0))
        bad = reduction.any(missing, -1, True)
    ordered_rows, _ = ordered(rows, -1)
    flat_q = cast_to(reshape(q, -1), "float64")
    found = _between(ordered_rows, g.add("Mul", last, flat_q), last, method)
    found = g.add("Where", bad, scalar(np.nan, found), found)
    # The axis of q comes first; the reduced axes come back with size 1.
    found = moveaxis(found, -1, 0)
    sizes: list[Any] = list(outer)
    if keepdims:
        sizes = [1 if a in axes else x.shape[a] for a in range(x.ndim)]
    return reshape(found, [*q.shape, *sizes])


def _between(rows: Tensor, exact: Tensor, last: Tensor, method: str) -> Tensor:
    """The elements of sorted rows at places that are no whole numbers.

    Args:
        rows: `(..., n)`.
        exact: the places, `(..., q)` or `(q,)`, float64.
        last: the last place.
    """
    g = graph()

    def at(places: Tensor) -> Tensor:
        held = g.add("Max", g.add("Min", places, last), np.asarray(0.0))
        index = cast_to(held, "int64")
        wanted = (*rows.shape[:-1], index.shape[-1])
        if index.ndim < rows.ndim:
            index = broadcast_to(index, wanted)
        return take_along_axis(rows, index, axis=-1)

    if method == "lower":
        return at(g.add("Floor", exact))
    if method == "higher":
        return at(g.add("Ceil", exact))
    if method == "nearest":
        return at(g.add("Round", exact))
    if method == "midpoint":
        total = g.add("Add", at(g.add("Floor", exact)), at(g.add("Ceil", exact)))
        return g.add("Mul", total, scalar(0.5, total))
    below = g.add("Max", g.add("Sub", g.add("Ceil", exact), np.asarray(1.0)), np.asarray(0.0))
    above = g.add("Min", g.add("Add", below, np.asarray(1.0)), g.add("Max", last, np.asarray(0.0)))
    share = cast_to(g.add("Sub", above, exact), rows.dtype)
    rest = g.add("Sub", scalar(1, share), share)
    return g.add("Add", g.add("Mul", at(above), rest), g.add("Mul", at(below), share))
