"""Arithmetic, comparison and logic, element by element (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op, promote
from portable_layers.tensor import Tensor

# Integer types for which ONNX Runtime lacks kernels of the arithmetic operators.
_NARROW = ("int8", "uint8", "int16", "uint16", "uint32", "bool")


def _binary(op_type: str, x1: Any, x2: Any, to_float: bool = False) -> Tensor:
    a, b = promote(x1, x2, to_float=to_float)
    dtype = a.dtype
    if dtype in _NARROW:
        a, b = cast_to(a, "int64"), cast_to(b, "int64")
        return cast_to(graph().add(op_type, a, b), dtype)
    return graph().add(op_type, a, b)


@op("numpy.Add", "x1", "x2")
def add(x1: Any, x2: Any) -> Any:
    """`x1 + x2`."""
    a, b = promote(x1, x2)
    if a.dtype == "bool":
        return graph().add("Or", a, b)
    return _binary("Add", a, b)


@op("numpy.Subtract", "x1", "x2")
def subtract(x1: Any, x2: Any) -> Any:
    """`x1 - x2`."""
    return _binary("Sub", x1, x2)


@op("numpy.Multiply", "x1", "x2")
def multiply(x1: Any, x2: Any) -> Any:
    """`x1 * x2`."""
    a, b = promote(x1, x2)
    if a.dtype == "bool":
        return graph().add("And", a, b)
    return _binary("Mul", a, b)


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
    zero = cast_to(0, b.dtype)
    is_zero = g.add("Equal", b, zero)
    return g.add("Where", is_zero, zero, g.add("Div", a, g.add("Where", is_zero, cast_to(1, b.dtype), b)))


@op("numpy.FloorDivide", "x1", "x2")
def floor_divide(x1: Any, x2: Any) -> Any:
    """The largest whole number not above `x1 / x2`."""
    a, b = promote(x1, x2)
    g = graph()
    if dtypes.is_float(a.dtype):
        return g.add("Floor", g.add("Div", a, b))
    dtype = a.dtype
    a, b = cast_to(a, "int64"), cast_to(b, "int64")
    # ONNX's integer Div cuts off towards zero, Mod has the sign of the divisor.
    return cast_to(g.add("Div", g.add("Sub", a, g.add("Mod", a, b)), b), dtype)


@op("numpy.Mod", "x1", "x2")
def mod(x1: Any, x2: Any) -> Any:
    """The remainder, with the sign of x2."""
    a, b = promote(x1, x2)
    g = graph()
    if a.dtype == "bool":
        a, b = cast_to(a, "int32"), cast_to(b, "int32")
    if not dtypes.is_float(a.dtype):
        return g.add("Mod", a, b)
    return g.add("Sub", a, g.add("Mul", b, g.add("Floor", g.add("Div", a, b))))


@op("numpy.Power", "x1", "x2")
def power(x1: Any, x2: Any) -> Any:
    """`x1 ** x2`."""
    return _binary("Pow", x1, x2)


@op("numpy.Maximum", "x1", "x2")
def maximum(x1: Any, x2: Any) -> Any:
    """The larger of two."""
    return _extreme("Max", x1, x2)


@op("numpy.Minimum", "x1", "x2")
def minimum(x1: Any, x2: Any) -> Any:
    """The smaller of two."""
    return _extreme("Min", x1, x2)


def _extreme(op_type: str, x1: Any, x2: Any) -> Tensor:
    a, b = promote(x1, x2)
    if a.dtype == "bool":
        return graph().add("Or" if op_type == "Max" else "And", a, b)
    return _binary(op_type, a, b)


@op("numpy.Negative", "x")
def negative(x: Any) -> Any:
    """`-x`."""
    return graph().add("Neg", convert(x))


@op("numpy.Absolute", "x")
def absolute(x: Any) -> Any:
    """`|x|`."""
    x = convert(x)
    return x if x.dtype == "bool" else graph().add("Abs", x)


@op("numpy.Abs", "x")
def abs(x: Any) -> Any:
    """`|x|`."""
    x = convert(x)
    return x if x.dtype == "bool" else graph().add("Abs", x)


def _float_of(x: Any) -> Tensor:
    tensor = convert(x)
    if dtypes.is_float(tensor.dtype):
        return tensor
    return cast_to(tensor, "float32")


@op("numpy.Sqrt", "x")
def sqrt(x: Any) -> Any:
    """Square root."""
    return graph().add("Sqrt", _float_of(x))


@op("math.Rsqrt", "x")
def rsqrt(x: Any) -> Any:
    """`1 / sqrt(x)`."""
    g = graph()
    return g.add("Reciprocal", g.add("Sqrt", _float_of(x)))


@op("numpy.Square", "x")
def square(x: Any) -> Any:
    """`x * x`."""
    x = convert(x)
    if x.dtype == "bool":
        x = cast_to(x, "int32")
    return _binary("Mul", x, x)


@op("numpy.Reciprocal", "x")
def reciprocal(x: Any) -> Any:
    """`1 / x`."""
    return graph().add("Reciprocal", _float_of(x))


@op("numpy.Exp", "x")
def exp(x: Any) -> Any:
    """`e ** x`."""
    return graph().add("Exp", _float_of(x))


@op("numpy.Expm1", "x")
def expm1(x: Any) -> Any:
    """`e ** x - 1`."""
    x = _float_of(x)
    return graph().add("Sub", graph().add("Exp", x), cast_to(1.0, x.dtype))


@op("numpy.Log", "x")
def log(x: Any) -> Any:
    """Natural logarithm."""
    return graph().add("Log", _float_of(x))


@op("numpy.Log1p", "x")
def log1p(x: Any) -> Any:
    """`log(1 + x)`."""
    x = _float_of(x)
    return graph().add("Log", graph().add("Add", x, cast_to(1.0, x.dtype)))


@op("numpy.Sin", "x")
def sin(x: Any) -> Any:
    """Sine."""
    return graph().add("Sin", _float_of(x))


@op("numpy.Cos", "x")
def cos(x: Any) -> Any:
    """Cosine."""
    return graph().add("Cos", _float_of(x))


@op("numpy.Tanh", "x")
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return graph().add("Tanh", _float_of(x))


@op("math.Erf", "x")
def erf(x: Any) -> Any:
    """The error function."""
    return graph().add("Erf", _float_of(x))


@op("numpy.Floor", "x")
def floor(x: Any) -> Any:
    """The largest whole number not above x."""
    return graph().add("Floor", _float_of(x))


@op("numpy.Ceil", "x")
def ceil(x: Any) -> Any:
    """The smallest whole number not below x."""
    return graph().add("Ceil", _float_of(x))


@op("numpy.Round", "x")
def round(x: Any, decimals: int = 0) -> Any:
    """x rounded to so many decimals, halves to even."""
    x = convert(x)
    g = graph()
    if not dtypes.is_float(x.dtype):
        if decimals >= 0:
            return x
        return cast_to(round(cast_to(x, "float64"), decimals), x.dtype)
    if decimals == 0:
        return g.add("Round", x)
    factor = cast_to(10.0**decimals, x.dtype)
    return g.add("Div", g.add("Round", g.add("Mul", x, factor)), factor)


@op("numpy.Sign", "x")
def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    return graph().add("Sign", convert(x))


@op("numpy.Clip", "x")
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """x held within `[x_min, x_max]`."""
    x = convert(x)
    if x.dtype == "bool":
        x = cast_to(x, "int32")
    if isinstance(x_min, int | float) and isinstance(x_max, int | float):
        return graph().add("Clip", x, cast_to(x_min, x.dtype), cast_to(x_max, x.dtype))
    return _binary("Min", _binary("Max", x, cast_to(x_min, x.dtype)), cast_to(x_max, x.dtype))


def _compare(op_type: str, x1: Any, x2: Any) -> Tensor:
    a, b = promote(x1, x2)
    if a.dtype == "bool" and op_type != "Equal":
        a, b = cast_to(a, "int32"), cast_to(b, "int32")
    return graph().add(op_type, a, b)


@op("numpy.Equal", "x1", "x2")
def equal(x1: Any, x2: Any) -> Any:
    """Whether they are equal, element by element."""
    if any(getattr(x, "dtype", None) == "string" for x in (x1, x2)):
        return graph().add("Equal", convert(x1), convert(x2))
    return _compare("Equal", x1, x2)


@op("numpy.NotEqual", "x1", "x2")
def not_equal(x1: Any, x2: Any) -> Any:
    """Whether they differ, element by element."""
    if any(getattr(x, "dtype", None) == "string" for x in (x1, x2)):
        return graph().add("Not", graph().add("Equal", convert(x1), convert(x2)))
    return graph().add("Not", _compare("Equal", x1, x2))


@op("numpy.Less", "x1", "x2")
def less(x1: Any, x2: Any) -> Any:
    """`x1 < x2`."""
    return _compare("Less", x1, x2)


@op("numpy.LessEqual", "x1", "x2")
def less_equal(x1: Any, x2: Any) -> Any:
    """`x1 <= x2`."""
    return _compare("LessOrEqual", x1, x2)


@op("numpy.Greater", "x1", "x2")
def greater(x1: Any, x2: Any) -> Any:
    """`x1 > x2`."""
    return _compare("Greater", x1, x2)


@op("numpy.GreaterEqual", "x1", "x2")
def greater_equal(x1: Any, x2: Any) -> Any:
    """`x1 >= x2`."""
    return _compare("GreaterOrEqual", x1, x2)


def _logical(op_type: str, x1: Any, x2: Any) -> Tensor:
    return graph().add(op_type, cast_to(x1, "bool"), cast_to(x2, "bool"))


@op("numpy.LogicalAnd", "x1", "x2")
def logical_and(x1: Any, x2: Any) -> Any:
    """Whether both hold."""
    return _logical("And", x1, x2)


@op("numpy.LogicalOr", "x1", "x2")
def logical_or(x1: Any, x2: Any) -> Any:
    """Whether one holds."""
    return _logical("Or", x1, x2)


@op("numpy.LogicalXor", "x1", "x2")
def logical_xor(x1: Any, x2: Any) -> Any:
    """Whether exactly one holds."""
    return _logical("Xor", x1, x2)


@op("numpy.LogicalNot", "x")
def logical_not(x: Any) -> Any:
    """Whether it does not hold."""
    return graph().add("Not", cast_to(x, "bool"))


@op("numpy.Where", "condition", "x1", "x2")
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, else x2; the indices where it holds, if given alone."""
    condition = cast_to(condition, "bool")
    if x1 is None:
        found = graph().add("NonZero", condition)
        return [cast_to(found[i], "int32") for i in range(condition.ndim)]
    a, b = promote(x1, x2)
    return graph().add("Where", condition, a, b)


@op("numpy.Isnan", "x")
def isnan(x: Any) -> Any:
    """Whether it is not a number."""
    return graph().add("IsNaN", _float_of(x))


@op("numpy.ZerosLike", "x")
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of x's shape."""
    return full_like(x, 0, dtype=dtype)


@op("numpy.OnesLike", "x")
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones of x's shape."""
    return full_like(x, 1, dtype=dtype)


@op("numpy.FullLike", "x", "fill_value")
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """x's shape filled with a value."""
    x = convert(x)
    g = graph()
    value = cast_to(fill_value, dtypes.standardize(dtype) if dtype is not None else x.dtype)
    return g.add("Expand", value, g.shape_tensor(x.shape), shape=x.shape)


@op("", "shape")
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor of one value."""
    g = graph()
    sizes = [shape] if isinstance(shape, int) else list(shape)
    value = convert(fill_value) if dtype is None else cast_to(fill_value, dtypes.standardize(dtype))
    if all(isinstance(n, int) for n in sizes) and value.constant is not None:
        return g.constant(np.full(sizes, value.constant))
    return g.add(
        "Expand",
        value,
        g.shape_tensor(sizes),
        shape=tuple(n if not isinstance(n, Tensor) else None for n in sizes),
    )


def zeros(shape: Any, dtype: Any = "float32") -> Any:
    """Zeros."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = "float32") -> Any:
    """Ones."""
    return full(shape, 1, dtype)
