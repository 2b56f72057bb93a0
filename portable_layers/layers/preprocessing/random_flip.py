"""RandomFlip: in training, images mirrored at random."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.image_layer import _RandomLayer
from portable_layers.ops.dispatch import cast_to

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(_RandomLayer):
    """In training, each image mirrored or not, with one chance in two.

    Args:
        mode: `horizontal` (left and right change places), `vertical` or `horizontal_and_vertical`.
        seed: an integer makes the draws repeatable.
    """

    trains = True
    images_only = False
    convert_inputs = False  # `call` casts them
    cases = (
        case((6, 8, 3), mode="horizontal", ops="Identity"),
        case((6, 8), seed=1, ops="Identity"),
        case(Array((3, 6, 8), "uint8", 0, 256), mode="vertical", data_format="channels_first", ops="Cast"),
    )

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}. Received: mode={mode!r}")

    def draw(self, images: Any) -> Any:
        return ops.less_equal(self.per_image(images, 0.0, 1.0), 0.5)

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        x = cast_to(images, self.compute_dtype)
        if not training:
            return x
        vertical, horizontal = self.axes(x.ndim)
        if "horizontal" in self.mode:
            x = ops.where(transformation, ops.flip(x, horizontal), x)
        if "vertical" in self.mode:
            x = ops.where(transformation, ops.flip(x, vertical), x)
        return x

    def transform_masks(self, masks: Any, transformation: Any, training: bool) -> Any:
        return self.transform_images(masks, transformation, training)
