"""Data types by their Keras names, NumPy and ONNX counterparts, and Keras's type promotion.

The promotion rules are Keras's (`keras.backend.result_type`): those of JAX, with Python scalars
typed weakly. A dtype here is a string such as `float32`, `bfloat16` or `string`.
"""

from __future__ import annotations

import functools
from typing import Any

import ml_dtypes
import numpy as np
from onnx import TensorProto

_NUMPY = {
    "bool": np.dtype(bool),
    **{f"{s}int{b}": np.dtype(f"{s}int{b}") for s in ("", "u") for b in (8, 16, 32, 64)},
    "float16": np.dtype(np.float16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "int4": np.dtype(ml_dtypes.int4),
    "uint4": np.dtype(ml_dtypes.uint4),
    "complex64": np.dtype(np.complex64),
    "complex128": np.dtype(np.complex128),
    "string": np.dtype(object),
}
_ONNX = {
    "bool": TensorProto.BOOL,
    **{
        f"{s}int{b}": getattr(TensorProto, f"{s.upper()}INT{b}")
        for s in ("", "u")
        for b in (4, 8, 16, 32, 64)
    },
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "bfloat16": TensorProto.BFLOAT16,
    "float8_e4m3fn": TensorProto.FLOAT8E4M3FN,
    "float8_e5m2": TensorProto.FLOAT8E5M2,
    "complex64": TensorProto.COMPLEX64,
    "complex128": TensorProto.COMPLEX128,
    "string": TensorProto.STRING,
}
_FROM_ONNX = {v: k for k, v in _ONNX.items()}
_FROM_NUMPY = {v: k for k, v in _NUMPY.items()}
_PYTHON = {bool: "bool", int: "int64", float: "float32", str: "string", complex: "complex128"}

FLOATS = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")


def standardize(dtype: Any) -> str:
    """The Keras name of a dtype given as a name, a NumPy dtype or a Python type.

    Raises:
        ValueError: for anything that is not a dtype that Keras knows.
    """
    if isinstance(dtype, str):
        if dtype in _NUMPY:
            return dtype
        if dtype == "int":
            return "int64"
        if dtype == "float":
            return "float32"
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype]
    name = getattr(dtype, "name", None)  # a tf.DType, a torch dtype with a name, a NumPy dtype
    if isinstance(name, str) and name in _NUMPY:
        return name
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is not None:
        if found.kind in "USO":
            return "string"
        if found in _FROM_NUMPY:
            return _FROM_NUMPY[found]
    raise ValueError(f"dtype must be one of {', '.join(_NUMPY)}. Received: {dtype!r}")


def to_numpy(dtype: str) -> np.dtype:
    """The NumPy dtype; `string` is `object`."""
    return _NUMPY[dtype]


def to_onnx(dtype: str) -> int:
    """The number of the dtype in `onnx.TensorProto.DataType`."""
    return _ONNX[dtype]


def from_onnx(number: int) -> str:
    """The name of a dtype given by its number in `onnx.TensorProto.DataType`."""
    return _FROM_ONNX[number]


def is_float(dtype: str) -> bool:
    """Whether the dtype is a floating point type, as Keras counts them (autocast concerns these)."""
    return dtype in FLOATS


def is_integer(dtype: str) -> bool:
    """Whether the dtype is a signed or unsigned integer; bool is not."""
    return dtype.startswith(("int", "uint"))


_EDGES = {
    "bool": ["int"],
    "uint8": ["int16", "uint16"],
    "uint16": ["int32", "uint32"],
    "uint32": ["int64", "uint64"],
    "uint64": ["float"],
    "int": ["uint8", "int8"],
    "int8": ["int16"],
    "int16": ["int32"],
    "int32": ["int64"],
    "int64": ["float"],
    "float": ["bfloat16", "float16"],
    "bfloat16": ["float32"],
    "float16": ["float32"],
    "float32": ["float64", "complex64"],
    "float64": ["complex128"],
    "complex64": ["complex128"],
    "complex128": [],
}


@functools.cache
def _upper_bounds(dtype: str) -> frozenset[str]:
    bounds = {dtype}
    for above in _EDGES[dtype]:
        bounds |= _upper_bounds(above)
    return frozenset(bounds)


@functools.cache
def _least_upper_bound(nodes: frozenset[str]) -> str:
    for dtype in nodes:
        if dtype not in _EDGES:
            raise ValueError(f"dtype {dtype} takes no part in type promotion; cast it explicitly")
    common = frozenset.intersection(*(_upper_bounds(n) for n in nodes))
    least = [c for c in common if common <= _upper_bounds(c)]
    if len(least) != 1:
        raise ValueError(f"dtypes {', '.join(sorted(nodes))} have no common type; cast one explicitly")
    return least[0]


def result_type(*dtypes: Any) -> str:
    """The dtype of an operation on operands of these dtypes, by Keras's promotion rules.

    The Python types `int` and `float` stand for weakly typed scalars: `result_type("int8", int)` is
    `int8`, `result_type("int32", float)` is `float32`.
    """
    if not dtypes:
        return "float32"
    if len(set(dtypes)) == 1 and isinstance(dtypes[0], str) and dtypes[0] != "uint64":
        return dtypes[0]
    nodes = frozenset("int" if d is int else "float" if d is float else standardize(d) for d in dtypes)
    widest = _least_upper_bound(nodes)
    if widest == "int":
        # Only weak integers: Keras resolves them at the width of the widest operand, 32 bits.
        return "int32"
    if widest == "uint64":
        return "uint32"  # Keras has it so, as JAX without 64 bits
    return "float32" if widest == "float" else widest
