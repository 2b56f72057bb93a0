"""From what a caller passes to an array of the dtype that a model takes, without a silent cast."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from portable_layers.errors import InputError

_EXTENDED_FLOATS = frozenset(
    np.dtype(getattr(ml_dtypes, name))
    for name in ("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz")
)

_PYTHON_TYPES = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex", "U": "str", "S": "bytes"}


def dtype_name(dtype: np.dtype) -> str:
    """The name of a dtype in messages; models call their `object` arrays strings."""
    return "string" if dtype.kind == "O" else dtype.name


def as_array(value: Any, dtype: np.dtype, what: str) -> np.ndarray:
    """`value` as an array of exactly `dtype`.

    What has a dtype of its own (numpy arrays and scalars, tensors of other libraries, lists of
    them) must have this one, in any byte order. Python's numbers and strings, and nested lists of
    them, have none; they are converted when every value survives. A Python float is rounded to
    the precision of `dtype`, as numpy does.

    Args:
        value: an array, an array-like, a scalar or a nested list.
        dtype: the dtype to arrive at; `object` means strings.
        what: how messages call the value, e.g. `input 'x'`.

    Raises:
        InputError: the dtype differs, a value would be lost, a list is ragged, an array is masked.
    """
    if value is None:
        raise InputError(f"{what}: received None, expected an array of {dtype_name(dtype)}")
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{what}: received a masked array; fill it first: x.filled(...)")
    own_dtype = has_dtype(value)
    try:
        array = np.asarray(value)
    except Exception as error:  # ragged lists, tensors on a device: every library has its own kind
        raise InputError(f"{what}: received a {type(value).__name__} that is no array: {error}") from error
    if dtype.kind == "O":
        return _as_strings(array, what)
    if own_dtype:
        return _same_dtype(array, dtype, what)
    return _from_python(array, dtype, what)


def has_dtype(value: Any) -> bool:
    """Whether a value, or anything in a nested list of values, has a dtype of its own."""
    if isinstance(value, list | tuple):
        return any(map(has_dtype, value))
    return hasattr(value, "dtype") or hasattr(value, "__array__")


def _same_dtype(array: np.ndarray, dtype: np.dtype, what: str) -> np.ndarray:
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype != dtype:
        raise InputError(
            f"{what}: received {dtype_name(array.dtype)}, expected {dtype.name}; "
            f"cast it where the loss is yours to judge: x.astype({_spelled(dtype)})"
        )
    return array


def _as_strings(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype.kind == "S":
        raise InputError(f"{what}: received bytes, expected strings; decode them: np.char.decode(x, 'utf-8')")
    strings = array.astype(object)
    # onnxruntime would take str() of anything: None would become the text 'None'.
    for item in strings.flat:
        if not isinstance(item, str):
            raise InputError(f"{what}: received {type(item).__name__} {item!r:.50}, expected strings")
    return strings


def _from_python(array: np.ndarray, dtype: np.dtype, what: str) -> np.ndarray:
    if array.size == 0:
        return array.astype(dtype)
    is_float = dtype.kind == "f" or dtype in _EXTENDED_FLOATS
    kinds = "b" if dtype.kind == "b" else "biuf" if is_float else "biufc" if dtype.kind == "c" else "biu"
    if array.dtype.kind not in kinds:
        received = _PYTHON_TYPES.get(array.dtype.kind, "object")
        raise InputError(f"{what}: received Python values of type {received}, expected {dtype.name}")
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype)
    if array.dtype.kind in "iu":
        # Compared as Python numbers, which is exact; the extended floats compare in their own precision.
        exact = converted.astype(np.float64) if dtype in _EXTENDED_FLOATS else converted
        lost = exact.astype(object) != array.astype(object)
    elif is_float:
        lost = np.isfinite(array) & ~np.isfinite(converted)
    else:
        return converted
    if lost.any():
        example = array[lost].flat[0]
        raise InputError(f"{what}: received {example}, which {dtype.name} cannot hold")
    return converted


def _spelled(dtype: np.dtype) -> str:
    return f"{'np' if dtype.isbuiltin == 1 else 'ml_dtypes'}.{dtype.name}"
