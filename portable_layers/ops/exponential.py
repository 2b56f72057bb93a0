"""Exponentials and logarithms (`keras.ops.numpy`)."""

from __future__ import annotations

import math
from typing import Any

from portable_layers.ops.dispatch import cast_to, convert, graph, op, promote
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.tensor import Tensor


@op("numpy.Exp", "x")
def exp(x: Any) -> Any:
    """`e ** x`."""
    return graph().add("Exp", as_float(x))


@op("numpy.Exp2", "x")
def exp2(x: Any) -> Any:
    """`2 ** x`."""
    x = as_float(x)
    return graph().add("Pow", scalar(2, x), x)


@op("numpy.Expm1", "x")
def expm1(x: Any) -> Any:
    """`e ** x - 1`, exact to the last digits for small x too."""
    x = as_float(x)
    g = graph()
    one, wide = scalar(1, x), x
    power = g.add("Exp", wide)
    less = g.add("Sub", power, one)
    # Kahan: (u - 1) * x / log(u) has no cancellation, where u = exp(x) is neither 1 nor out of range.
    logarithm = g.add("Log", power)
    small = g.add("Less", g.add("Abs", x), one)
    flat = g.add("Equal", power, one)
    exact = g.add("Mul", less, g.add("Div", x, g.add("Where", flat, one, logarithm)))
    return g.add("Where", flat, x, g.add("Where", small, exact, less))


@op("numpy.Log", "x")
def log(x: Any) -> Any:
    """Natural logarithm."""
    return graph().add("Log", as_float(x))


@op("numpy.Log1p", "x")
def log1p(x: Any) -> Any:
    """`log(1 + x)`, exact to the last digits for small x too."""
    return log1p_of(as_float(x))


def log1p_of(x: Tensor) -> Tensor:
    """`log1p` of a float tensor."""
    g = graph()
    one = scalar(1, x)
    whole = g.add("Add", x, one)
    logarithm = g.add("Log", whole)
    # Kahan: what rounding added to 1 + x is undone by the factor x / ((1 + x) - 1).
    rest = g.add("Sub", whole, one)
    flat = g.add("Equal", rest, scalar(0, x))
    exact = g.add("Mul", logarithm, g.add("Div", x, g.add("Where", flat, one, rest)))
    small = g.add("Less", g.add("Abs", x), one)
    return g.add("Where", flat, x, g.add("Where", small, exact, logarithm))


@op("numpy.Log2", "x")
def log2(x: Any) -> Any:
    """Logarithm to the base 2."""
    return _log_to(x, 2)


@op("numpy.Log10", "x")
def log10(x: Any) -> Any:
    """Logarithm to the base 10."""
    return _log_to(x, 10)


def _log_to(x: Any, base: float) -> Tensor:
    x = as_float(x)
    return graph().add("Div", graph().add("Log", x), scalar(math.log(base), x))


@op("numpy.Logaddexp", "x1", "x2")
def logaddexp(x1: Any, x2: Any) -> Any:
    """`log(exp(x1) + exp(x2))` without overflow."""
    return _log_sum(x1, x2, 1.0)


@op("numpy.Logaddexp2", "x1", "x2")
def logaddexp2(x1: Any, x2: Any) -> Any:
    """`log2(2**x1 + 2**x2)` without overflow."""
    return _log_sum(x1, x2, math.log(2.0))


def _log_sum(x1: Any, x2: Any, log_base: float) -> Tensor:
    a, b = promote(convert(x1), convert(x2), to_float=True)
    g = graph()
    delta = g.add("Sub", a, b)
    fallen = g.add("Mul", g.add("Abs", delta), scalar(-log_base, a))
    tail = g.add("Div", log1p_of(g.add("Exp", fallen)), scalar(log_base, a))
    total = g.add("Add", g.add("Max", a, b), tail)
    # Equal infinities have no difference.
    return g.add("Where", g.add("IsNaN", delta), g.add("Add", a, b), total)


@op("math.Logsumexp", "x")
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))` over these axes, all by default, without overflow."""
    from portable_layers.ops import opset
    from portable_layers.ops.dispatch import normalize_axes
    from portable_layers.ops.shaping import squeeze

    x = as_float(x)
    g = graph()
    axes = normalize_axes(axis, x.ndim)
    if not axes:
        return x
    largest = opset.reduce("ReduceMax", x, axes, True)
    # Where all are -inf (or one is inf) there is nothing to subtract.
    safe = g.add("Where", g.add("IsInf", cast_to(largest, "float32")), scalar(0, x), largest)
    total = opset.reduce("ReduceSum", g.add("Exp", g.add("Sub", x, safe)), axes, True)
    result = g.add("Add", g.add("Log", total), safe)
    return result if keepdims else squeeze(result, list(axes))
