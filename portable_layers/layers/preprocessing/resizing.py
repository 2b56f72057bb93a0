"""Resizing: images in another size."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.bounding_boxes import clip_to_image, from_corners, to_corners
from portable_layers.layers.preprocessing.image_layer import _ImageLayer
from portable_layers.ops.image.filters import METHODS


class Resizing(_ImageLayer):
    """Images in another size, of the same dtype (integers are rounded).

    Args:
        height, width: of the output.
        interpolation: `nearest`, `bilinear`, `bicubic`, `lanczos3`, `lanczos5` or `area`.
        crop_to_aspect_ratio: whether the middle of an image with the output's aspect ratio is taken first.
        pad_to_aspect_ratio: whether an image is brought to it by `fill_value` around first.
        fill_mode: `constant`, the only one.
        antialias: whether the filter grows with the pixels of the output when an image shrinks.

    Input shape:  `(batch, height, width, channels)` or `(height, width, channels)`, or channels first
    Output shape: the same with the new height and width
    """

    acts_at_inference = True
    cases = (
        case((6, 8, 3), height=4, width=5, ops="Transpose Resize Transpose", dtypes=("mixed_float16",)),
        case((6, 8, 3), height=9, width=4, interpolation="nearest", ops="Gather Gather"),
        case((6, 8, 3), height=12, width=8, interpolation="bicubic", ops="Transpose Resize Transpose"),
        case(
            (6, 8, 3),
            height=5,
            width=3,
            interpolation="lanczos3",
            antialias=True,
            ops="Transpose MatMul MatMul Transpose",
        ),
        case(
            (3, 6, 8),
            height=4,
            width=4,
            crop_to_aspect_ratio=True,
            data_format="channels_first",
            ops="Slice Resize",
        ),
        case(
            (6, 9, 3),
            height=4,
            width=4,
            pad_to_aspect_ratio=True,
            fill_value=7.0,
            interpolation="area",
            ops="Transpose Pad MatMul MatMul Transpose",
        ),
        case(
            Array((6, 8, 3), "uint8", 0, 256),
            height=4,
            width=5,
            ops="Cast Gather Gather Sub Mul Add Gather Gather Sub Mul Add Round Clip Cast",
        ),
        case((None, None, 3), height=4, width=5, ops="Transpose Shape Concat Resize Transpose"),
    )

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        check_size(height, width)
        if interpolation not in METHODS:
            raise ValueError(
                f"interpolation must be one of {', '.join(METHODS)}. Received: interpolation={interpolation!r}"
            )
        if fill_mode != "constant":
            raise ValueError(f"fill_mode must be 'constant'. Received: fill_mode={fill_mode!r}")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True")
        self.antialias = bool(antialias)

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        return self._resized(images, self.interpolation)

    def transform_masks(self, masks: Any, transformation: Any, training: bool) -> Any:
        return self._resized(masks, "nearest")

    def _resized(self, x: Any, interpolation: str) -> Any:
        return ops.image.resize(
            x,
            (self.height, self.width),
            interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )

    def transform_boxes(self, boxes: dict[str, Any], images: Any, transformation: Any, training: bool) -> Any:
        height, width = self.float_size(images)
        given = boxes["boxes"]
        # Boxes that only fill up a list stay what says so.
        empty = ops.logical_or(
            ops.all(ops.equal(given, -1.0), axis=-1, keepdims=True),
            ops.all(ops.equal(given, 0.0), axis=-1, keepdims=True),
        )
        corners = to_corners(given, self.bounding_box_format, height, width)
        scales, offsets = self._placement(height, width)
        moved = corners * ops.concatenate([*scales, *scales], -1) - ops.concatenate([*offsets, *offsets], -1)
        clipped = clip_to_image({**boxes, "boxes": moved}, self.height, self.width)
        kept = ops.where(empty, 0.0, clipped["boxes"])
        return {
            **clipped,
            "boxes": from_corners(kept, self.bounding_box_format, float(self.height), float(self.width)),
        }

    def _placement(self, height: Any, width: Any) -> tuple[list[Any], list[Any]]:
        """By what the x and y of a point are multiplied, and what is taken off then."""
        zero = height * 0.0
        scale_x, scale_y = float(self.width) / width, float(self.height) / height
        if self.pad_to_aspect_ratio:
            scale = ops.minimum(scale_x, scale_y)
            left, top = (
                -ops.floor((n - own * scale) / 2.0)
                for n, own in ((float(self.width), width), (float(self.height), height))
            )
            return [scale, scale], [left, top]
        if not self.crop_to_aspect_ratio:
            return [scale_x, scale_y], [zero, zero]
        ratio = width / height
        wide = ops.greater(ratio, self.width / self.height)
        new_width = ops.where(wide, float(self.height) * ratio, float(self.width))
        new_height = ops.where(wide, float(self.height), float(self.width) / ratio)
        left = ops.floor((new_width - float(self.width)) / 2.0)
        top = ops.floor((new_height - float(self.height)) / 2.0)
        return [new_width / width, new_height / height], [left, top]


def check_size(height: Any, width: Any) -> None:
    """Refuse a height or width that is no positive integer.

    Raises:
        ValueError: with both.
    """
    if not all(isinstance(n, int) and n > 0 for n in (height, width)):
        raise ValueError(
            f"height and width must be positive integers. Received: height={height!r}, width={width!r}"
        )
