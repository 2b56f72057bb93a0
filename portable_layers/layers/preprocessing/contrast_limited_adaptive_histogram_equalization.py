"""ContrastLimitedAdaptiveHistogramEqualization: contrast evened out tile by tile."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.image_layer import _ImageLayer, rescale
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.ops.layout import channels_last, channels_last_back
from portable_layers.ops.reduction import positions

_LEVELS = 256


class ContrastLimitedAdaptiveHistogramEqualization(_ImageLayer):
    """The values of each channel evened out (CLAHE), by the histograms of the tiles around a pixel.

    It acts at inference too.

    Args:
        value_range: the lowest and highest value that a pixel can have.
        clip_limit: how many times the mean a histogram's bin may hold; what is above is spread over all
            bins. 0 or less for no limit.
        tile_grid_size: how many rows and columns of tiles.
    """

    acts_at_inference = True
    cases = (
        case(
            (8, 8, 2),
            tile_grid_size=(2, 2),
            value_range=(-2, 2),
            ops="Sub Div Mul Add Clip Cast Reshape Transpose Reshape Shape Concat Expand Concat Expand "
            "ScatterElements Min Sub ReduceSum Div Add CumSum ReduceMin Sub Equal Where Sub Mul Div "
            "Clip Reshape Add Add Reshape GatherElements Reshape Mul Add Reshape GatherElements "
            "Reshape Mul Add Add Reshape GatherElements Reshape Mul Add Reshape GatherElements "
            "Reshape Mul Add Mul Mul Add Sub Div Mul Add",
        ),
        case(
            Array((7, 9, 1), "uint8", 0, 256),
            tile_grid_size=(2, 3),
            clip_limit=0.0,
            ops="Cast Clip Cast Gather Reshape Transpose Reshape Shape Concat Expand Concat Expand "
            "ScatterElements CumSum ReduceMin Sub Equal Where Sub Mul Div Clip Reshape Add Add "
            "Reshape GatherElements Reshape Mul Add Reshape GatherElements Reshape Mul Add Add "
            "Reshape GatherElements Reshape Mul Add Reshape GatherElements Reshape Mul Add Mul Mul "
            "Add Cast",
        ),
        case(
            Array((1, 8, 8), low=0, high=255),
            tile_grid_size=[2, 4],
            data_format="channels_first",
            ops="Clip Cast Reshape Transpose Reshape Shape Concat Expand Concat Expand ScatterElements "
            "Min Sub ReduceSum Div Add CumSum ReduceMin Sub Equal Where Sub Mul Div Clip Reshape Add "
            "Add Reshape GatherElements Reshape Mul Add Reshape GatherElements Reshape Mul Add Add "
            "Reshape GatherElements Reshape Mul Add Reshape GatherElements Reshape Mul Add Mul Mul "
            "Add Reshape",
        ),
        case(
            Array((None, None, 3), low=0, high=255),
            tile_grid_size=(2, 2),
            ops="Clip Cast Shape Add Div Mul Squeeze Range Mul Sub Sub Less Where Gather Shape Add Div "
            "Mul Squeeze Range Mul Sub Sub Less Where Gather Concat Reshape Transpose Shape Mul Mul "
            "Concat Reshape Concat Expand Expand ScatterElements Squeeze Cast Mul Div Min Sub "
            "ReduceSum Div Add CumSum ReduceMin Sub Equal Where Sub Mul Div Clip Reshape Squeeze Cast "
            "Squeeze Range Cast Reshape Div Sub Div Add Floor Add Clip Cast Add Clip Cast Sub Squeeze "
            "Cast Squeeze Range Cast Reshape Div Sub Div Add Floor Add Clip Cast Add Clip Cast Sub "
            "Add Mul Add Mul Add Reshape GatherElements Concat Reshape Sub Mul Add Mul Add Reshape "
            "GatherElements Reshape Mul Add Mul Add Mul Add Reshape GatherElements Reshape Mul Add "
            "Mul Add Reshape GatherElements Reshape Mul Add Sub Mul Mul Add",
        ),
    )

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        if len(tile_grid_size) != 2 or not all(isinstance(n, int) and n > 0 for n in tile_grid_size):
            raise ValueError(
                f"tile_grid_size must be two positive integers. Received: tile_grid_size={tile_grid_size!r}"
            )

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        x = rescale(channels_last(images, self.data_format), self.value_range, (0, 255), "float32")
        y = rescale(self._equalized(x), (0, 255), self.value_range, "float32")
        return channels_last_back(cast_to(y, images.dtype), self.data_format)

    def _equalized(self, x: Any) -> Any:
        batch, height, width, channels = x.shape
        rows, columns = self.tile_grid_size
        # A place in the tables of an image: tile row, tile column, channel, level.
        level = cast_to(ops.clip(cast_to(x, "float32"), 0.0, _LEVELS - 1.0), "int64")
        tall, wide = (height + rows - 1) // rows, (width + columns - 1) // columns
        tables = ops.reshape(self._tables(level, tall, wide), (batch, rows * columns * channels * _LEVELS))
        above, below, down = _neighbours(height, tall, rows, (height, 1, 1))
        left, right, across = _neighbours(width, wide, columns, (width, 1))
        inner = level + positions(channels) * _LEVELS

        def read(row: Any, column: Any) -> Any:
            tile = (row * columns + column) * (channels * _LEVELS)
            place = ops.reshape(inner + tile, (batch, height * width * channels))
            found = graph().add("GatherElements", tables, place, axis=1)
            return ops.reshape(found, (batch, height, width, channels))

        upper = read(above, left) * (1.0 - across) + read(above, right) * across
        lower = read(below, left) * (1.0 - across) + read(below, right) * across
        return upper * (1.0 - down) + lower * down

    def _tables(self, level: Any, tall: Any, wide: Any) -> Any:
        """What each level becomes in each tile and channel, `(tiles and channels, 256)` float32."""
        batch, height, width, channels = level.shape
        rows, columns = self.tile_grid_size
        level = _mirrored(_mirrored(level, 1, height, tall * rows), 2, width, wide * columns)
        tiles = ops.transpose(
            ops.reshape(level, (batch, rows, tall, columns, wide, channels)), (0, 1, 3, 5, 2, 4)
        )
        count = batch * rows * columns * channels
        tiles = ops.reshape(tiles, (count, tall * wide))
        histogram = graph().add(
            "ScatterElements",
            ops.zeros((count, _LEVELS), "float32"),
            tiles,
            ops.ones((count, tall * wide), "float32"),
            axis=1,
            reduction="add",
        )
        area = _number(tall * wide)
        if self.clip_limit > 0:
            clipped = ops.minimum(histogram, area * float(self.clip_limit) / float(_LEVELS))
            excess = ops.sum(histogram - clipped, axis=-1, keepdims=True)
            histogram = clipped + excess / float(_LEVELS)
        total = ops.cumsum(histogram, axis=-1)
        lowest = ops.min(total, axis=-1, keepdims=True)
        span = area - lowest
        span = ops.where(ops.equal(span, 0.0), 1.0, span)
        return ops.clip((total - lowest) * 255.0 / span, 0.0, 255.0)


def _number(size: Any) -> Any:
    """A size as a float32 scalar."""
    if isinstance(size, int):
        return graph().constant(np.float32(size))
    return cast_to(ops.squeeze(graph().size(size), 0), "float32")


def _mirrored(x: Any, axis: int, size: Any, wanted: Any) -> Any:
    """x filled up at the end of an axis with its mirror image."""
    if size == wanted:
        return x
    place, end = positions(wanted), graph().size(size)
    mirrored = end * 2 - 1 - place
    return ops.take(x, ops.where(ops.less(place, end), place, mirrored), axis=axis)


def _neighbours(size: Any, step: Any, count: int, shape: Any) -> tuple[Any, Any, Any]:
    """For each pixel of an axis: the tiles whose middles are before and behind it, and how far it is."""
    step = _number(step)
    place = (ops.reshape(positions(size, "float32"), shape) - step / 2.0) / step + 1.0
    first = ops.floor(place)
    before, behind = (cast_to(ops.clip(first + offset, 0.0, count - 1.0), "int64") for offset in (-1.0, 0.0))
    return before, behind, place - first
