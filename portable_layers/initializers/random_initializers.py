"""Initializers that draw random values, with Keras's distributions and seeds (not TensorFlow's bits).

Definition: `keras/src/initializers/random_initializers.py` of Keras 3. An initializer that is seeded
with an integer, or not at all, gives the same array at each call; a `SeedGenerator` gives another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers import random
from portable_layers.arrays import standardize_dtype, standardize_shape
from portable_layers.initializers.initializer import Initializer
from portable_layers.random import SeedGenerator
from portable_layers.serialization import deserialize_object, serialize_object

Seed = int | SeedGenerator | None

TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of the standard normal distribution truncated at two standard deviations."""


class RandomInitializer(Initializer):
    """What random initializers share: the seed.

    Args:
        seed: an integer, a `SeedGenerator` or its config, or None for a seed of its own.

    Raises:
        ValueError: another kind of seed.
    """

    def __init__(self, seed: Any = None):
        super().__init__()
        if isinstance(seed, dict):
            seed = deserialize_object(seed, {"SeedGenerator": SeedGenerator}, "seed")
        if not isinstance(seed, int | SeedGenerator | None):
            raise ValueError(f"`seed` must be an integer or a SeedGenerator. Received: seed={seed!r}")
        self._init_seed = seed
        self.seed: int | SeedGenerator = random.make_default_seed() if seed is None else seed

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": serialize_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """The normal distribution of `mean` and `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)


class TruncatedNormal(RandomInitializer):
    """The normal distribution of `mean` and `stddev` without values beyond two `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


class RandomUniform(RandomInitializer):
    """The uniform distribution over `[minval, maxval)`; whole numbers for integer dtypes."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)


class VarianceScaling(RandomInitializer):
    """Values of variance `scale / n`, where `n` counts the inputs or outputs of the weight.

    Args:
        scale: a positive number.
        mode: `n` is `"fan_in"`, `"fan_out"` or the mean of both, `"fan_avg"`.
        distribution: `"truncated_normal"` (also called `"normal"`; the variance holds after the
            truncation), `"untruncated_normal"` or `"uniform"`.
        seed: an integer, a `SeedGenerator` or None.
        input_axes: the axes of the shape that count as inputs; used if `output_axes` is given too.
        output_axes: the axes of the shape that count as outputs.

    Raises:
        ValueError: an argument outside of these.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(seed)
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Argument `mode` must be fan_in, fan_out or fan_avg. Received: mode={mode}")
        distribution = {"normal": "truncated_normal"}.get(distribution.lower(), distribution.lower())
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(
                "Argument `distribution` must be truncated_normal, untruncated_normal or uniform. "
                f"Received: distribution={distribution}"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        fan_in, fan_out = compute_fans(standardize_shape(shape), self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "truncated_normal":
            return random.truncated_normal(shape, 0.0, stddev / TRUNCATED_STDDEV, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, stddev, dtype, self.seed)
        limit = math.sqrt(3.0) * stddev
        return random.uniform(shape, -limit, limit, dtype, self.seed)


class _NamedScaling(VarianceScaling):
    """A VarianceScaling of fixed scale, mode and distribution."""

    _fixed: tuple[float, str, str]

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(*self._fixed, seed, input_axes, output_axes)


class GlorotUniform(_NamedScaling):
    """Uniform over `±sqrt(6 / (fan_in + fan_out))`; Glorot and Bengio, 2010."""

    _fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Truncated normal of standard deviation `sqrt(2 / (fan_in + fan_out))`; Glorot and Bengio, 2010."""

    _fixed = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_NamedScaling):
    """Truncated normal of standard deviation `sqrt(1 / fan_in)`; Klambauer et al., 2017."""

    _fixed = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Uniform over `±sqrt(3 / fan_in)`; Klambauer et al., 2017."""

    _fixed = (1.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Truncated normal of standard deviation `sqrt(2 / fan_in)`; He et al., 2015."""

    _fixed = (2.0, "fan_in", "truncated_normal")


class HeUniform(_NamedScaling):
    """Uniform over `±sqrt(6 / fan_in)`; He et al., 2015."""

    _fixed = (2.0, "fan_in", "uniform")


class Orthogonal(RandomInitializer):
    """A matrix of orthonormal columns, or rows where it is wider than high, times `gain`.

    More dimensions: all but the last are the rows. float16 and bfloat16 are computed in float32.
    Definition: QR of a normal matrix, the signs of R's diagonal moved into Q; Saxe et al., 2014.

    Raises:
        ValueError: on call, fewer than two dimensions or a dtype that is not floating.
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        shape, dtype = standardize_shape(shape), standardize_dtype(dtype)
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize must be at least two-dimensional. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        drawn = random.normal((max(rows, columns), min(rows, columns)), dtype=dtype, seed=self.seed)
        q, r = np.linalg.qr(drawn.astype(np.promote_types(dtype, np.float32)))
        q = q * np.sign(np.diag(r))
        if rows < columns:
            q = q.T
        return (q.reshape(shape) * q.dtype.type(self.gain)).astype(dtype)


def compute_fans(
    shape: tuple[int, ...], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """How many inputs and outputs a weight of `shape` connects: `(fan_in, fan_out)`.

    Without axes, the last two dimensions are inputs and outputs and those before them are the
    receptive field of a convolution, which counts for both.
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return (math.prod(shape),) * 2
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field
