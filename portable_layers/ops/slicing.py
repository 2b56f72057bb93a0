"""Slices along one axis: what indexing, splitting and differences are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.dims import Dim, Shape, Size
from portable_layers.ops.dispatch import convert, graph
from portable_layers.tensor import Tensor

_INT64_MAX = np.iinfo(np.int64).max


def slice_axis(x: Tensor, axis: int, start: Any, stop: Any, step: int = 1) -> Tensor:
    """`x[start:stop:step]` along one axis, with Python's meaning of None and negative numbers."""
    return slice_range(x, axis, slice(start, stop, step))


def normal_slice(x: Tensor, axis: int, start: Any, stop: Any, step: int = 1) -> Tensor:
    """`x[start:stop:step]` along one axis, in normal form: non-negative, within the size."""
    g = graph()
    size = x.shape[axis]
    if isinstance(size, int) and isinstance(start, int) and isinstance(stop, int):
        count: Size = len(range(start, stop, step))
        if (start, step, count) == (0, 1, size):
            return x
        if x.packing is not None and step > 0:
            return g.weight(x.packing.slice(axis, start, stop, step))
        if x.constant is not None:
            stop_index = None if stop < 0 else stop
            return g.constant(x.constant[(slice(None),) * axis + (slice(start, stop_index, step),)])
        wanted: Any = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    else:
        wanted = None
    # A stop before the start of the axis is said by the smallest integer.
    end = stop if not isinstance(stop, int) or stop >= 0 else -_INT64_MAX
    return g.add(
        "Slice",
        x,
        g.shape_tensor([start]),
        g.shape_tensor([end]),
        np.array([axis], np.int64),
        np.array([step], np.int64) if step != 1 else None,
        shape=wanted,
    )


def slice_range(x: Tensor, axis: int, k: slice) -> Tensor:
    """`x[k]` along one axis; bounds may be ints, dims or integer tensors."""
    step = 1 if k.step is None else int(k.step)
    size = x.shape[axis]
    bounds = [_bound(b) for b in (k.start, k.stop)]
    if k.start is None and k.stop is None and step == 1:
        return x
    if isinstance(size, int) and all(b is None or isinstance(b, int) for b in bounds):
        start, stop, step = slice(bounds[0], bounds[1], step).indices(size)
        return normal_slice(x, axis, start, stop, step)
    start, stop = bounds
    if step < 0:
        start = _INT64_MAX if start is None else start
        stop = -_INT64_MAX if stop is None else stop
    else:
        start = 0 if start is None else start
        stop = _INT64_MAX if stop is None else stop
    g = graph()
    wanted: Shape | None = None
    # x[a:] keeps size - a and x[:-a] too, where the axis is long enough.
    kept: Size | None = None
    if k.start is None and k.stop is None and step == -1:
        kept = size
    elif isinstance(start, int) and start >= 0 and stop == _INT64_MAX and step > 0:
        kept = (size - start + step - 1) // step
    elif start == 0 and isinstance(stop, int) and stop < 0 and step == 1:
        kept = size + stop
    elif start == -1 and stop == _INT64_MAX:
        kept = 1
    if kept is not None:
        wanted = (*x.shape[:axis], kept, *x.shape[axis + 1 :])
    return g.add(
        "Slice",
        x,
        g.shape_tensor([start]),
        g.shape_tensor([stop]),
        np.array([axis], np.int64),
        np.array([step], np.int64) if step != 1 else None,
        shape=wanted,
    )


def _bound(b: Any) -> Any:
    if b is None or isinstance(b, int):
        return b
    if isinstance(b, np.integer):
        return int(b)
    return b if isinstance(b, Dim | Tensor) else convert(b)
