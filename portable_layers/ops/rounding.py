"""Rounding, signs and limits, element by element (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.kernels import emit
from portable_layers.tensor import Tensor


@op("numpy.Floor", "x")
def floor(x: Any) -> Any:
    """The largest whole number not above x, as floating point."""
    return graph().add("Floor", as_float(x))


@op("numpy.Ceil", "x")
def ceil(x: Any) -> Any:
    """The smallest whole number not below x, as floating point."""
    return graph().add("Ceil", as_float(x))


@op("numpy.Trunc", "x")
def trunc(x: Any) -> Any:
    """x without its fraction."""
    x = convert(x)
    if not dtypes.is_float(x.dtype):
        return x
    g = graph()
    return g.add("Where", g.add("Less", x, scalar(0, x)), g.add("Ceil", x), g.add("Floor", x))


@op("numpy.Round", "x")
def round(x: Any, decimals: int = 0) -> Any:
    """x rounded to so many decimals, halves to even; computed in float32 for integers."""
    x = convert(x)
    g = graph()
    if not dtypes.is_float(x.dtype):
        if decimals >= 0 or x.dtype == "bool":
            return x
        return cast_to(_rounded(cast_to(x, "float32"), decimals), x.dtype)
    return g.add("Round", x) if decimals == 0 else _rounded(x, decimals)


def _rounded(x: Tensor, decimals: int) -> Tensor:
    g = graph()
    factor = scalar(10.0**decimals, x)
    return g.add("Div", g.add("Round", g.add("Mul", x, factor)), factor)


@op("numpy.Sign", "x")
def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    x = convert(x)
    return emit("Sign", x) if x.dtype == "bool" else graph().add("Sign", x)


@op("numpy.Signbit", "x")
def signbit(x: Any) -> Any:
    """Whether x is negative, -0 counted; looked up in float32, as in Keras."""
    x = convert(x)
    g = graph()
    if x.dtype == "bool" or x.dtype.startswith("uint"):
        return g.add("Expand", np.asarray(False), g.shape_tensor(x.shape), shape=x.shape)
    if dtypes.is_integer(x.dtype):
        return emit("Less", x, scalar(0, x))
    x = cast_to(x, "float32")
    zero = scalar(0, x)
    # Only the reciprocal of -0 tells it from 0.
    signed = g.add("Where", g.add("Equal", x, zero), g.add("Reciprocal", x), x)
    return g.add("Less", signed, zero)


@op("numpy.Clip", "x")
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """x held within `[x_min, x_max]`; booleans as int32."""
    x = convert(x)
    if x.dtype == "bool":
        x = cast_to(x, "int32")
    low, high = cast_to(x_min, x.dtype), cast_to(x_max, x.dtype)
    if low.ndim == 0 and high.ndim == 0:
        return emit("Clip", x, low, high)
    return emit("Min", emit("Max", x, low), high)


@op("core.SaturateCast", "x")
def saturate_cast(x: Any, dtype: Any) -> Any:
    """x in another dtype; what does not fit becomes the nearest number that does."""
    x = convert(x)
    dtype = dtypes.standardize(dtype)
    low, high = _limits(x.dtype, dtype)
    return cast_to(clip(x, low, high), dtype)


def _limits(source: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the source dtype between which the target dtype has a number for each."""
    in_low, in_high = _range(source)
    out_low, out_high = _range(target)
    kind = dtypes.to_numpy(source)
    # Python compares integers and floats exactly, NumPy would round them first.
    low, high = (np.asarray(n).astype(kind) for n in (max(in_low, out_low), min(in_high, out_high)))
    if low.item() < out_low:
        low = np.nextafter(low, np.zeros((), kind))
    if high.item() > out_high:
        high = np.nextafter(high, np.zeros((), kind))
    return low, high


def _range(dtype: str) -> tuple[Any, Any]:
    import ml_dtypes

    if dtype == "bool":
        return 0, 1
    if dtypes.is_integer(dtype):
        limits = ml_dtypes.iinfo(dtypes.to_numpy(dtype))
        return int(limits.min), int(limits.max)
    floats = ml_dtypes.finfo(dtypes.to_numpy(dtype))
    return float(floats.min), float(floats.max)
