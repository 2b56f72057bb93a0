"""Pooling of any rank (`keras.ops.nn`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.dims import Size
from portable_layers.ops import reduction
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.indexing import take
from portable_layers.ops.layout import channels_back, channels_first, spatial_axes, standardize_data_format
from portable_layers.ops.reduction import positions
from portable_layers.ops.shaping import reshape
from portable_layers.ops.windows import spread, window
from portable_layers.tensor import Tensor

# The dtypes of the operators; ONNX Runtime has no AveragePool of float64 on the CPU.
_POOLED = {
    "MaxPool": ("float32", "float64", "float16", "bfloat16", "int8", "uint8"),
    "AveragePool": ("float32", "float16", "bfloat16"),
}


@op("nn.MaxPool", "inputs")
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The largest element of each window; strides are the pool size by default."""
    return _pool("MaxPool", inputs, pool_size, strides, padding, data_format)


@op("nn.AveragePool", "inputs")
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The mean of each window; padding does not count."""
    return _pool("AveragePool", inputs, pool_size, strides, padding, data_format)


@op("nn.AdaptiveMaxPool", "inputs")
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest element of each of `output_size` windows that together cover the input."""
    return _adaptive_pool("MaxPool", inputs, output_size, data_format)


@op("nn.AdaptiveAveragePool", "inputs")
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The mean of each of `output_size` windows that together cover the input."""
    return _adaptive_pool("AveragePool", inputs, output_size, data_format)


def _pool(
    op_type: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None
) -> Tensor:
    x = _pooled(op_type, inputs)
    data_format = standardize_data_format(data_format)
    if padding not in ("valid", "same"):
        raise ValueError(f"padding must be 'valid' or 'same'. Received: padding={padding!r}")
    rank = x.ndim - 2
    sizes = spread(pool_size, rank, "pool_size")
    strides = sizes if strides is None else spread(strides, rank, "strides")
    axes = spatial_axes(x.ndim, data_format)
    where = window(tuple(x.shape[a] for a in axes), sizes, strides, (1,) * rank, padding)
    if x.dtype in _POOLED[op_type] and (where.pads is not None or where.automatic):
        first = channels_first(x, data_format)
        y = graph().add(
            op_type,
            first,
            kernel_shape=sizes,
            strides=strides,
            shape=(*first.shape[:2], *where.output),
            **where.attributes,
        )
        return channels_back(y, data_format)
    begins, _ = where.run_time_pads()
    for axis, width, stride, count, begin in zip(axes, sizes, strides, where.output, begins, strict=True):
        if (width, stride) != (1, 1):
            index, inside = _sliding(x.shape[axis], count, width, stride, begin)
            x = _reduce_windows(op_type, x, axis, index, None if padding == "valid" else inside)
    return x


def _adaptive_pool(op_type: str, inputs: Any, output_size: Any, data_format: str | None) -> Tensor:
    x = _pooled(op_type, inputs)
    data_format = standardize_data_format(data_format)
    axes = spatial_axes(x.ndim, data_format)
    counts = spread(output_size, len(axes), "output_size")
    if not all(isinstance(x.shape[a], int) for a in axes):
        raise ValueError(f"adaptive pooling needs known spatial sizes. Received: {x!r}")
    bounds = [_adaptive_bounds(int(x.shape[a]), n) for a, n in zip(axes, counts, strict=True)]
    steps = [_step(starts, ends) for starts, ends in bounds]
    if all(steps):
        sizes = [int(ends[0]) for _, ends in bounds]
        return _pool(op_type, x, sizes, steps, "valid", data_format)
    for axis, (starts, ends) in zip(axes, bounds, strict=True):
        if not (np.array_equal(starts, np.arange(x.shape[axis])) and np.all(ends - starts == 1)):
            places = starts[:, None] + np.arange(np.max(ends - starts))
            inside = places < ends[:, None]
            index = np.minimum(places, ends[:, None] - 1)
            x = _reduce_windows(op_type, x, axis, index, None if inside.all() else inside)
    return x


def _pooled(op_type: str, inputs: Any) -> Tensor:
    x = convert(inputs)
    if x.ndim not in (3, 4, 5):
        raise ValueError(f"pooling takes inputs of rank 3, 4 or 5. Received: {x!r}")
    if op_type == "AveragePool" and x.dtype not in (*_POOLED["AveragePool"], "float64"):
        raise ValueError(f"average pooling takes floating point inputs. Received: {x!r}")
    return x


def _adaptive_bounds(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each window starts, and where it ends (exclusive): the i-th covers `[i, i + 1) * size / count`."""
    numbers = np.arange(count)
    return numbers * size // count, -(-(numbers + 1) * size // count)


def _step(starts: np.ndarray, ends: np.ndarray) -> int:
    """The stride of windows that lie as those of plain pooling; 0 where they do not."""
    if len(starts) == 1:
        return int(ends[0])
    step = int(starts[1])
    regular = step > 0 and np.all(np.diff(starts) == step) and np.all(np.diff(ends) == step)
    return step if regular else 0


def _sliding(size: Size, count: Size, width: int, stride: int, begin: int | Tensor) -> tuple[Any, Any]:
    """The places that each window reads along an axis, and which of them lie inside.

    Returns:
        `(count, width)` integers, held within the axis, and as many booleans (None: all inside).
    """
    if isinstance(size, int) and isinstance(count, int) and isinstance(begin, int):
        places = np.arange(count)[:, None] * stride + np.arange(width) - begin
        index = np.clip(places, 0, size - 1)
        return index, None if np.array_equal(index, places) else index == places
    g = graph()
    starts = g.add("Mul", positions(count), np.array([stride], np.int64))
    offsets = np.arange(width, dtype=np.int64)
    offsets = offsets - begin if isinstance(begin, int) else g.add("Sub", offsets, begin)
    shape = (count, width)
    places = g.add("Add", reshape(starts, (count, 1)), offsets, shape=shape)
    last = g.add("Sub", g.size(size), np.array([1], np.int64))
    index = g.add("Min", g.add("Max", places, np.array([0], np.int64)), last, shape=shape)
    return index, g.add("Equal", index, places)


def _reduce_windows(op_type: str, x: Tensor, axis: int, index: Any, inside: Any) -> Tensor:
    """Pool along one axis by reading each window's elements; what is read twice changes no maximum."""
    windows = take(x, index if isinstance(index, Tensor) else np.asarray(index, np.int64), axis)
    if op_type == "MaxPool":
        return reduction.max(windows, axis + 1)
    if inside is None:
        return reduction.mean(windows, axis + 1)
    mask = convert(inside)
    mask = reshape(mask, (*mask.shape, *[1] * (x.ndim - axis - 1)))
    kept = graph().add("Where", mask, windows, cast_to(0, x.dtype), shape=windows.shape)
    # The windows' axis is the first of the mask.
    return graph().add("Div", reduction.sum(kept, axis + 1), reduction.sum(cast_to(mask, x.dtype), 1))
