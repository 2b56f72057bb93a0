"""Arithmetic, element by element (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op, promote
from portable_layers.ops.kernels import emit
from portable_layers.tensor import Tensor


def as_float(x: Any, int64: str = "float32") -> Tensor:
    """x as floating point: integers and booleans as float32.

    Args:
        int64: what Keras makes of int64; it has functions that take float64 for it.
    """
    tensor = convert(x)
    if dtypes.is_float(tensor.dtype):
        return tensor
    return cast_to(tensor, int64 if tensor.dtype == "int64" else "float32")


def scalar(value: Any, like: Tensor) -> Tensor:
    """A number as a constant of the dtype of another tensor."""
    return graph().constant(np.asarray(value).astype(dtypes.to_numpy(like.dtype)))


def strong(*xs: Any) -> list[Tensor]:
    """Operands cast to their common dtype where Keras types Python scalars as int32 and float32."""
    return promote(*(convert(x) for x in xs))


def strong_float(*xs: Any, int64: str = "float32") -> list[Tensor]:
    """`strong`, and integers as floating point."""
    return [as_float(x, int64) for x in strong(*xs)]


def _binary(op_type: str, x1: Any, x2: Any, to_float: bool = False) -> Tensor:
    return emit(op_type, *promote(x1, x2, to_float=to_float))


@op("numpy.Add", "x1", "x2")
def add(x1: Any, x2: Any) -> Any:
    """`x1 + x2`."""
    a, b = promote(x1, x2)
    return graph().add("Or", a, b) if a.dtype == "bool" else emit("Add", a, b)


@op("numpy.Subtract", "x1", "x2")
def subtract(x1: Any, x2: Any) -> Any:
    """`x1 - x2`."""
    return _binary("Sub", x1, x2)


@op("numpy.Multiply", "x1", "x2")
def multiply(x1: Any, x2: Any) -> Any:
    """`x1 * x2`."""
    a, b = promote(x1, x2)
    return graph().add("And", a, b) if a.dtype == "bool" else emit("Mul", a, b)


@op("numpy.TrueDivide", "x1", "x2")
def true_divide(x1: Any, x2: Any) -> Any:
    """`x1 / x2` as floating point."""
    return _binary("Div", x1, x2, to_float=True)


@op("numpy.Divide", "x1", "x2")
def divide(x1: Any, x2: Any) -> Any:
    """`x1 / x2` as floating point."""
    return _binary("Div", x1, x2, to_float=True)


def tensorflow_divide(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2` where Keras writes the Python operator on TensorFlow's tensors.

    Of integers it gives float64, float32 only for those of 8 and 16 bits; `true_divide` is `ops`' own.
    """
    a, b = promote(x1, x2)
    if not dtypes.is_float(a.dtype):
        dtype = "float32" if a.dtype in ("int8", "uint8", "int16", "uint16") else "float64"
        a, b = cast_to(a, dtype), cast_to(b, dtype)
    return graph().add("Div", a, b)


@op("numpy.DivideNoNan", "x1", "x2")
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, 0 where x2 is 0."""
    a, b = promote(x1, x2, to_float=True)
    g = graph()
    is_zero = g.add("Equal", b, scalar(0, b))
    return g.add("Where", is_zero, scalar(0, b), g.add("Div", a, g.add("Where", is_zero, scalar(1, b), b)))


@op("numpy.FloorDivide", "x1", "x2")
def floor_divide(x1: Any, x2: Any) -> Any:
    """The largest whole number not above `x1 / x2`."""
    a, b = promote(x1, x2)
    g = graph()
    if dtypes.is_float(a.dtype):
        return g.add("Floor", g.add("Div", a, b))
    dtype = a.dtype
    if dtype == "uint64":
        return g.add("Div", a, b)
    a, b = cast_to(a, "int64"), cast_to(b, "int64")
    # ONNX's integer Div cuts off towards zero, Mod has the sign of the divisor.
    return cast_to(g.add("Div", g.add("Sub", a, g.add("Mod", a, b)), b), dtype)


@op("numpy.Mod", "x1", "x2")
def mod(x1: Any, x2: Any) -> Any:
    """The remainder, with the sign of x2; of booleans as int32."""
    a, b = strong(x1, x2)
    if a.dtype == "bool":
        a, b = cast_to(a, "int32"), cast_to(b, "int32")
    if not dtypes.is_float(a.dtype):
        return emit("Mod", a, b)
    g = graph()
    rest = g.add("Mod", a, b, fmod=1)  # has the sign of x1
    zero = scalar(0, a)
    wrong = g.add("Xor", g.add("Less", rest, zero), g.add("Less", b, zero))
    moved = g.add("And", wrong, g.add("Not", g.add("Equal", rest, zero)))
    return g.add("Where", moved, g.add("Add", rest, b), rest)


@op("numpy.Fmod", "x1", "x2")
def fmod(x1: Any, x2: Any) -> Any:
    """The remainder, with the sign of x1; of booleans as int32."""
    a, b = strong(x1, x2)
    if a.dtype == "bool":
        a, b = cast_to(a, "int32"), cast_to(b, "int32")
    return emit("Mod", a, b, fmod=1)


@op("numpy.Power", "x1", "x2")
def power(x1: Any, x2: Any) -> Any:
    """`x1 ** x2`."""
    return _binary("Pow", x1, x2)


@op("numpy.Maximum", "x1", "x2")
def maximum(x1: Any, x2: Any) -> Any:
    """The larger of two; not a number where one is not."""
    return _extreme("Max", x1, x2)


@op("numpy.Minimum", "x1", "x2")
def minimum(x1: Any, x2: Any) -> Any:
    """The smaller of two; not a number where one is not."""
    return _extreme("Min", x1, x2)


def _extreme(op_type: str, x1: Any, x2: Any) -> Tensor:
    a, b = promote(x1, x2)
    if a.dtype == "bool":
        return graph().add("Or" if op_type == "Max" else "And", a, b)
    return emit(op_type, a, b)


@op("numpy.Fmax", "x1", "x2")
def fmax(x1: Any, x2: Any) -> Any:
    """The larger of two, the other one where one is not a number."""
    return _number_extreme("Max", x1, x2)


@op("numpy.Fmin", "x1", "x2")
def fmin(x1: Any, x2: Any) -> Any:
    """The smaller of two, the other one where one is not a number."""
    return _number_extreme("Min", x1, x2)


def _number_extreme(op_type: str, x1: Any, x2: Any) -> Tensor:
    a, b = promote(x1, x2)
    if not dtypes.is_float(a.dtype):
        return _extreme(op_type, a, b)
    g = graph()
    without_a = g.add("Where", g.add("IsNaN", a), b, a)
    return g.add(op_type, without_a, g.add("Where", g.add("IsNaN", b), without_a, b))


@op("numpy.Negative", "x")
def negative(x: Any) -> Any:
    """`-x`."""
    x = convert(x)
    if x.dtype.startswith("uint"):
        return emit("Sub", scalar(0, x), x)
    return graph().add("Neg", x)


@op("numpy.Absolute", "x", aliases=("numpy.Abs",))
def absolute(x: Any) -> Any:
    """`|x|`."""
    x = convert(x)
    return x if x.dtype == "bool" or x.dtype.startswith("uint") else graph().add("Abs", x)


def abs(x: Any) -> Any:
    """`|x|`."""
    return absolute(x)


@op("numpy.Fabs", "x")
def fabs(x: Any) -> Any:
    """`|x|` as floating point."""
    return graph().add("Abs", as_float(x))


@op("numpy.Square", "x")
def square(x: Any) -> Any:
    """`x * x`; of booleans as int32."""
    x = convert(x)
    x = cast_to(x, "int32") if x.dtype == "bool" else x
    return emit("Mul", x, x)


@op("numpy.Sqrt", "x")
def sqrt(x: Any) -> Any:
    """Square root."""
    return graph().add("Sqrt", as_float(x))


@op("numpy.Cbrt", "x")
def cbrt(x: Any) -> Any:
    """Cube root."""
    x = as_float(x, int64="float64")
    root = graph().add("Pow", graph().add("Abs", x), scalar(1.0 / 3.0, x))
    return graph().add("Mul", graph().add("Sign", x), root)


@op("math.Rsqrt", "x")
def rsqrt(x: Any) -> Any:
    """`1 / sqrt(x)`."""
    return graph().add("Reciprocal", graph().add("Sqrt", as_float(x)))


@op("numpy.Reciprocal", "x")
def reciprocal(x: Any) -> Any:
    """`1 / x`."""
    return graph().add("Reciprocal", as_float(x))


@op("numpy.Hypot", "x1", "x2")
def hypot(x1: Any, x2: Any) -> Any:
    """`sqrt(x1**2 + x2**2)` without overflow."""
    a, b = strong_float(x1, x2, int64="float64")
    g = graph()
    a, b = g.add("Abs", a), g.add("Abs", b)
    large, small = g.add("Max", a, b), g.add("Min", a, b)
    is_zero = g.add("Equal", large, scalar(0, a))
    ratio = g.add("Div", small, g.add("Where", is_zero, scalar(1, a), large))
    return g.add("Mul", large, g.add("Sqrt", g.add("Add", g.add("Mul", ratio, ratio), scalar(1, a))))


@op("numpy.Heaviside", "x1", "x2")
def heaviside(x1: Any, x2: Any) -> Any:
    """0 where x1 is negative, 1 where it is positive, x2 where it is 0."""
    a, b = strong_float(x1, x2, int64="float64")
    g = graph()
    above = g.add("Where", g.add("Greater", a, scalar(0, a)), scalar(1, a), b)
    return g.add("Where", g.add("Less", a, scalar(0, a)), scalar(0, a), above)


@op("numpy.Ldexp", "x1", "x2")
def ldexp(x1: Any, x2: Any) -> Any:
    """`x1 * 2**x2`.

    Raises:
        TypeError: for exponents that are no integers.
    """
    a, b = convert(x1), convert(x2)
    if not dtypes.is_integer(b.dtype):
        raise TypeError(f"the exponents of ldexp must be integers. Received: {b!r}")
    dtype = dtypes.result_type(a.dtype, b.dtype, float)
    a, b = cast_to(a, dtype), cast_to(b, dtype)
    g = graph()
    moved = g.add("Mul", a, g.add("Pow", scalar(2, a), b))
    # 0 and infinity stay, also where the power itself is infinite or 0.
    stays = g.add("Or", g.add("IsInf", a), g.add("Equal", a, scalar(0, a)))
    return g.add("Where", stays, a, moved)


@op("numpy.Nextafter", "x1", "x2")
def nextafter(x1: Any, x2: Any) -> Any:
    """The neighbour of x1 towards x2, found in float64 and rounded to the result's dtype, as in Keras.

    So float32 comes back as it was: its float64 neighbour rounds to it.
    """
    a, b = (convert(x) for x in (x1, x2))
    dtype = dtypes.result_type(a.dtype, b.dtype, float)
    a, b = cast_to(a, "float64"), cast_to(b, "float64")
    g = graph()
    # Rump et al., "Computing predecessor and successor in rounding to nearest" (BIT 2009).
    unit = 2.0**-53
    step = g.add("Mul", g.add("Abs", a), scalar(unit * (1 + 2 * unit), a))
    step = g.add("Max", step, scalar(5e-324, a))
    step = g.add("Where", g.add("IsInf", a), scalar(0, a), step)
    up = g.add("Where", g.add("Greater", b, a), g.add("Add", a, step), g.add("Sub", a, step))
    up = g.add("Where", g.add("Equal", a, b), b, up)
    return cast_to(g.add("Where", g.add("IsNaN", b), b, up), dtype)
