"""The error function and its kin, and Bessel's I0 (`keras.ops.math` and `numpy`)."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers.ops.dispatch import cast_to, graph, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.tensor import Tensor

# W. J. Cody, "Rational Chebyshev approximations for the error function" (Math. Comp. 23, 1969):
# numerator and denominator, the leading coefficients first. Below 0.46875, up to 4, and above.
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)  # fmt: skip
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip
# M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011), in single precision.
_INVERSE_CENTRE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
    -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_INVERSE_TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
    0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip


def _polynomial(coefficients: Sequence[float], x: Tensor) -> Tensor:
    """By Horner's scheme, the leading coefficient first."""
    g = graph()
    result = scalar(coefficients[0], x)
    for c in coefficients[1:]:
        result = g.add("Add", g.add("Mul", result, x), scalar(c, x))
    return result


def _ratio(pair: tuple[Sequence[float], Sequence[float]], x: Tensor) -> Tensor:
    return graph().add("Div", _polynomial(pair[0], x), _polynomial(pair[1], x))


@op("math.Erf", "x")
def erf(x: Any) -> Any:
    """The error function."""
    x = as_float(x)
    g = graph()
    if x.dtype != "float64":
        return g.add("Erf", x)
    near, complement, is_near = _error_function(x)
    far = g.add("Mul", g.add("Sub", scalar(1, x), complement), g.add("Sign", x))
    return g.add("Where", is_near, near, far)


@op("math.Erfc", "x")
def erfc(x: Any) -> Any:
    """`1 - erf(x)`, exact to the last digits where that is close to 0."""
    x = as_float(x)
    dtype = x.dtype
    wide = x if dtype == "float64" else cast_to(x, "float32")
    g = graph()
    near, complement, is_near = _error_function(wide)
    one = scalar(1, wide)
    below = g.add("Less", wide, scalar(0, wide))
    far = g.add("Where", below, g.add("Sub", scalar(2, wide), complement), complement)
    return cast_to(g.add("Where", is_near, g.add("Sub", one, near), far), dtype)


def _error_function(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`erf(x)` for small x, `erfc(|x|)` for others, and where x is small."""
    g = graph()
    size = g.add("Abs", x)
    is_near = g.add("LessOrEqual", size, scalar(0.46875, x))
    inner = g.add("Where", is_near, x, scalar(0, x))
    near = g.add("Mul", inner, _ratio(_NEAR, g.add("Mul", inner, inner)))
    middle = _ratio(_MIDDLE, g.add("Min", size, scalar(4, x)))
    away = g.add("Max", size, scalar(4, x))
    square = g.add("Reciprocal", g.add("Mul", away, away))
    rest = g.add("Mul", square, _ratio(_FAR, square))
    far = g.add("Div", g.add("Sub", scalar(1 / math.sqrt(math.pi), x), rest), away)
    tail = g.add("Where", g.add("LessOrEqual", size, scalar(4, x)), middle, far)
    # exp(-x**2) from a square without rounding error, and the rest.
    held = g.add("Min", size, scalar(40, x))
    coarse = g.add("Div", g.add("Floor", g.add("Mul", held, scalar(16, x))), scalar(16, x))
    fine = g.add("Mul", g.add("Sub", held, coarse), g.add("Add", held, coarse))
    bell = g.add(
        "Mul",
        g.add("Exp", g.add("Neg", g.add("Mul", coarse, coarse))),
        g.add("Exp", g.add("Neg", fine)),
    )
    return near, g.add("Mul", tail, bell), is_near


@op("math.Erfinv", "x")
def erfinv(x: Any) -> Any:
    """The number whose error function is x."""
    x = as_float(x)
    dtype = x.dtype
    x = x if dtype == "float64" else cast_to(x, "float32")
    g = graph()
    one = scalar(1, x)
    size = g.add("Abs", x)
    at_end = g.add("Equal", size, one)
    inner = g.add("Where", at_end, scalar(0, x), x)
    spread = g.add("Mul", g.add("Sub", one, inner), g.add("Add", one, inner))
    w = g.add("Neg", g.add("Log", spread))
    centre = _polynomial(_INVERSE_CENTRE, g.add("Sub", w, scalar(2.5, x)))
    root = g.add("Sqrt", g.add("Max", w, scalar(5, x)))
    tail = _polynomial(_INVERSE_TAIL, g.add("Sub", root, scalar(3, x)))
    y = g.add("Mul", g.add("Where", g.add("Less", w, scalar(5, x)), centre, tail), inner)
    if dtype == "float64":
        for _ in range(2):
            y = _newton_step(y, inner)
    end = g.add("Mul", x, scalar(np.inf, x))
    return cast_to(g.add("Where", at_end, end, y), dtype)


def _newton_step(y: Tensor, x: Tensor) -> Tensor:
    """One step of Newton's method towards `erf(y) == x`; by the complement, which does not cancel."""
    g = graph()
    one = scalar(1, x)
    near, complement, is_near = _error_function(y)
    sign = g.add("Sign", x)
    missed = g.add("Mul", g.add("Sub", g.add("Sub", one, g.add("Abs", x)), complement), sign)
    missed = g.add("Where", is_near, g.add("Sub", near, x), missed)
    slope = g.add("Exp", g.add("Neg", g.add("Mul", y, y)))
    slope = g.add("Mul", slope, scalar(2 / math.sqrt(math.pi), x))
    return g.add("Sub", y, g.add("Div", missed, slope))


@op("numpy.I0", "x")
def i0(x: Any) -> Any:
    """The modified Bessel function of the first kind, of order 0."""
    x = as_float(x, int64="float64")
    dtype = x.dtype
    x = x if dtype == "float64" else cast_to(x, "float32")
    g = graph()
    size = g.add("Abs", x)
    eight = scalar(8, x)
    low, high = _bessel_series(29 if dtype == "float64" else 17, 24 if dtype == "float64" else 9)
    near = g.add("Min", size, eight)
    inside = _chebyshev(low, g.add("Sub", g.add("Div", near, scalar(4, x)), scalar(1, x)))
    away = g.add("Max", size, eight)
    outside = _chebyshev(high, g.add("Sub", g.add("Div", scalar(16, x), away), scalar(1, x)))
    outside = g.add("Div", outside, g.add("Sqrt", away))
    # Both series are of exp(-|x|) * I0(x), which stays near 1.
    scaled = g.add("Where", g.add("LessOrEqual", size, eight), inside, outside)
    return cast_to(g.add("Mul", g.add("Exp", size), scaled), dtype)


@functools.cache
def _bessel_series(near: int, far: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Chebyshev series of `exp(-x) I0(x)` on [0, 8], and of `sqrt(x) exp(-x) I0(x)` beyond, in `16/x - 1`."""
    interpolate: Any = np.polynomial.chebyshev.chebinterpolate

    def scaled(x: np.ndarray) -> np.ndarray:
        return np.exp(-x) * np.i0(x)

    def beyond(t: np.ndarray) -> np.ndarray:
        x = np.minimum(16 / (t + 1), 600)  # where exp(x) is still a number; there the series is flat
        return np.sqrt(x) * scaled(x)

    low = interpolate(lambda t: scaled(4 * (t + 1)), near)
    return tuple(np.asarray(low).tolist()), tuple(np.asarray(interpolate(beyond, far)).tolist())


def _chebyshev(coefficients: Sequence[float], x: Tensor) -> Tensor:
    """A Chebyshev series by Clenshaw's recurrence, the constant first."""
    g = graph()
    double = g.add("Mul", x, scalar(2, x))
    after, now = scalar(0, x), scalar(coefficients[-1], x)
    for c in reversed(coefficients[1:-1]):
        following = g.add("Sub", g.add("Add", g.add("Mul", double, now), scalar(c, x)), after)
        after, now = now, following
    return g.add("Sub", g.add("Add", g.add("Mul", x, now), scalar(coefficients[0], x)), after)
