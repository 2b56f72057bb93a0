"""AlphaDropout: dropout for networks of SELU."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import case
from portable_layers.layers.regularization.noise import _Noise, checked_noise_shape
from portable_layers.ops.random import noise_sizes, random_mask

# The fixed point of SELU: https://arxiv.org/abs/1706.02515
_SELU_FLOOR = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946


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
        self.noise_shape = checked_noise_shape(noise_shape)

    def disturb(self, x: Any) -> Any:
        self._check_finite()
        sizes = x.shape if self.noise_shape is None else noise_sizes(x, self.noise_shape)
        kept = ops.cast(random_mask(sizes, self.rate, self.seed_generator), x.dtype)
        scale = ((1 - self.rate) * (1 + self.rate * _SELU_FLOOR**2)) ** -0.5
        dropped = x * kept + _SELU_FLOOR * (1.0 - kept)
        return scale * dropped - scale * _SELU_FLOOR * self.rate
