"""Dropout and the layers that drop or disturb elements likewise; at inference all give their input back."""

from __future__ import annotations

import math
from typing import Any

from portable_layers import ops
from portable_layers.cases import Case, case
from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.random import dropout, noise_sizes, random_mask, random_normal
from portable_layers.random import SeedGenerator

# The fixed point of SELU: https://arxiv.org/abs/1706.02515
_SELU_FLOOR = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946


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
        self.noise_shape = _checked_noise_shape(noise_shape)

    def disturb(self, x: Any) -> Any:
        return dropout(x, self.rate, self.noise_shape, self.seed_generator)


class _SpatialDropout(Dropout):
    """Dropout of whole feature maps; a rank's class says its number of spatial axes."""

    rank = 0

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                f"data_format must be 'channels_last' or 'channels_first'. Received: data_format={data_format!r}"
            )
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.data_format = data_format or "channels_last"
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def disturb(self, x: Any) -> Any:
        ones = (1,) * self.rank
        last = self.data_format == "channels_last"
        return dropout(
            x, self.rate, (None, *ones, None) if last else (None, None, *ones), self.seed_generator
        )

    def get_config(self) -> dict[str, Any]:
        # Keras leaves `trainable` out here and writes the dtype by its name.
        config = {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}
        return config if self.rank == 1 else {**config, "data_format": self.data_format}


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of `(batch, time, channels)`."""

    rank = 1
    cases = (case((3, 4), rate=0.5, ops="Identity"),)

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of `(batch, rows, cols, channels)`, or channels first."""

    rank = 2
    cases = (case((3, 4, 2), rate=0.5, data_format="channels_first", ops="Identity"),)


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of `(batch, dim1, dim2, dim3, channels)`, or channels first."""

    rank = 3
    cases = (case((3, 4, 2, 2), rate=0.5, seed=1, ops="Identity"),)


class GaussianDropout(_Noise):
    """In training, elements multiplied by normal noise around 1 of variance `rate / (1 - rate)`.

    Input shape:  any
    Output shape: that of the input
    """

    cases = (case((4,), rate=0.5, ops="Identity"), case((3, 4), rate=0.0, ops="Identity"))

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(rate, "rate", seed, **kwargs)

    def disturb(self, x: Any) -> Any:
        self._check_finite()
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return x * random_normal(x, 1.0, stddev, self.compute_dtype, self.seed_generator)


class GaussianNoise(_Noise):
    """In training, normal noise of standard deviation `stddev` added.

    Input shape:  any
    Output shape: that of the input
    """

    cases = (case((4,), stddev=0.5, ops="Identity"), case((3, 4), stddev=0.0, seed=1, ops="Identity"))

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(stddev, "stddev", seed, **kwargs)

    def disturb(self, x: Any) -> Any:
        return x + random_normal(x, 0.0, self.stddev, self.compute_dtype, self.seed_generator)


class AlphaDropout(_Noise):
    """Dropout that keeps mean and variance of inputs that went through SELU.

    Input shape:  any
    Output shape: that of the input
    """

    cases = (
        case((4,), rate=0.5, ops="Identity"),
        case((3, 4), rate=0.2, noise_shape=(None, 1, None), ops="Identity"),
    )

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(rate, "rate", seed, **kwargs)
        self.noise_shape = _checked_noise_shape(noise_shape)

    def disturb(self, x: Any) -> Any:
        self._check_finite()
        sizes = x.shape if self.noise_shape is None else noise_sizes(x, self.noise_shape)
        kept = ops.cast(random_mask(sizes, self.rate, self.seed_generator), x.dtype)
        scale = ((1 - self.rate) * (1 + self.rate * _SELU_FLOOR**2)) ** -0.5
        dropped = x * kept + _SELU_FLOOR * (1.0 - kept)
        return scale * dropped - scale * _SELU_FLOOR * self.rate


def _checked_noise_shape(noise_shape: Any) -> tuple | None:
    if noise_shape is None:
        return None
    sizes = None if isinstance(noise_shape, str) else tuple(noise_shape)
    if sizes is None or any(n is not None and (not isinstance(n, int) or n <= 0) for n in sizes):
        raise ValueError(
            f"noise_shape must be a sequence of positive integers and None. Received: {noise_shape!r}"
        )
    return sizes
