"""Blocks of images as channels or columns, and back (`keras.ops.nn`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Size
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import as_float
from portable_layers.ops.layout import channels_back, channels_first
from portable_layers.ops.shaping import reshape, transpose
from portable_layers.ops.windows import spread
from portable_layers.tensor import Tensor


@op("nn.Unfold", "x")
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Each window of `(batch, channels, height, width)` as a column: `(batch, channels * window, windows)`.

    Raises:
        ValueError: for a tensor of another rank.
    """
    x = convert(x)
    if x.ndim != 4:
        raise ValueError(f"unfold needs a tensor of rank 4. Received: {x!r}")
    wide = as_float(x)
    height, width, dilations, pads, strides = _window(kernel_size, dilation, padding, stride)
    channels = int(x.shape[1])
    columns = graph().add(
        "Conv",
        wide,
        _picks(channels, height, width, wide.dtype),
        kernel_shape=[height, width],
        strides=strides,
        dilations=dilations,
        pads=pads * 2,
        group=channels,
    )
    rows, across = columns.shape[2:]
    return cast_to(reshape(columns, (x.shape[0], channels * height * width, rows * across)), x.dtype)


@op("nn.Fold", "x")
def fold(
    x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """The inverse of `unfold`; where windows overlap, their elements are added up.

    Raises:
        ValueError: for a tensor of another rank.
    """
    x = convert(x)
    if x.ndim != 3:
        raise ValueError(f"fold needs a tensor of rank 3. Received: {x!r}")
    wide = as_float(x)
    height, width, dilations, pads, strides = _window(kernel_size, dilation, padding, stride)
    sizes = spread(output_size, 2, "output_size")
    counts: list[Size] = []
    extra = []
    for size, k, d, p, s in zip(sizes, (height, width), dilations, pads, strides, strict=True):
        reach = d * (k - 1) + 1
        counts.append((size + 2 * p - reach) // s + 1)
        extra.append((size + 2 * p - reach) % s)
    channels = int(x.shape[1]) // (height * width)
    grid = reshape(wide, (x.shape[0], x.shape[1], *counts))
    y = graph().add(
        "ConvTranspose",
        grid,
        _picks(channels, height, width, wide.dtype),
        kernel_shape=[height, width],
        strides=strides,
        dilations=dilations,
        pads=pads * 2,
        output_padding=extra if any(extra) else None,
        group=channels,
        shape=(x.shape[0], channels, *sizes),
    )
    return cast_to(y, x.dtype)


def _window(
    kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[int, int, list[int], list[int], list[int]]:
    height, width = spread(kernel_size, 2, "kernel_size")
    return (
        height,
        width,
        list(spread(dilation, 2, "dilation")),
        list(spread(padding, 2, "padding", True)),
        list(spread(stride, 2, "stride")),
    )


def _picks(channels: int, height: int, width: int, dtype: str) -> np.ndarray:
    """The kernel of a grouped convolution each of whose filters picks one element of the window."""
    size = height * width
    eye = np.eye(size, dtype=dtypes.to_numpy(dtype)).reshape(size, 1, height, width)
    return np.tile(eye, (channels, 1, 1, 1))


@op("nn.DepthToSpace", "x")
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels laid out as blocks of pixels: the image grows by `block_size`.

    Raises:
        ValueError: for blocks smaller than 2.
    """
    x = _blocks("depth_to_space", x, block_size)
    first = channels_first(x, data_format)
    wide = first if dtypes.is_float(x.dtype) else cast_to(first, "float64")
    y = graph().add("DepthToSpace", wide, blocksize=block_size, mode="DCR")
    return channels_back(cast_to(y, x.dtype), data_format)


@op("nn.SpaceToDepth", "x")
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Blocks of pixels laid out as channels: the image shrinks by `block_size`.

    Raises:
        ValueError: for blocks smaller than 2.
    """
    x = _blocks("space_to_depth", x, block_size)
    if data_format == "channels_first":
        x = transpose(x, (0, 2, 3, 1))
    batch, height, width, channels = x.shape
    parts = (batch, height // block_size, block_size, width // block_size, block_size, channels)
    moved = transpose(reshape(x, parts), (0, 1, 3, 2, 4, 5))
    y = reshape(moved, (batch, parts[1], parts[3], channels * block_size**2))
    return transpose(y, (0, 3, 1, 2)) if data_format == "channels_first" else y


def _blocks(name: str, x: Any, block_size: int) -> Tensor:
    x = convert(x)
    if block_size < 2 or x.ndim != 4:
        raise ValueError(
            f"{name} needs a tensor of rank 4 and blocks of 2 or more. "
            f"Received: {x!r}, block_size={block_size}"
        )
    return x
