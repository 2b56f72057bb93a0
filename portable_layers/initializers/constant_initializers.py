"""Initializers whose values are fixed; equal to Keras's to the bit.

Definition: `keras/src/initializers/constant_initializers.py` of Keras 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.arrays import as_array, is_float, standardize_dtype, standardize_shape
from portable_layers.initializers.initializer import Initializer


class Constant(Initializer):
    """One value everywhere, or an array of values that is broadcast to the shape.

    Args:
        value: a number, or an array, list or tuple of numbers. Python floats count as float32.
    """

    def __init__(self, value: Any = 0.0):
        super().__init__()
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        value = as_array(self.value).astype(standardize_dtype(dtype))
        try:
            return np.broadcast_to(value, standardize_shape(shape)).copy()
        except ValueError:
            raise ValueError(
                f"A constant of shape {value.shape} cannot fill the shape that was asked for. "
                f"Received: shape={shape}"
            ) from None


class Zeros(Initializer):
    """Zeros; False for bool."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return np.zeros(standardize_shape(shape), standardize_dtype(dtype))


class Ones(Initializer):
    """Ones; True for bool."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return np.ones(standardize_shape(shape), standardize_dtype(dtype))


class Identity(Initializer):
    """The identity matrix times `gain`, for shapes of two dimensions (zeros beyond the square).

    Args:
        gain: the value on the diagonal. Keras does not write it into the config, so neither does this.
    """

    def __init__(self, gain: float = 1.0):
        super().__init__()
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        dtype = standardize_dtype(dtype)
        gain = np.asarray(self.gain).astype(dtype)
        if not is_float(dtype) and gain != self.gain:
            raise ValueError(f"The gain is not a number of dtype {dtype}. Received: gain={self.gain}")
        return np.eye(*standardize_shape(shape), dtype=dtype) * gain

    def get_config(self) -> dict[str, Any]:
        return {}
