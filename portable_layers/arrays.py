"""NumPy arrays in Keras's dtypes: what a value given to an initializer, regularizer or constraint is.

Follows `keras.utils.standardize_dtype` and Keras's `convert_to_tensor` on the TensorFlow backend.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

FLOAT_DTYPES = frozenset(
    {"float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"},
)
INTEGER_DTYPES = frozenset(
    {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"},
)
DTYPES = FLOAT_DTYPES | INTEGER_DTYPES | {"bool"}

_OUTSIDE_NUMPY = {
    name: np.dtype(getattr(ml_dtypes, name)) for name in FLOAT_DTYPES if hasattr(ml_dtypes, name)
}
_PYTHON_TYPES = {bool: "bool", int: "int64", float: "float32"}


def standardize_dtype(dtype: Any = None) -> np.dtype:
    """The NumPy dtype that Keras means by `dtype`; bfloat16 and float8 come from `ml_dtypes`.

    Args:
        dtype: a name, a NumPy dtype or scalar type, anything with a dtype's `name`, Python's `bool`,
            `int` or `float`, or None for float32.

    Raises:
        ValueError: a dtype that has no numbers in it (strings, objects, dates) or that Keras lacks.
    """
    if dtype is None:
        return np.dtype("float32")
    name = _PYTHON_TYPES.get(dtype, dtype) if isinstance(dtype, type) else dtype
    name = getattr(name, "name", None) or getattr(name, "__name__", None) or name
    if not isinstance(name, str) or name not in DTYPES:
        raise ValueError(
            f"Invalid dtype: expected one of {', '.join(sorted(DTYPES))}. Received: dtype={dtype!r}"
        )
    return _OUTSIDE_NUMPY.get(name) or np.dtype(name)


def is_float(dtype: np.dtype) -> bool:
    """Whether `dtype` holds real floating point numbers, `ml_dtypes`'s among them."""
    return dtype.name in FLOAT_DTYPES


def as_array(value: Any) -> np.ndarray:
    """`value` as an array: one with a dtype keeps it, Python floats become float32.

    Raises:
        ValueError: something that is not a rectangular array of numbers.
    """
    array = np.asarray(value)
    if array.dtype.name not in DTYPES:
        raise ValueError(f"Expected numbers, received {value!r} of dtype {array.dtype}")
    if array.dtype == np.float64 and not isinstance(value, np.ndarray | np.generic):
        return array.astype(np.float32)
    return array


def standardize_shape(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple of Python integers; a bare integer `n` is `(n,)`.

    Raises:
        ValueError: a dimension that is unknown (None), negative or not an integer.
    """
    dims = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    for dim in dims:
        if isinstance(dim, bool) or not isinstance(dim, int | np.integer) or dim < 0:
            raise ValueError(f"Every dimension must be a non-negative integer. Received: shape={shape}")
    return tuple(int(dim) for dim in dims)
