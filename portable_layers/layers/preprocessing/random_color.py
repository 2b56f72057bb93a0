"""Layers that change the colors of images at random in training; at inference they change nothing."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.image_layer import _RandomLayer, sorted_range, span


class RandomHue(_RandomLayer):
    """In training, hues turned by a random share of half the color wheel.

    Args:
        factor: a share, or the lowest and the highest, from 0 to 1.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    casts = False
    cases = (
        case((6, 8, 3), factor=0.2, ops="Identity"),
        case((6, 3), factor=(0.5, 0.5), seed=1, ops="Identity"),
    )

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor, "factor", 0, 1)


class RandomSaturation(_RandomLayer):
    """In training, saturations multiplied by a random number.

    Args:
        factor: 0 is gray, 0.5 unchanged, 1 the purest; or the lowest and the highest.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    casts = False
    cases = (case((6, 8, 3), factor=(0.2, 0.5), ops="Identity"),)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor, "factor", -1, 1)
        self.value_range = sorted_range(value_range)


class RandomColorDegeneration(_RandomLayer):
    """In training, colors brought closer to gray by a random share.

    Args:
        factor: a share, or the lowest and the highest; 1 is gray.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    casts = False
    cases = (case((6, 8, 3), factor=0.5, ops="Identity"),)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor, "factor", -1, 1)
        self.value_range = sorted_range(value_range)


class RandomGrayscale(_RandomLayer):
    """In training, some images made gray.

    Args:
        factor: the share of the images, from 0 to 1.
        seed: an integer makes the draws repeatable; Keras leaves it out of the config.
    """

    casts = False
    cases = (
        case((6, 8, 3), ops="Identity"),
        case(Array((3, 6, 8), "uint8", 0, 256), factor=1.0, data_format="channels_first", ops="Identity"),
    )

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ValueError(f"factor must be from 0 to 1. Received: factor={factor}")

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "seed"}


class RandomColorJitter(_RandomLayer):
    """In training, brightness, contrast, saturation and hue changed at random, in this order.

    Args:
        value_range: the lowest and highest value of a pixel.
        brightness_factor, ..., hue_factor: as of `RandomBrightness`, ..., `RandomHue`; None for no change.
        seed: an integer makes the draws repeatable.
    """

    casts = False
    cases = (
        case((6, 8, 3), brightness_factor=0.2, hue_factor=(0.1, 0.2), seed=1, ops="Identity"),
        case((6, 8, 3), value_range=(20, 200), ops="Identity"),
    )

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        factors = {
            "brightness_factor": (brightness_factor, -1),
            "contrast_factor": (contrast_factor, 0),
            "saturation_factor": (saturation_factor, -1),
            "hue_factor": (hue_factor, 0),
        }
        for name, (factor, lowest) in factors.items():
            if factor is not None:
                span(factor, name, lowest, 1)
