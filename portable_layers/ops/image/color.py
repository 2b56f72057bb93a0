"""Colour spaces (`keras.ops.image`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.joining import join
from portable_layers.ops.layout import standardize_data_format
from portable_layers.ops.reduction import reduce
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor


def images_of(name: str, images: Any, data_format: str | None) -> tuple[Tensor, int]:
    """Images of rank 3 or 4, and the axis of their channels.

    Raises:
        ValueError: for a tensor of another rank.
    """
    x = convert(images)
    if x.ndim not in (3, 4):
        raise ValueError(f"{name} needs an image of rank 3 or a batch of rank 4. Received: {x!r}")
    return x, x.ndim - (1 if standardize_data_format(data_format) == "channels_last" else 3)


@op("image.RGBToGrayscale", "images")
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """The brightness of RGB images, one channel in the same dtype; images of one channel as they are.

    Raises:
        ValueError: for another number of channels.
    """
    x, axis = images_of("rgb_to_grayscale", images, data_format)
    if x.shape[axis] == 1:
        return x
    if x.shape[axis] != 3:
        raise ValueError(f"rgb_to_grayscale needs 3 channels or 1. Received: {x!r}")
    wide = as_float(x)
    weights = np.array([0.2989, 0.587, 0.114], dtypes.to_numpy(wide.dtype))
    column = weights.reshape([3 if i == axis else 1 for i in range(x.ndim)])
    return cast_to(reduce("ReduceSum", graph().add("Mul", wide, column), axis, True), x.dtype)


def _channels(name: str, images: Any, data_format: str | None) -> tuple[list[Tensor], int]:
    x, axis = images_of(name, images, data_format)
    if not dtypes.is_float(x.dtype) or x.shape[axis] != 3:
        raise ValueError(f"{name} needs floating point images of 3 channels. Received: {x!r}")
    return [slice_axis(x, axis, i, i + 1) for i in range(3)], axis


@op("image.RGBToHSV", "images")
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """RGB as hue, saturation and value, all from 0 to 1.

    Raises:
        ValueError: for images that are not floating point, or of other than 3 channels.
    """
    (red, green, blue), axis = _channels("rgb_to_hsv", images, data_format)
    g = graph()
    zero, one = scalar(0, red), scalar(1, red)
    value = g.add("Max", red, green, blue)
    spread = g.add("Sub", value, g.add("Min", red, green, blue))
    grey = g.add("LessOrEqual", spread, zero)
    black = g.add("LessOrEqual", value, zero)
    saturation = g.add("Div", spread, g.add("Where", black, one, value))
    saturation = g.add("Where", black, zero, saturation)
    sixth = g.add("Mul", g.add("Where", grey, one, spread), scalar(6, red))

    def turn(a: Tensor, b: Tensor, start: float) -> Tensor:
        return g.add("Add", g.add("Div", g.add("Sub", a, b), sixth), scalar(start, red))

    is_red, is_green = g.add("Equal", red, value), g.add("Equal", green, value)
    other = g.add("Where", is_green, turn(blue, red, 2 / 6), turn(red, green, 4 / 6))
    hue = g.add("Where", is_red, turn(green, blue, 0), other)
    hue = g.add("Where", g.add("Less", hue, zero), g.add("Add", hue, one), hue)
    return join([g.add("Where", grey, zero, hue), saturation, value], axis)


@op("image.HSVToRGB", "images")
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value, all from 0 to 1, as RGB.

    Raises:
        ValueError: for images that are not floating point, or of other than 3 channels.
    """
    (hue, saturation, value), axis = _channels("hsv_to_rgb", images, data_format)
    g = graph()
    one, two = scalar(1, hue), scalar(2, hue)
    six = g.add("Mul", hue, scalar(6, hue))

    def distance(centre: float) -> Tensor:
        return g.add("Abs", g.add("Sub", six, scalar(centre, hue)))

    shares = [g.add("Sub", distance(3), one), g.add("Sub", two, distance(2)), g.add("Sub", two, distance(4))]
    base = g.add("Sub", one, saturation)
    colours = []
    for share in shares:
        held = g.add("Clip", share, scalar(0, hue), one)
        colours.append(g.add("Mul", g.add("Add", base, g.add("Mul", saturation, held)), value))
    return join(colours, axis)
