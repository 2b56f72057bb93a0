"""Comparison, logic and selection, element by element (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op, promote
from portable_layers.ops.elementwise import scalar, strong
from portable_layers.ops.kernels import emit, widen
from portable_layers.tensor import Tensor


def _is_text(*xs: Any) -> bool:
    return any(getattr(x, "dtype", None) == "string" for x in xs)


def _compare(op_type: str, x1: Any, x2: Any) -> Tensor:
    if _is_text(x1, x2):
        if op_type != "Equal":
            raise TypeError(f"strings can only be compared for equality. Received: {x1!r} and {x2!r}")
        return graph().add("Equal", convert(x1), convert(x2))
    a, b = strong(x1, x2)
    if a.dtype == "bool" and op_type == "Equal":
        return graph().add("Equal", a, b)
    return emit(op_type, a, b)


@op("numpy.Equal", "x1", "x2")
def equal(x1: Any, x2: Any) -> Any:
    """Whether they are equal."""
    return _compare("Equal", x1, x2)


@op("numpy.NotEqual", "x1", "x2")
def not_equal(x1: Any, x2: Any) -> Any:
    """Whether they differ."""
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


@op("numpy.Isclose", "x1", "x2", "rtol", "atol")
def isclose(x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """Whether `|x1 - x2| <= atol + rtol * |x2|`; integers must be equal."""
    a, b = strong(x1, x2)
    if not dtypes.is_float(a.dtype):
        return _compare("Equal", a, b)
    return _or_both_nan(_close(a, b, rtol, atol), a, b, equal_nan)


@op("numpy.AllClose", "x1", "x2")
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all are close, see `isclose`; infinities must be equal."""
    from portable_layers.ops.reduction import all as all_of

    a, b = strong(x1, x2)
    if not dtypes.is_float(a.dtype):
        return all_of(_compare("Equal", a, b))
    finite = graph().add("And", isfinite(a), isfinite(b))
    close = graph().add("And", finite, _close(a, b, rtol, atol))
    found = graph().add("Or", close, graph().add("Equal", a, b))
    return all_of(_or_both_nan(found, a, b, equal_nan))


def _close(a: Tensor, b: Tensor, rtol: Any, atol: Any) -> Tensor:
    g = graph()
    allowed = g.add("Add", cast_to(atol, a.dtype), g.add("Mul", cast_to(rtol, a.dtype), g.add("Abs", b)))
    return g.add("LessOrEqual", g.add("Abs", g.add("Sub", a, b)), allowed)


def _or_both_nan(found: Tensor, a: Tensor, b: Tensor, equal_nan: bool) -> Tensor:
    g = graph()
    return g.add("Or", found, g.add("And", g.add("IsNaN", a), g.add("IsNaN", b))) if equal_nan else found


def _everywhere(x: Tensor, value: bool) -> Tensor:
    return graph().add("Expand", np.asarray(value), graph().shape_tensor(x.shape), shape=x.shape)


@op("numpy.Isnan", "x")
def isnan(x: Any) -> Any:
    """Whether it is not a number."""
    x = convert(x)
    return graph().add("IsNaN", x) if dtypes.is_float(x.dtype) else _everywhere(x, False)


@op("numpy.Isinf", "x")
def isinf(x: Any) -> Any:
    """Whether it is infinite."""
    return _is_infinite(x)


@op("numpy.Isposinf", "x")
def isposinf(x: Any) -> Any:
    """Whether it is positive infinity."""
    return _is_infinite(x, detect_negative=0)


@op("numpy.Isneginf", "x")
def isneginf(x: Any) -> Any:
    """Whether it is negative infinity."""
    return _is_infinite(x, detect_positive=0)


def _is_infinite(x: Any, **detect: Any) -> Tensor:
    x = convert(x)
    if not dtypes.is_float(x.dtype):
        return _everywhere(x, False)
    # Before opset 20, IsInf knows only float32 and float64.
    wide = cast_to(x, "float32") if graph().opset < 20 and x.dtype != "float64" else x
    return graph().add("IsInf", wide, **detect)


@op("numpy.Isfinite", "x")
def isfinite(x: Any) -> Any:
    """Whether it is neither infinite nor not a number."""
    x = convert(x)
    if not dtypes.is_float(x.dtype):
        return _everywhere(x, True)
    return graph().add("Not", graph().add("Or", graph().add("IsNaN", x), _is_infinite(x)))


@op("numpy.Isreal", "x")
def isreal(x: Any) -> Any:
    """Whether the imaginary part is 0: it is, ONNX has no complex numbers."""
    return _everywhere(convert(x), True)


@op("numpy.IsIn", "x1", "x2")
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element of x1 is one of x2."""
    from portable_layers.ops.reduction import any as any_of
    from portable_layers.ops.shaping import expand_dims, reshape

    a, b = strong(x1, x2)
    found = any_of(_compare("Equal", expand_dims(a, -1), reshape(b, -1)), axis=-1)
    return graph().add("Not", found) if invert else found


@op("numpy.Where", "condition", "x1", "x2")
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, else x2; the indices where it holds, if given alone.

    Raises:
        ValueError: where only one of x1 and x2 is given.
    """
    if (x1 is None) != (x2 is None):
        raise ValueError("where needs both x1 and x2, or neither")
    if x1 is None:
        return nonzero(condition)
    return choose(cast_to(condition, "bool"), *promote(x1, x2))


def choose(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """ONNX Where on tensors of one dtype, whatever it is."""
    dtype = a.dtype
    if dtype == "bool":
        # ONNX Runtime has no Where of booleans.
        g = graph()
        return g.add("Or", g.add("And", condition, a), g.add("And", g.add("Not", condition), b))
    a, b = widen("Where", a, b)
    return cast_to(graph().add("Where", condition, a, b), dtype)


@op("numpy.Nonzero", "x")
def nonzero(x: Any) -> Any:
    """The indices of the elements that are not 0, one int32 tensor an axis."""
    x = cast_to(x, "bool")
    found = graph().add("NonZero", x)
    count = graph().fresh_dim("nonzero") if isinstance(found.shape[1], int) else found.shape[1]
    return [
        cast_to(graph().add("Gather", found, np.asarray(i, np.int64), axis=0, shape=(count,)), "int32")
        for i in range(x.ndim)
    ]


@op("numpy.Select", "condlist", "choicelist", "default")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Of the first condition that holds the choice, else the default.

    Raises:
        ValueError: for lists of different lengths, or empty ones.
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            "select needs as many conditions as choices, one at least. "
            f"Received: {len(condlist)} and {len(choicelist)}"
        )
    *choices, result = promote(*choicelist, default)
    for condition, choice in reversed(list(zip(condlist, choices, strict=True))):
        result = choose(cast_to(condition, "bool"), choice, result)
    return result


@op("numpy.NanToNum", "x")
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """x with numbers in place of what is none; infinities become the largest numbers by default."""
    x = convert(x)
    if not dtypes.is_float(x.dtype):
        return x
    import ml_dtypes

    limits = ml_dtypes.finfo(dtypes.to_numpy(x.dtype))
    g = graph()
    x = g.add("Where", g.add("IsNaN", x), scalar(nan, x), x)
    high = scalar(limits.max if posinf is None else posinf, x)
    low = scalar(limits.min if neginf is None else neginf, x)
    x = g.add("Where", _is_infinite(x, detect_negative=0), high, x)
    return g.add("Where", _is_infinite(x, detect_positive=0), low, x)
