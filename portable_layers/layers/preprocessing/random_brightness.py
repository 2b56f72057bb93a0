"""Layers that make images brighter, darker, or richer in contrast at random in training."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.image_layer import _RandomLayer, sorted_range, span
from portable_layers.ops.dispatch import cast_to


class RandomBrightness(_RandomLayer):
    """In training, a random number added to all pixels of an image.

    Args:
        factor: a share of the value range, or the lowest and the highest.
        value_range: the lowest and highest value of a pixel; the sum is held within.
        seed: an integer makes the draws repeatable.
    """

    casts = False
    trains = True
    cases = (
        case((6, 8, 3), factor=0.1, ops="Identity", dtypes=("mixed_float16",)),
        case(
            Array((6, 8, 3), "uint8", 0, 256),
            factor=(-0.2, 0.3),
            value_range=(255, 0),
            seed=1,
            ops="Identity",
        ),
    )

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(seed=seed, **kwargs)
        self.factor = span(factor or 0.0, "factor", -1, 1)
        self.value_range = sorted_range(value_range)

    def draw(self, images: Any) -> Any:
        low, high = self.value_range
        return self.per_image(images, *self.factor) * float(high - low)

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        if not training:
            return images
        return ops.clip(images + cast_to(transformation, images.dtype), *self.value_range)


class RandomContrast(_RandomLayer):
    """In training, the distances of the pixels from their channel's mean multiplied by a random number.

    Args:
        factor: how far from 1, or how far below and above.
        value_range: the lowest and highest value of a pixel; the result is held within.
        seed: an integer makes the draws repeatable.
    """

    casts = False
    trains = True
    cases = (
        case((6, 8, 3), factor=0.1, ops="Identity"),
        case((3, 6, 8), factor=(0.2, 0.3), seed=1, data_format="channels_first", ops="Identity"),
    )

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(seed=seed, **kwargs)
        self.factor = span(factor, "factor", 0, 1)

    def draw(self, images: Any) -> Any:
        below, above = self.factor
        return cast_to(self.per_image(images, 1.0 - below, 1.0 + above), self.compute_dtype)

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        if not training:
            return images
        mean = ops.mean(images, axis=self.axes(images.ndim), keepdims=True)
        return ops.clip((images - mean) * transformation + mean, *self.value_range)
