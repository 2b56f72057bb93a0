"""CenterCrop: the middle of images, of a size that is known."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.bounding_boxes import (
    clip_corners,
    clip_to_image,
    from_corners,
    to_corners,
)
from portable_layers.layers.preprocessing.image_layer import _ImageLayer
from portable_layers.layers.preprocessing.resizing import check_size
from portable_layers.ops.aspect_ratio import crop_window, window_of
from portable_layers.ops.dispatch import cast_to, graph


class CenterCrop(_ImageLayer):
    """The middle of the images; of an image that is too small, the largest part of the right shape, resized.

    Args:
        height, width: of the output.

    Input shape:  `(batch, height, width, channels)` or `(height, width, channels)`, or channels first
    Output shape: the same with the new height and width
    """

    acts_at_inference = True
    cases = (
        case((6, 9, 3), height=4, width=4, ops="Slice", dtypes=("mixed_float16", "float64")),
        case((3, 7, 9), height=4, width=9, data_format="channels_first", ops="Slice"),
        case((6, 8, 3), height=12, width=4, ops="Slice Transpose Resize Transpose", dtypes=("float16",)),
        case(Array((6, 8, 3), "uint8", 0, 256), height=4, width=5, ops="Cast Slice"),
        case((None, 8, 3), height=5, width=8, ops="Shape GreaterOrEqual Squeeze If"),
    )

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        check_size(height, width)

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        x = cast_to(images, self.compute_dtype)
        axes, target = self.axes(x.ndim), (self.height, self.width)
        fits = self._fits(x)
        if fits is True:
            return self._cropped(x)
        if fits is False:
            # TensorFlow resizes to float32, whatever comes in.
            return ops.image.resize(
                cast_to(x, "float32"), target, crop_to_aspect_ratio=True, data_format=self.data_format
            )
        shape = [target[axes.index(a)] if a in axes else n for a, n in enumerate(x.shape)]

        def resized() -> list[Any]:
            y = ops.image.resize(x, target, crop_to_aspect_ratio=True, data_format=self.data_format)
            return [ops.reshape(y, shape) if tuple(y.shape) != tuple(shape) else y]

        return graph().if_(fits, lambda: [self._cropped(x)], resized)[0]

    def transform_masks(self, masks: Any, transformation: Any, training: bool) -> Any:
        return self.transform_images(masks, transformation, training)

    def _fits(self, x: Any) -> Any:
        """Whether the crop lies within the images; a scalar tensor where their size is not known."""
        unknown = []
        for size, wanted in zip(self.size(x), (self.height, self.width), strict=True):
            if not isinstance(size, int):
                unknown.append(ops.squeeze(ops.greater_equal(graph().size(size), wanted), 0))
            elif size < wanted:
                return False
        if not unknown:
            return True
        return unknown[0] if len(unknown) == 1 else ops.logical_and(*unknown)

    def _cropped(self, x: Any) -> Any:
        begins = [(n - m) // 2 for n, m in zip(self.size(x), (self.height, self.width), strict=True)]
        return window_of(x, self.axes(x.ndim), begins, [self.height, self.width])

    def transform_boxes(self, boxes: dict[str, Any], images: Any, transformation: Any, training: bool) -> Any:
        height, width = self.float_size(images)
        corners = to_corners(boxes["boxes"], self.bounding_box_format, height, width)
        fits = self._fits(images)
        moved = None
        if fits is not False:
            left, top = ((n - m) / 2.0 for n, m in ((width, float(self.width)), (height, float(self.height))))
            moved = _within(corners, ops.trunc(left), ops.trunc(top), float(self.width), float(self.height))
        if fits is not True:
            begins, kept = crop_window(images, self.axes(images.ndim), (self.height, self.width))
            (top, left), (crop_height, crop_width) = (
                [cast_to(graph().shape_tensor([n]), "float32") for n in pair] for pair in (begins, kept)
            )
            part = _within(corners, left, top, crop_width, crop_height)
            x_scale, y_scale = float(self.width) / crop_width, float(self.height) / crop_height
            part = part * ops.concatenate([x_scale, y_scale, x_scale, y_scale], -1)
            moved = part if moved is None else ops.where(fits, moved, part)
        clipped = clip_to_image({**boxes, "boxes": moved}, self.height, self.width)
        return {
            **clipped,
            "boxes": from_corners(
                clipped["boxes"], self.bounding_box_format, float(self.height), float(self.width)
            ),
        }


def _within(corners: Any, left: Any, top: Any, width: Any, height: Any) -> Any:
    """Boxes cut off at the sides of a window, seen from its corner."""
    cut = clip_corners(corners, left, top, left + width, top + height)
    return cut - ops.concatenate([left, top, left, top], -1)
