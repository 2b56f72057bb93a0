"""Layers that map the values of pixels to others in training; at inference they change nothing."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.image_layer import _ImageLayer, _RandomLayer, sorted_range, span


class RandomInvert(_RandomLayer):
    """In training, some images made negatives.

    Args:
        factor: the chance of an image, or the lowest and the highest.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    casts = False
    cases = (case((6, 8, 3), ops="Identity"), case((6, 8, 3), factor=(1, 1), seed=1, ops="Identity"))

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor, "factor", 0, 1)


class RandomPosterization(_RandomLayer):
    """In training, the values of pixels cut down to a random number of bits.

    Args:
        factor: the number of bits, 1 to 8, or the lowest and the highest.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    casts = False
    cases = (
        case((6, 8, 3), factor=4, ops="Identity"),
        case((6, 8, 3), factor=(1, 2), seed=1, ops="Identity"),
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
        self.factor = span(factor, "factor", 1, 8)
        self.value_range = sorted_range(value_range)


class Solarization(_RandomLayer):
    """In training, pixels made brighter by a random number, and inverted above a random threshold.

    Args:
        addition_factor, threshold_factor: a share of the value range, or the lowest and the highest.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    cases = (
        case((6, 8, 3), addition_factor=0.5, threshold_factor=(0.1, 0.2), ops="Identity"),
        case(Array((6, 8, 3), "uint8", 0, 256), value_range=(200, 20), seed=1, ops="Cast"),
    )

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, **kwargs)
        self.addition_factor = span(addition_factor, "addition_factor", 0, 1, strict=True)
        self.threshold_factor = span(threshold_factor, "threshold_factor", 0, 1, strict=True)
        self.value_range = sorted_range(value_range)


class Equalization(_ImageLayer):
    """In training, values mapped so that all are about as frequent in each channel.

    Args:
        value_range: the lowest and highest value of a pixel.
        bins: of the histogram.
    """

    casts = False

    def __init__(
        self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = sorted_range(value_range)
