"""Seeded draws as NumPy arrays, with the distributions and the seed rules of `keras.random`.

The same seed gives the same numbers on every machine, though not TensorFlow's bits.
"""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from portable_layers.arrays import INTEGER_DTYPES, is_float, standardize_dtype, standardize_shape
from portable_layers.scope import auto_name, name_scope
from portable_layers.serialization import Configurable
from portable_layers.variable import Variable


class SeedGenerator(Configurable):
    """A source of seeds that differ at each use, as `keras.random.SeedGenerator`.

    Args:
        seed: where to start, an integer; None draws one from Python's `random`.
        name: `seed_generator`, `seed_generator_1`, ... by default.

    Attributes:
        state: the seed and the number of uses, an int64 variable of shape `(2,)`.

    Raises:
        ValueError: `seed` is not an integer.
    """

    keras_module = "keras.random"

    def __init__(self, seed: int | None = None, name: str | None = None):
        super().__init__()
        if seed is not None and not isinstance(seed, int):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        self.name = name or auto_name("seed_generator")
        self._initial_seed = seed
        start = make_default_seed() if seed is None else seed
        with name_scope(self.name):
            self.state = Variable(
                np.array([start, 0], np.int64), trainable=False, autocast=False, name="seed_generator_state"
            )

    def next(self) -> tuple[int, int]:
        """The next seed: `(start, number of uses so far)`. The first is that of the bare integer."""
        start, used = (int(n) for n in self.state.numpy())
        self.state.assign(np.array([start, used + 1], np.int64))
        return start, used

    def get_config(self) -> dict[str, Any]:
        return {"seed": self._initial_seed, "name": self.name}


def make_default_seed() -> int:
    """A seed from Python's `random`, so that `random.seed` makes a program's defaults repeatable."""
    return python_random.randint(1, 10**9)


def normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: int | SeedGenerator | None = None,
) -> np.ndarray:
    """Normally distributed values of the floating dtype `dtype` (None: float32).

    Raises:
        ValueError: `dtype` is not a floating dtype.
    """
    dtype = _float_dtype(dtype)
    values = _generator(seed).standard_normal(standardize_shape(shape), _work_dtype(dtype))
    return _scaled(values, stddev, mean, dtype)


def truncated_normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: int | SeedGenerator | None = None,
) -> np.ndarray:
    """Normally distributed values, those beyond two standard deviations drawn again.

    Raises:
        ValueError: `dtype` is not a floating dtype.
    """
    dtype = _float_dtype(dtype)
    generator = _generator(seed)
    values = np.asarray(generator.standard_normal(standardize_shape(shape), _work_dtype(dtype))).reshape(-1)
    outside = np.flatnonzero(np.abs(values) > 2)
    while outside.size:
        values[outside] = generator.standard_normal(outside.size, values.dtype)
        outside = outside[np.abs(values[outside]) > 2]
    return _scaled(values.reshape(standardize_shape(shape)), stddev, mean, dtype)


def uniform(
    shape: Any,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = None,
    seed: int | SeedGenerator | None = None,
) -> np.ndarray:
    """Values spread evenly over `[minval, maxval)`; whole numbers where `dtype` is an integer dtype.

    Raises:
        ValueError: `dtype` is neither floating nor integer, or no integer lies between the bounds.
    """
    dtype = standardize_dtype(dtype)
    if dtype.name in INTEGER_DTYPES:
        low, high = int(minval), int(maxval)
        if low >= high:
            raise ValueError(f"No {dtype} in [minval, maxval). Received: minval={minval}, maxval={maxval}")
        return _generator(seed).integers(low, high, standardize_shape(shape), dtype)
    dtype = _float_dtype(dtype)
    values = _generator(seed).random(standardize_shape(shape), _work_dtype(dtype))
    return _scaled(values, maxval - minval, minval, dtype)


def _generator(seed: int | SeedGenerator | None) -> np.random.Generator:
    if isinstance(seed, SeedGenerator):
        start, used = seed.next()
    elif seed is None:
        start, used = make_default_seed(), 0
    else:
        start, used = seed, 0
    return np.random.default_rng((start & (2**64 - 1), used))  # two's complement: a seed may be negative


def _float_dtype(dtype: Any) -> np.dtype:
    dtype = standardize_dtype(dtype)
    if not is_float(dtype):
        raise ValueError(f"Expected a floating dtype for random values. Received: dtype={dtype}")
    return dtype


def _work_dtype(dtype: np.dtype) -> Any:
    """The dtype that is drawn in: NumPy draws float32 and float64."""
    return np.float64 if dtype == np.float64 else np.float32


def _scaled(values: Any, factor: float, offset: float, dtype: np.dtype) -> np.ndarray:
    values = np.asarray(values)
    return np.asarray(values * values.dtype.type(factor) + values.dtype.type(offset)).astype(dtype)
