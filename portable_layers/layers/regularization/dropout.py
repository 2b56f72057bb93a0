"""Dropout: elements left out in training."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Case, case
from portable_layers.layers.regularization.noise import _Noise, checked_noise_shape
from portable_layers.ops.random import dropout


class Dropout(_Noise):
    """In training, zeros in place of a share `rate` of the elements, the others over `1 - rate`.

    Args:
        rate: from 0 to 1.
        noise_shape: the shape of the mask, which is broadcast; None along an axis is its size.
        seed: an integer makes the draws repeatable.

    Input shape:  any
    Output shape: that of the input
    """

    cases: tuple[Case, ...] = (
        case((4,), rate=0.5, ops="Identity"),
        case((3, 4), rate=0.2, noise_shape=(None, 1, None), seed=3, ops="Identity"),
        case((4,), rate=0, ops="Identity", dtypes=("mixed_float16",)),
    )

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(rate, "rate", seed, **kwargs)
        self.noise_shape = checked_noise_shape(noise_shape)

    def disturb(self, x: Any) -> Any:
        return dropout(x, self.rate, self.noise_shape, self.seed_generator)
