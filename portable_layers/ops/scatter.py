"""Elements written to places, and sums over segments (`keras.ops.core` and `math`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops import opset
from portable_layers.ops.comparison import choose
from portable_layers.ops.creation import full
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.kernels import wide_dtype
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import expand_dims
from portable_layers.tensor import Tensor

_REDUCTIONS = (None, "add", "max", "min", "mul")


@op("core.Scatter", "indices", "values")
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros of a shape with values added at places.

    Args:
        indices: `(..., k)`, each row the start of a place.
        values: one element or slice a row; what meets at a place is added up.
    """
    values = convert(values)
    target = full(shape, 0, values.dtype)
    return _scattered(target, convert(indices), values, "add")


@op("core.ScatterUpdate", "inputs", "indices", "updates")
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """x with elements or slices replaced at places, or combined with what is there.

    Args:
        indices: `(..., k)`, each row the start of a place.
        updates: one element or slice a row.
        reduction: None to replace, `add`, `max`, `min` or `mul`.

    Raises:
        ValueError: for another reduction.
    """
    reduction = reduction.lower() if isinstance(reduction, str) else reduction
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction must be None, 'add', 'max', 'min' or 'mul'. Received: {reduction!r}")
    x = convert(inputs)
    return _scattered(x, convert(indices), cast_to(updates, x.dtype), reduction)


def _scattered(x: Tensor, indices: Tensor, updates: Tensor, reduction: str | None) -> Tensor:
    dtype = x.dtype
    if reduction is not None:
        wide = wide_dtype("ReduceSum", dtype)
        x, updates = cast_to(x, wide), cast_to(updates, wide)
    return cast_to(opset.scatter_nd(x, cast_to(indices, "int64"), updates, reduction), dtype)


@op("math.SegmentSum", "data", "segment_ids")
def segment_sum(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """The sum of the rows with each segment number; 0 where there is none.

    Args:
        data: `(n, ...)`.
        segment_ids: `(n,)` integers; rows with a negative one are left out.
        num_segments: how many segments; those that occur by default.
        sorted: says that the numbers rise; not with `num_segments`.
    """
    return _segments("add", data, segment_ids, num_segments, sorted)


@op("math.SegmentMax", "data", "segment_ids")
def segment_max(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """The largest of the rows with each segment number, see `segment_sum`; the smallest number of the
    dtype where there is none (0 if sorted)."""
    return _segments("max", data, segment_ids, num_segments, sorted)


@op("math.SegmentMin", "data", "segment_ids")
def segment_min(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """The smallest of the rows with each segment number, see `segment_sum`; the largest number of the
    dtype where there is none (0 if sorted)."""
    return _segments("min", data, segment_ids, num_segments, sorted)


@op("math.SegmentProd", "data", "segment_ids")
def segment_prod(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """The product of the rows with each segment number, see `segment_sum`; 1 where there is none."""
    return _segments("mul", data, segment_ids, num_segments, sorted)


def _segments(reduction: str, data: Any, segment_ids: Any, num_segments: Any, sorted: bool) -> Tensor:
    x, ids = convert(data), cast_to(segment_ids, "int64")
    if ids.ndim != 1:
        raise ValueError(f"segment_ids must be of rank 1. Received: {ids!r}")
    if sorted and num_segments is not None:
        raise ValueError(f"num_segments cannot be set when sorted. Received: num_segments={num_segments}")
    g = graph()
    if isinstance(num_segments, int):
        count: Any = num_segments
        rows = g.shape_tensor([count + 1])
    else:
        count = g.fresh_dim("segments")
        if num_segments is not None:
            number = g.shape_tensor([convert(num_segments)])
        elif reduction == "add" and not sorted:
            # Keras takes the number of different ones here, the largest one plus 1 else.
            kinds = g.add("Unique", ids, sorted=0)
            number = g.add("Shape", kinds)
        else:
            number = g.add("Add", reduce("ReduceMax", ids, 0, True), np.ones(1, np.int64))
        rows = g.add("Add", number, np.ones(1, np.int64))
    last = g.add("Sub", rows, np.ones(1, np.int64))
    neutral = _neutral(reduction, x.dtype)
    # One row more takes what does not count.
    places = g.add("Where", g.add("Less", ids, np.asarray(0, np.int64)), last, ids)
    sizes = g.add("Concat", rows, g.shape_tensor(x.shape[1:]), axis=0) if x.ndim > 1 else rows
    shape = (count + 1, *x.shape[1:]) if isinstance(count, int) else (g.fresh_dim("rows"), *x.shape[1:])
    target = g.add("Expand", g.constant(neutral), sizes, shape=shape)
    found = _scattered(target, expand_dims(places, -1), x, reduction)
    wanted = (count, *x.shape[1:])
    result = g.add("Slice", found, np.zeros(1, np.int64), last, np.zeros(1, np.int64), shape=wanted)
    if not sorted or reduction not in ("max", "min"):
        return result
    empty = g.add("Equal", result, g.constant(neutral))
    return choose(empty, g.constant(np.zeros((), neutral.dtype)), result)


def _neutral(reduction: str, dtype: str) -> np.ndarray:
    kind = dtypes.to_numpy(dtype)
    if reduction in ("add", "mul"):
        return np.asarray(0 if reduction == "add" else 1).astype(kind)
    import ml_dtypes

    limits = ml_dtypes.finfo(kind) if dtypes.is_float(dtype) else ml_dtypes.iinfo(kind)
    return np.asarray(limits.min if reduction == "max" else limits.max).astype(kind)
