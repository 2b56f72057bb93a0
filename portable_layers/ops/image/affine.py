"""Images moved, turned and stretched (`keras.ops.image.affine_transform`), as TensorFlow computes it."""

from __future__ import annotations

from typing import Any

from portable_layers.ops import rounding
from portable_layers.ops.comparison import greater, greater_equal, less, less_equal, logical_and, where
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.joining import split, stack
from portable_layers.ops.layout import channels_last, channels_last_back, standardize_data_format
from portable_layers.ops.reduction import positions
from portable_layers.ops.shaping import expand_dims, reshape, squeeze
from portable_layers.tensor import Tensor

INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("constant", "nearest", "wrap", "reflect")


@op("image.AffineTransform", "images", "transform")
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images whose pixel `(x, y)` is read at `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`.

    `k` is `c0 x + c1 y + 1`.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`, or channels first.
        transform: `(batch, 8)` or `(8,)`: `a0, a1, a2, b0, b1, b2, c0, c1`.
        interpolation: `nearest` or `bilinear`.
        fill_mode: what lies beyond the edges: `constant`, `nearest`, `wrap` or `reflect`.
        fill_value: of `constant`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: for an argument that Keras does not take.
    """
    x, matrix = convert(images), cast_to(convert(transform), "float32")
    if interpolation not in INTERPOLATIONS or fill_mode not in FILL_MODES:
        raise ValueError(
            f"affine_transform takes interpolation of {INTERPOLATIONS} and fill_mode of {FILL_MODES}. "
            f"Received: interpolation={interpolation!r}, fill_mode={fill_mode!r}"
        )
    if x.ndim not in (3, 4) or matrix.ndim not in (1, 2):
        raise ValueError(
            "affine_transform takes images of rank 3 or 4 and a transform of rank 1 or 2. "
            f"Received: images={x!r}, transform={matrix!r}"
        )
    data_format = standardize_data_format(data_format)
    batch = channels_last(expand_dims(x, 0) if x.ndim == 3 else x, data_format)
    values = cast_to(batch, "float32")
    _, height, width, _ = values.shape
    column = reshape(cast_to(positions(height), "float32"), (1, height, 1))
    row = reshape(cast_to(positions(width), "float32"), (1, 1, width))
    if matrix.ndim == 1:
        matrix = expand_dims(matrix, 0)
    a0, a1, a2, b0, b1, b2, c0, c1 = split(expand_dims(matrix, -1), 8, axis=1)
    scale = c0 * row + c1 * column + 1.0
    across = _inside((a0 * row + a1 * column + a2) / scale, _extent(width), fill_mode)
    down = _inside((b0 * row + b1 * column + b2) / scale, _extent(height), fill_mode)
    read = _Reader(values, fill_value)
    if interpolation == "nearest":
        y = read(_half_away(down), _half_away(across))
    else:
        top, left = rounding.floor(down), rounding.floor(across)
        below, right = expand_dims(down - top, -1), expand_dims(across - left, -1)
        upper = (1.0 - right) * read(top, left) + right * read(top, left + 1.0)
        lower = (1.0 - right) * read(top + 1.0, left) + right * read(top + 1.0, left + 1.0)
        y = (1.0 - below) * upper + below * lower
    y = channels_last_back(cast_to(y, x.dtype), data_format)
    return squeeze(y, 0) if x.ndim == 3 else y


def _extent(size: Any) -> Tensor:
    """A size as a float32 scalar."""
    return cast_to(squeeze(graph().size(size), 0), "float32")


def _half_away(x: Any) -> Any:
    """x rounded, halves away from zero."""
    return rounding.sign(x) * rounding.floor(abs(x) + 0.5)


def _inside(x: Any, size: Any, fill_mode: str) -> Any:
    """Places on an axis, those beyond its ends where the fill mode has them."""
    if fill_mode == "constant":
        return x
    if fill_mode == "reflect":  # the pixel at an edge comes twice
        turn = x - 2.0 * size * rounding.floor(x / (2.0 * size))
        x = where(greater_equal(turn, size), 2.0 * size - turn - 1.0, turn)
    elif fill_mode == "wrap":
        # TensorFlow counts the turns by the last place, not by the size; an image of 1 has no turns.
        last = where(greater(size, 1.0), size - 1.0, 1.0)
        before = x + size * (rounding.trunc(-x / last) + 1.0)
        after = x - size * rounding.trunc(x / last)
        x = where(less(x, 0.0), before, where(greater(x, size - 1.0), after, x))
    return where(less(x, 0.0), 0.0, where(greater(x, size - 1.0), size - 1.0, x))


class _Reader:
    """Pixels of images at whole places, the fill value beyond the edges.

    Args:
        values: `(batch, height, width, channels)` float32.
    """

    def __init__(self, values: Tensor, fill_value: float):
        self.values, self.fill_value = values, float(fill_value)
        _, height, width, _ = values.shape
        self.last = [_extent(n) - 1.0 for n in (height, width)]

    def __call__(self, down: Any, across: Any) -> Any:
        """The pixels at places `(batch, height, width)`, float32 whole numbers."""
        batch, height, width, channels = self.values.shape
        known, places = None, []
        for place, last in zip((down, across), self.last, strict=True):
            inside = logical_and(greater_equal(place, 0.0), less_equal(place, last))
            known = inside if known is None else logical_and(known, inside)
            places.append(cast_to(where(inside, place, 0.0), "int64"))
        index = stack(places, axis=-1)
        g = graph()
        if index.shape[0] != batch:  # one transform for all images
            index = g.add("Expand", index, g.shape_tensor((batch, height, width, 2)))
        found = g.add("GatherND", self.values, index, batch_dims=1, shape=(batch, height, width, channels))
        return where(expand_dims(known, -1), found, self.fill_value)
