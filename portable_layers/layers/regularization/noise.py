"""Layers that drop or disturb elements in training; at inference they give their input back."""

from __future__ import annotations

from typing import Any

from portable_layers.layer import Layer
from portable_layers.random import SeedGenerator


class _Noise(Layer):
    """A layer that acts in training only, with a seed of its own where it acts at all."""

    def __init__(self, amount: float, argument: str, seed: int | None, **kwargs: Any):
        if not 0 <= amount <= 1:
            raise ValueError(f"{argument} must be from 0 to 1. Received: {argument}={amount}")
        super().__init__(**kwargs)
        self._amount = amount
        if amount > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.disturb(inputs) if training and self._amount > 0 else inputs

    def _check_finite(self) -> None:
        if self._amount >= 1:
            raise ValueError(f"layer {self.name} cannot act in training. Received: rate={self._amount}")

    def disturb(self, x: Any) -> Any:
        """What becomes of the input in training."""
        raise NotImplementedError


def checked_noise_shape(noise_shape: Any) -> tuple | None:
    """A `noise_shape` as a tuple.

    Raises:
        ValueError: for anything but positive integers and None.
    """
    if noise_shape is None:
        return None
    sizes = None if isinstance(noise_shape, str) else tuple(noise_shape)
    if sizes is None or any(n is not None and (not isinstance(n, int) or n <= 0) for n in sizes):
        raise ValueError(
            f"noise_shape must be a sequence of positive integers and None. Received: {noise_shape!r}"
        )
    return sizes
