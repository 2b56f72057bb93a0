"""GaussianDropout and GaussianNoise: normal noise in training."""

from __future__ import annotations

import math
from typing import Any

from portable_layers.cases import case
from portable_layers.layers.regularization.noise import _Noise
from portable_layers.ops.random import random_normal


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
