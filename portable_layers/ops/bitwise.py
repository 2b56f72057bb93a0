"""Operations on the bits of integers (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, convert, graph, op, promote
from portable_layers.ops.elementwise import scalar
from portable_layers.tensor import Tensor


def _integers(name: str, *xs: Any) -> list[Tensor]:
    operands = promote(*(convert(x) for x in xs))
    if not dtypes.is_integer(operands[0].dtype) and operands[0].dtype != "bool":
        shown = " and ".join(repr(x) for x in operands)
        raise TypeError(f"{name} needs integers. Received: {shown}")
    return operands


@op("numpy.BitwiseAnd", "x", "y")
def bitwise_and(x: Any, y: Any) -> Any:
    """The bits that both have."""
    a, b = _integers("bitwise_and", x, y)
    return graph().add("And", a, b) if a.dtype == "bool" else opset.bitwise("BitwiseAnd", a, b)


@op("numpy.BitwiseOr", "x", "y")
def bitwise_or(x: Any, y: Any) -> Any:
    """The bits that one has."""
    a, b = _integers("bitwise_or", x, y)
    return graph().add("Or", a, b) if a.dtype == "bool" else opset.bitwise("BitwiseOr", a, b)


@op("numpy.BitwiseXor", "x", "y")
def bitwise_xor(x: Any, y: Any) -> Any:
    """The bits that exactly one has."""
    a, b = _integers("bitwise_xor", x, y)
    return graph().add("Xor", a, b) if a.dtype == "bool" else opset.bitwise("BitwiseXor", a, b)


@op("numpy.BitwiseNot", "x")
def bitwise_not(x: Any) -> Any:
    """The bits that x has not."""
    return _inverted(x)


@op("numpy.BitwiseInvert", "x")
def bitwise_invert(x: Any) -> Any:
    """The bits that x has not."""
    return _inverted(x)


def _inverted(x: Any) -> Tensor:
    (x,) = _integers("bitwise_not", x)
    if x.dtype == "bool":
        return graph().add("Not", x)
    # -1 - x turns every bit, in any width.
    return _wrapped(x, lambda wide: graph().add("Sub", scalar(-1, wide), wide))


def _wrapped(x: Tensor, compute: Any) -> Tensor:
    return cast_to(compute(cast_to(x, "int64")), x.dtype)


@op("numpy.BitwiseLeftShift", "x", "y")
def bitwise_left_shift(x: Any, y: Any) -> Any:
    """x with its bits moved up by y places."""
    return _shifted("left", x, y)


@op("numpy.LeftShift", "x", "y")
def left_shift(x: Any, y: Any) -> Any:
    """x with its bits moved up by y places."""
    return _shifted("left", x, y)


@op("numpy.BitwiseRightShift", "x", "y")
def bitwise_right_shift(x: Any, y: Any) -> Any:
    """x with its bits moved down by y places; the sign stays."""
    return _shifted("right", x, y)


@op("numpy.RightShift", "x", "y")
def right_shift(x: Any, y: Any) -> Any:
    """x with its bits moved down by y places; the sign stays."""
    return _shifted("right", x, y)


def _shifted(direction: str, x: Any, y: Any) -> Tensor:
    """ONNX's BitShift knows only unsigned numbers; a signed one is shifted as such, its sign apart."""
    a = convert(x)
    b = cast_to(y, a.dtype) if isinstance(y, int) else convert(y)
    a, b = _integers(f"{direction}_shift", a, b)
    g = graph()
    dtype = a.dtype
    places = cast_to(b, "uint64")
    if direction == "left":
        return cast_to(g.add("BitShift", cast_to(a, "uint64"), places, direction="LEFT"), dtype)
    if dtype.startswith("uint"):
        return cast_to(g.add("BitShift", cast_to(a, "uint64"), places, direction="RIGHT"), dtype)
    wide = cast_to(a, "int64")
    negative = g.add("Less", wide, np.asarray(0, np.int64))
    # ~((~x) >> y) keeps the sign of a negative x.
    turned = g.add("Where", negative, g.add("Sub", np.asarray(-1, np.int64), wide), wide)
    moved = cast_to(g.add("BitShift", cast_to(turned, "uint64"), places, direction="RIGHT"), "int64")
    return cast_to(g.add("Where", negative, g.add("Sub", np.asarray(-1, np.int64), moved), moved), dtype)
