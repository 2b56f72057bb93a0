"""Trigonometric and hyperbolic functions (`keras.ops.numpy`).

ONNX Runtime has no float64 kernels of the inverse functions; those are said by the ones it has, to
the last digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from portable_layers.ops.dispatch import cast_to, convert, graph, op, promote
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.tensor import Tensor


def _function(op_type: str, x: Any) -> Tensor:
    return graph().add(op_type, as_float(x))


@op("numpy.Sin", "x")
def sin(x: Any) -> Any:
    """Sine."""
    return _function("Sin", x)


@op("numpy.Cos", "x")
def cos(x: Any) -> Any:
    """Cosine."""
    return _function("Cos", x)


@op("numpy.Tan", "x")
def tan(x: Any) -> Any:
    """Tangent."""
    x = as_float(x)
    if x.dtype == "float64":
        return graph().add("Div", graph().add("Sin", x), graph().add("Cos", x))
    return graph().add("Tan", x)


@op("numpy.Sinc", "x")
def sinc(x: Any) -> Any:
    """`sin(pi * x) / (pi * x)`, 1 at 0."""
    x = as_float(x)
    g = graph()
    angle = g.add("Mul", x, scalar(math.pi, x))
    is_zero = g.add("Equal", x, scalar(0, x))
    safe = g.add("Where", is_zero, scalar(1, x), angle)
    return g.add("Where", is_zero, scalar(1, x), g.add("Div", g.add("Sin", angle), safe))


@op("numpy.Arcsin", "x")
def arcsin(x: Any) -> Any:
    """Inverse sine."""
    x = as_float(x)
    if x.dtype != "float64":
        return graph().add("Asin", x)
    g = graph()
    return _atan2(x, g.add("Sqrt", g.add("Mul", _one_minus(x), _one_plus(x))))


@op("numpy.Arccos", "x")
def arccos(x: Any) -> Any:
    """Inverse cosine."""
    x = as_float(x)
    if x.dtype != "float64":
        return graph().add("Acos", x)
    g = graph()
    half = _atan2(g.add("Sqrt", _one_minus(x)), g.add("Sqrt", _one_plus(x)))
    return g.add("Mul", half, scalar(2, x))


def _one_plus(x: Tensor) -> Tensor:
    return graph().add("Add", scalar(1, x), x)


def _one_minus(x: Tensor) -> Tensor:
    return graph().add("Sub", scalar(1, x), x)


@op("numpy.Arctan", "x")
def arctan(x: Any) -> Any:
    """Inverse tangent."""
    x = as_float(x)
    return _atan2(x, scalar(1, x)) if x.dtype == "float64" else graph().add("Atan", x)


@op("numpy.Arctan2", "x1", "x2")
def arctan2(x1: Any, x2: Any) -> Any:
    """The angle of the point `(x2, x1)`, from -pi to pi."""
    return _atan2(*promote(convert(x1), convert(x2), to_float=True))


def _atan2(y: Tensor, x: Tensor) -> Tensor:
    """The angle of the points `(x, y)`; the sign of a zero counts, as in IEEE 754."""
    dtype = y.dtype
    if dtype == "float64":
        return _refined_atan2(y, x)
    g = graph()
    y, x = cast_to(y, "float32"), cast_to(x, "float32")
    zero = scalar(0, x)
    height, width = g.add("Abs", y), g.add("Abs", x)
    large, small = g.add("Max", height, width), g.add("Min", height, width)
    both_infinite = g.add("IsInf", small)
    nothing = g.add("Equal", large, zero)
    # The quotient of the smaller by the larger never overflows; inf / inf counts as 1.
    quotient = g.add("Div", small, g.add("Where", nothing, scalar(1, x), large))
    quotient = g.add("Where", both_infinite, scalar(1, x), quotient)
    angle = g.add("Atan", quotient)
    steep = g.add("Greater", height, width)
    angle = g.add("Where", steep, g.add("Sub", scalar(math.pi / 2, x), angle), angle)
    angle = g.add("Where", _is_negative(x), g.add("Sub", scalar(math.pi, x), angle), angle)
    angle = g.add("Where", _is_negative(y), g.add("Neg", angle), angle)
    missing = g.add("Or", g.add("IsNaN", x), g.add("IsNaN", y))
    return cast_to(g.add("Where", missing, scalar(np.nan, x), angle), dtype)


def _is_negative(x: Tensor) -> Tensor:
    """Whether the sign bit is set, of -0 too: only its reciprocal is negative."""
    g = graph()
    zero = scalar(0, x)
    sign = g.add("Where", g.add("Equal", x, zero), g.add("Reciprocal", x), x)
    return g.add("Less", sign, zero)


def _refined_atan2(y: Tensor, x: Tensor) -> Tensor:
    """A float32 angle, corrected by what is left when the point is turned back by it."""
    g = graph()
    # Both numbers in the range of float32; the angle depends only on their ratio.
    large = g.add("Max", g.add("Abs", y), g.add("Abs", x))
    plain = g.add("And", g.add("Greater", large, scalar(0, x)), g.add("Not", g.add("IsInf", large)))
    scale = g.add("Where", plain, large, scalar(1, x))
    y, x = g.add("Div", y, scale), g.add("Div", x, scale)
    rough = cast_to(_atan2(cast_to(y, "float32"), cast_to(x, "float32")), "float64")
    sine, cosine = g.add("Sin", rough), g.add("Cos", rough)
    across = g.add("Sub", g.add("Mul", y, cosine), g.add("Mul", x, sine))
    along = g.add("Add", g.add("Mul", x, cosine), g.add("Mul", y, sine))
    rest = g.add("Div", across, g.add("Where", plain, along, scalar(1, x)))
    exact = g.add("Add", rough, rest)
    # At 0 and infinity the rough angle is a multiple of pi / 4; take it in float64.
    quarters = g.add("Round", g.add("Mul", rough, scalar(4 / math.pi, x)))
    return g.add("Where", plain, exact, g.add("Mul", quarters, scalar(math.pi / 4, x)))


@op("numpy.Sinh", "x")
def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    x = as_float(x)
    if x.dtype != "float64":
        return graph().add("Sinh", x)
    from portable_layers.ops.exponential import expm1

    g = graph()
    # (e + e / (e + 1)) / 2 with e = exp(|x|) - 1 does not cancel near 0.
    e = expm1(g.add("Abs", x))
    both = g.add("Add", e, g.add("Div", e, _one_plus(e)))
    both = g.add("Where", g.add("IsInf", e), e, both)
    return g.add("Mul", g.add("Mul", both, scalar(0.5, x)), g.add("Sign", x))


@op("numpy.Cosh", "x")
def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    x = as_float(x)
    if x.dtype != "float64":
        return graph().add("Cosh", x)
    g = graph()
    both = g.add("Add", g.add("Exp", x), g.add("Exp", g.add("Neg", x)))
    return g.add("Mul", both, scalar(0.5, x))


@op("numpy.Tanh", "x")
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return _function("Tanh", x)


@op("numpy.Arcsinh", "x")
def arcsinh(x: Any) -> Any:
    """Inverse hyperbolic sine."""
    x = as_float(x)
    if x.dtype != "float64":
        return graph().add("Asinh", x)
    from portable_layers.ops.exponential import log1p_of

    g = graph()
    # log1p(a + a**2 / (1 + sqrt(1 + a**2))) with a = |x|.
    a = g.add("Abs", x)
    square = g.add("Mul", a, a)
    tail = g.add("Div", square, _one_plus(g.add("Sqrt", _one_plus(square))))
    return g.add("Mul", log1p_of(g.add("Add", a, tail)), g.add("Sign", x))


@op("numpy.Arccosh", "x")
def arccosh(x: Any) -> Any:
    """Inverse hyperbolic cosine."""
    x = as_float(x)
    if x.dtype != "float64":
        return graph().add("Acosh", x)
    from portable_layers.ops.exponential import log1p_of

    g = graph()
    above = g.add("Sub", x, scalar(1, x))
    root = g.add("Sqrt", g.add("Mul", above, _one_plus(x)))
    return log1p_of(g.add("Add", above, root))


@op("numpy.Arctanh", "x")
def arctanh(x: Any) -> Any:
    """Inverse hyperbolic tangent."""
    x = as_float(x)
    if x.dtype != "float64":
        return graph().add("Atanh", x)
    from portable_layers.ops.exponential import log1p_of

    g = graph()
    ratio = g.add("Div", g.add("Mul", scalar(2, x), x), _one_minus(x))
    return g.add("Mul", log1p_of(ratio), scalar(0.5, x))


@op("numpy.Deg2rad", "x")
def deg2rad(x: Any) -> Any:
    """Degrees as radians."""
    x = as_float(x, int64="float64")
    return graph().add("Mul", x, scalar(math.pi / 180.0, x))


@op("numpy.Rad2deg", "x")
def rad2deg(x: Any) -> Any:
    """Radians as degrees."""
    x = as_float(x, int64="float64")
    return graph().add("Mul", x, scalar(180.0 / math.pi, x))


@op("numpy.Angle", "x")
def angle(x: Any) -> Any:
    """The angle of a complex number whose imaginary part is 0: 0, or pi where x is negative."""
    x = as_float(x)
    g = graph()
    return g.add("Where", g.add("Less", x, scalar(0, x)), scalar(math.pi, x), scalar(0, x))


@op("numpy.Real", "x")
def real(x: Any) -> Any:
    """The real part: x itself, ONNX has no complex numbers."""
    return convert(x)


@op("numpy.Imag", "x")
def imag(x: Any) -> Any:
    """The imaginary part: zeros, ONNX has no complex numbers."""
    from portable_layers.ops.creation import zeros_like

    return zeros_like(x)


@op("numpy.Conjugate", "x", aliases=("numpy.Conj",))
def conjugate(x: Any) -> Any:
    """The complex conjugate: x itself, ONNX has no complex numbers."""
    return convert(x)


def conj(x: Any) -> Any:
    """The complex conjugate: x itself, ONNX has no complex numbers."""
    return conjugate(x)
