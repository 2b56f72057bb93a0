"""Images brought to an aspect ratio before they are resized, by cropping the middle or padding around.

The sizes are computed as TensorFlow's code in Keras does, in float32 and cut off to integers: by NumPy
where they are known, in the graph where they are known only when the model runs.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Size
from portable_layers.ops.cropping import crop
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.ops.padding import pad
from portable_layers.tensor import Tensor

# A size as a number: an int, or an int64 tensor of one element.
_Number: TypeAlias = int | Tensor


def crop_window(
    x: Tensor, axes: tuple[int, int], size: tuple[int, int]
) -> tuple[list[_Number], list[_Number]]:
    """Where the largest window in the middle of the images begins that has the aspect ratio of `size`.

    Returns:
        Its begin along each of the axes, and its sizes.
    """
    sizes = [_number(x.shape[axis]) for axis in axes]
    kept = [
        _extreme("Max", _extreme("Min", own, _scaled(other, mine, their)), 1)
        for own, other, mine, their in _sides(sizes, size)
    ]
    return [_half(_minus(own, n)) for own, n in zip(sizes, kept, strict=True)], kept


def crop_to_aspect_ratio(x: Tensor, axes: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The middle of the images, as large as it can be with the aspect ratio of `size`."""
    begins, kept = crop_window(x, axes, size)
    return window_of(x, axes, begins, kept)


def window_of(x: Tensor, axes: tuple[int, int], begins: list[Any], sizes: list[Any]) -> Tensor:
    """The part of x that begins here along the axes and has these sizes, numbers or int64 tensors."""
    if all(isinstance(n, int) for n in (*begins, *sizes, *(x.shape[axis] for axis in axes))):
        places = zip(axes, begins, sizes, strict=True)
        return crop(x, {axis: (begin, int(x.shape[axis]) - n - begin) for axis, begin, n in places})
    g = graph()
    starts = g.shape_tensor(begins)
    ends = g.add("Add", starts, g.shape_tensor(sizes))
    shape = _with_sizes(x, axes, [n if isinstance(n, int) else None for n in sizes])
    return g.add("Slice", x, starts, ends, np.array(axes, np.int64), shape=shape)


def pad_to_aspect_ratio(x: Tensor, axes: tuple[int, int], size: tuple[int, int], fill_value: Any) -> Tensor:
    """The images in the middle of larger ones with the aspect ratio of `size`."""
    sizes = [_number(x.shape[axis]) for axis in axes]
    widths = [
        _half(_minus(_extreme("Max", own, _scaled(other, mine, their)), own))
        for own, other, mine, their in _sides(sizes, size)
    ]
    amounts: list[_Number] = [0] * x.ndim
    for axis, width in zip(axes, widths, strict=True):
        amounts[axis] = width
    if all(isinstance(n, int) for n in amounts):
        return pad(x, [(n, n) for n in amounts], constant_values=fill_value or None)
    shape = _with_sizes(x, axes, [None, None])
    g = graph()
    return g.add("Pad", x, g.shape_tensor([*amounts, *amounts]), cast_to(fill_value, x.dtype), shape=shape)


def _sides(sizes: list[_Number], size: tuple[int, int]) -> list[tuple[_Number, _Number, int, int]]:
    """For height and width: its own size, that of the other, and what both shall be."""
    (height, width), (new_height, new_width) = sizes, size
    return [(height, width, new_height, new_width), (width, height, new_width, new_height)]


def _with_sizes(x: Tensor, axes: tuple[int, int], sizes: list[int | None]) -> Any:
    shape: list[Any] = list(x.shape)
    for axis, n in zip(axes, sizes, strict=True):
        shape[axis] = n
    return tuple(shape)


def _number(size: Size) -> _Number:
    return size if isinstance(size, int) else graph().size(size)


def _scaled(n: _Number, times: int, over: int) -> _Number:
    """`n * times / over`, cut off."""
    if isinstance(n, int):
        return int(np.float32(n * times) / np.float32(over))
    g = graph()
    wide = g.add("Cast", g.add("Mul", n, np.array([times], np.int64)), to=dtypes.to_onnx("float32"))
    return g.add("Cast", g.add("Div", wide, np.array([over], np.float32)), to=dtypes.to_onnx("int64"))


def _extreme(op_type: str, a: _Number, b: _Number) -> _Number:
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b) if op_type == "Max" else min(a, b)
    return graph().add(op_type, graph().shape_tensor([a]), graph().shape_tensor([b]))


def _minus(a: _Number, b: _Number) -> _Number:
    if isinstance(a, int) and isinstance(b, int):
        return a - b
    return graph().add("Sub", graph().shape_tensor([a]), graph().shape_tensor([b]))


def _half(n: _Number) -> _Number:
    return n // 2 if isinstance(n, int) else graph().add("Div", n, np.array([2], np.int64))
