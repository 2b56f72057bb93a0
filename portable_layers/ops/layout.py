"""Channels last and channels first: the only place that transposes between them.

Keras is channels-last, ONNX channels-first. Operators that need channels first get a Transpose
before and one behind; the layout pass then cancels and moves them.
"""

from __future__ import annotations

from typing import Any

from portable_layers.ops.shaping import transpose
from portable_layers.tensor import Tensor


def standardize_data_format(data_format: Any) -> str:
    """`channels_last` (also for None) or `channels_first`, in lower case.

    Raises:
        ValueError: for anything else.
    """
    name = "channels_last" if data_format is None else str(data_format).lower()
    if name not in ("channels_last", "channels_first"):
        raise ValueError(
            f"data_format must be 'channels_last' or 'channels_first'. Received: data_format={data_format!r}"
        )
    return name


def spatial_axes(rank: int, data_format: str) -> tuple[int, ...]:
    """The axes of height, width, ... of a tensor of this rank."""
    return tuple(range(1, rank - 1)) if data_format == "channels_last" else tuple(range(2, rank))


def channels_first(x: Tensor, data_format: str = "channels_last") -> Tensor:
    """`(batch, *spatial, channels)` as `(batch, channels, *spatial)`; x itself if it is so already."""
    if data_format == "channels_first":
        return x
    return transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def channels_back(x: Tensor, data_format: str = "channels_last") -> Tensor:
    """The inverse of `channels_first`."""
    if data_format == "channels_first":
        return x
    return transpose(x, (0, *range(2, x.ndim), 1))


def channels_last(x: Tensor, data_format: str) -> Tensor:
    """x as `(batch, *spatial, channels)`; x itself if it is so already."""
    return x if data_format == "channels_last" else channels_back(x)


def channels_last_back(x: Tensor, data_format: str) -> Tensor:
    """The inverse of `channels_last`."""
    return x if data_format == "channels_last" else channels_first(x)


def axis_first(x: Tensor, axis: int) -> Tensor:
    """x with `axis` moved to place 1, where ONNX has the channels."""
    axis %= x.ndim
    return transpose(x, (0, axis, *(a for a in range(1, x.ndim) if a != axis)))


def axis_back(x: Tensor, axis: int) -> Tensor:
    """The inverse of `axis_first`."""
    axis %= x.ndim
    order = [0, *range(2, x.ndim)]
    order.insert(axis, 1)
    return transpose(x, tuple(order))
