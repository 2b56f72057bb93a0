"""Affine and perspective transforms of images (`keras.ops.image`), as TensorFlow computes them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from portable_layers.ops.comparison import choose
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import scalar
from portable_layers.ops.image.color import images_of
from portable_layers.ops.image.coordinates import held_between, less_by, number_of
from portable_layers.ops.joining import join
from portable_layers.ops.layout import standardize_data_format
from portable_layers.ops.linalg.elimination import solved
from portable_layers.ops.reduction import positions
from portable_layers.ops.shaping import broadcast_to, expand_dims, reshape, squeeze, transpose
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor

INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("constant", "nearest", "wrap", "reflect")


def _reflected(x: Tensor, size: Tensor) -> Tensor:
    """Places outside mirrored at the border, the border pixel repeated (dcba|abcd|dcba)."""
    g = graph()
    double = g.add("Mul", size, scalar(2, size))
    whole = g.add("Floor", g.add("Div", g.add("Neg", x), double))
    low = g.add("Where", g.add("Less", x, double), g.add("Add", g.add("Mul", double, whole), x), x)
    mirrored = g.add("Sub", g.add("Neg", low), scalar(1, x))
    low = g.add("Where", g.add("Less", low, g.add("Neg", size)), g.add("Add", low, double), mirrored)
    high = g.add("Sub", x, g.add("Mul", double, g.add("Floor", g.add("Div", x, double))))
    turned = g.add("Sub", less_by(double, 1), high)
    high = g.add("Where", g.add("GreaterOrEqual", high, size), turned, high)
    return _placed(x, size, low, high)


def _wrapped(x: Tensor, size: Tensor) -> Tensor:
    """Places outside counted on from the other end (abcd|abcd|abcd)."""
    g = graph()
    step = g.add("Max", less_by(size, 1), scalar(1, size))
    turns = g.add("Add", g.add("Floor", g.add("Div", g.add("Neg", x), step)), scalar(1, x))
    low = g.add("Add", x, g.add("Mul", size, turns))
    high = g.add("Sub", x, g.add("Mul", size, g.add("Floor", g.add("Div", x, step))))
    return _placed(x, size, low, high)


def _placed(x: Tensor, size: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Places below the image, within it, and beyond it, as one."""
    g = graph()
    last = less_by(size, 1)
    found = g.add("Where", g.add("Greater", x, last), high, x)
    found = g.add("Where", g.add("Less", x, scalar(0, x)), low, found)
    single = g.add("LessOrEqual", size, scalar(1, size))
    return held_between(g.add("Where", single, scalar(0, x), found), 0, last)


_BORDERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "constant": lambda x, size: x,
    "nearest": lambda x, size: held_between(x, 0, less_by(size, 1)),
    "reflect": _reflected,
    "wrap": _wrapped,
}


def _read(images: Tensor, rows: Tensor, columns: Tensor, fill: Tensor) -> Tensor:
    """The pixels `(batch, height, width, channels)` at whole places `(batch, height, width)`."""
    g = graph()
    height, width = (number_of(n, rows.dtype) for n in images.shape[1:3])
    inside: Any = None
    parts = []
    for places, size in ((rows, height), (columns, width)):
        zero = scalar(0, places)
        within = g.add("And", g.add("GreaterOrEqual", places, zero), g.add("Less", places, size))
        inside = within if inside is None else g.add("And", inside, within)
        held = held_between(places, 0, less_by(size, 1))
        # What is no number is outside.
        held = g.add("Where", g.add("IsNaN", held), zero, held)
        parts.append(expand_dims(cast_to(held, "int64"), -1))
    pixels = g.add("GatherND", images, join(parts, 3), batch_dims=1)
    return choose(expand_dims(inside, -1), pixels, cast_to(fill, pixels.dtype))


def _transformed(
    images: Tensor, transform: Tensor, interpolation: str, fill_mode: str, fill_value: Any
) -> Tensor:
    """Each pixel of the result read where the transform `(batch, 8)` sends its place."""
    g = graph()
    batch, height, width, _ = images.shape
    matrix = cast_to(transform, "float32")
    a0, a1, a2, b0, b1, b2, c0, c1 = (reshape(slice_axis(matrix, 1, i, i + 1), (-1, 1, 1)) for i in range(8))
    x = reshape(cast_to(positions(width), "float32"), (1, 1, width))
    y = reshape(cast_to(positions(height), "float32"), (1, height, 1))

    def line(p: Tensor, q: Tensor, r: Any) -> Tensor:
        return g.add("Add", g.add("Add", g.add("Mul", p, x), g.add("Mul", q, y)), r)

    depth = line(c0, c1, np.asarray(1, np.float32))
    flat = g.add("Equal", depth, np.asarray(0, np.float32))
    safe = g.add("Where", flat, np.asarray(1, np.float32), depth)
    whole = (batch, height, width)
    at_x, at_y = (
        broadcast_to(_BORDERS[fill_mode](g.add("Div", line(*row), safe), number_of(size, "float32")), whole)
        for row, size in (((a0, a1, a2), width), ((b0, b1, b2), height))
    )
    fill = scalar(fill_value, images)
    if interpolation == "nearest":
        # TensorFlow rounds halves away from 0.
        rows, columns = (_rounded_away(t) for t in (at_y, at_x))
        found: Any = _read(images, rows, columns, fill)
    else:
        low_x, low_y = g.add("Floor", at_x), g.add("Floor", at_y)
        found = None
        for down, across in itertools.product((0, 1), (0, 1)):
            rows, columns = (g.add("Add", t, scalar(n, t)) for t, n in ((low_y, down), (low_x, across)))
            weight = g.add("Mul", _nearness(at_y, rows), _nearness(at_x, columns))
            pixels = cast_to(_read(images, rows, columns, fill), "float32")
            share = g.add("Mul", pixels, expand_dims(weight, -1))
            found = share if found is None else g.add("Add", found, share)
        found = cast_to(found, images.dtype)
    lost = expand_dims(broadcast_to(flat, whole), -1)
    return choose(lost, fill, found)


def _nearness(place: Tensor, pixel: Tensor) -> Tensor:
    """The share that a pixel has in a value between pixels."""
    g = graph()
    return g.add("Sub", scalar(1, place), g.add("Abs", g.add("Sub", place, pixel)))


def _rounded_away(x: Tensor) -> Tensor:
    g = graph()
    size = g.add("Floor", g.add("Add", g.add("Abs", x), scalar(0.5, x)))
    return g.add("Mul", size, g.add("Sign", x))


def check_options(name: str, interpolation: str, fill_mode: str = "constant") -> None:
    """Raises ValueError for options that Keras does not take."""
    if interpolation not in INTERPOLATIONS or fill_mode not in _BORDERS:
        raise ValueError(
            f"{name} takes interpolation {' or '.join(INTERPOLATIONS)} and fill_mode "
            f"{', '.join(_BORDERS)}. Received: interpolation={interpolation!r}, fill_mode={fill_mode!r}"
        )


def on_batch(images: Tensor, data_format: str | None, transform: Callable[[Tensor], Tensor]) -> Tensor:
    """Call a function on a batch of channels-last images."""
    is_first = standardize_data_format(data_format) == "channels_first"
    batch = expand_dims(images, 0) if images.ndim == 3 else images
    batch = transpose(batch, (0, 2, 3, 1)) if is_first else batch
    result = transform(batch)
    result = transpose(result, (0, 3, 1, 2)) if is_first else result
    return squeeze(result, 0) if images.ndim == 3 else result


@op("image.AffineTransform", "images", "transform")
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images read at places that a projective transform of each place of the result gives.

    Args:
        transform: `(8,)` or `(batch, 8)`: `a0, a1, a2, b0, b1, b2, c0, c1` send (x, y) to
            `(a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k` with `k = c0 x + c1 y + 1`.
        interpolation: `nearest` or `bilinear`.
        fill_mode: what lies beyond the border: `constant` (`fill_value`), `nearest`, `wrap` or
            `reflect`.

    Raises:
        ValueError: for other values, or tensors of other ranks.
    """
    check_options("affine_transform", interpolation, fill_mode)
    x, _ = images_of("affine_transform", images, data_format)
    matrix = convert(transform)
    if matrix.ndim not in (1, 2):
        raise ValueError(f"transform must be of rank 1 or 2. Received: {matrix!r}")
    matrix = expand_dims(matrix, 0) if matrix.ndim == 1 else matrix
    return on_batch(
        x, data_format, lambda batch: _transformed(batch, matrix, interpolation, fill_mode, fill_value)
    )


@op("image.PerspectiveTransform", "images", "start_points", "end_points")
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images seen so that four points come to lie on four others.

    Args:
        start_points, end_points: `(4, 2)` or `(batch, 4, 2)`, as (x, y).

    Raises:
        ValueError: for another interpolation, or points of another shape.
    """
    check_options("perspective_transform", interpolation)
    x, _ = images_of("perspective_transform", images, data_format)
    points = [cast_to(p, "float32") for p in (start_points, end_points)]
    if any(p.ndim not in (2, 3) or tuple(p.shape[-2:]) != (4, 2) for p in points):
        raise ValueError(f"points must be (4, 2) or (batch, 4, 2). Received: {points[0]!r} and {points[1]!r}")
    start, end = (expand_dims(p, 0) if p.ndim == 2 else p for p in points)
    matrix = _homography(start, end)
    return on_batch(
        x, data_format, lambda batch: _transformed(batch, matrix, interpolation, "constant", fill_value)
    )


def _homography(start: Tensor, end: Tensor) -> Tensor:
    """The transform `(batch, 8)` that sends the end points to the start points."""
    g = graph()
    x, y = slice_axis(end, 2, 0, 1), slice_axis(end, 2, 1, 2)
    zero, one = g.add("Mul", x, scalar(0, x)), g.add("Add", g.add("Mul", x, scalar(0, x)), scalar(1, x))
    rows = []
    for place, front in ((0, [x, y, one, zero, zero, zero]), (1, [zero, zero, zero, x, y, one])):
        minus = g.add("Neg", slice_axis(start, 2, place, place + 1))
        rows.append(join([*front, g.add("Mul", minus, x), g.add("Mul", minus, y)], 2))
    coefficients = reshape(join([expand_dims(r, 2) for r in rows], 2), (-1, 8, 8))
    wanted = reshape(start, (-1, 8, 1))
    return reshape(solved(coefficients, wanted), (-1, 8))
