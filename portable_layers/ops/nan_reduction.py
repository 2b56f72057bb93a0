"""Reductions that leave out what is not a number (`keras.ops.numpy.nan...`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops import reduction
from portable_layers.ops.comparison import nan_to_num
from portable_layers.ops.cumulative import cumprod, cumsum
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.reduction import reduce
from portable_layers.tensor import Tensor


def _filled(x: Tensor, value: float) -> Tensor:
    """x with a number where it is none."""
    return graph().add("Where", graph().add("IsNaN", x), scalar(value, x), x)


def _none_counts(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """Whether there is no number at all over the axes."""
    return reduction.all(graph().add("IsNaN", x), axis, keepdims)


@op("numpy.Nanmax", "x")
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest number over these axes; not a number where there is none."""
    return _extreme("ReduceMax", -np.inf, x, axis, keepdims)


@op("numpy.Nanmin", "x")
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest number over these axes; not a number where there is none."""
    return _extreme("ReduceMin", np.inf, x, axis, keepdims)


def _extreme(op_type: str, neutral: float, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = convert(x)
    if not dtypes.is_float(x.dtype):
        return reduce(op_type, x, axis, keepdims)
    found = reduce(op_type, _filled(x, neutral), axis, keepdims)
    return graph().add("Where", _none_counts(x, axis, keepdims), scalar(np.nan, x), found)


@op("numpy.Nanargmax", "x")
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the first largest number is, as int32; -1 where there is none."""
    return _arg(reduction.argmax, -np.inf, x, axis, keepdims)


@op("numpy.Nanargmin", "x")
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the first smallest number is, as int32; -1 where there is none."""
    return _arg(reduction.argmin, np.inf, x, axis, keepdims)


def _arg(function: Any, neutral: float, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    x = convert(x)
    if not dtypes.is_float(x.dtype):
        return function(x, axis, keepdims)
    found = function(_filled(x, neutral), axis, keepdims)
    return graph().add("Where", _none_counts(x, axis, keepdims), np.asarray(-1, np.int32), found)


@op("numpy.Nansum", "x")
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of the numbers over these axes."""
    x = convert(x)
    return reduction.sum(_filled(x, 0.0) if dtypes.is_float(x.dtype) else x, axis, keepdims)


@op("numpy.Nanprod", "x")
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product of the numbers over these axes."""
    x = convert(x)
    return reduction.prod(_filled(x, 1.0) if dtypes.is_float(x.dtype) else x, axis, keepdims)


@op("numpy.Nanmean", "x")
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of the numbers over these axes."""
    x = convert(x)
    if axis in ((), []):
        return x
    if not dtypes.is_float(x.dtype):
        return reduce("ReduceMean", as_float(x), axis, keepdims)
    return graph().add("Div", nansum(x, axis, keepdims), _count(x, axis, keepdims))


def _count(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    present = cast_to(graph().add("Not", graph().add("IsNaN", x)), x.dtype)
    return reduce("ReduceSum", present, axis, keepdims)


@op("numpy.Nanvar", "x")
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance of the numbers over these axes."""
    x = as_float(x)
    g = graph()
    centred = g.add("Sub", x, nanmean(x, axis, True))
    centred = g.add("Where", g.add("IsNaN", x), scalar(0, x), centred)
    total = reduce("ReduceSum", g.add("Mul", centred, centred), axis, keepdims)
    return g.add("Div", total, _count(x, axis, keepdims))


@op("numpy.Nanstd", "x")
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The square root of the variance of the numbers."""
    return graph().add("Sqrt", nanvar(x, axis, keepdims))


@op("numpy.Nancumsum", "x")
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums along an axis, what is not a number counted as 0."""
    return cumsum(nan_to_num(x), axis, dtype)


@op("numpy.Nancumprod", "x")
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products along an axis, what is not a number counted as 1."""
    return cumprod(nan_to_num(x, nan=1.0), axis, dtype)
