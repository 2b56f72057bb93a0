"""Common divisors and multiples of integers (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, graph, op
from portable_layers.ops.elementwise import scalar, strong
from portable_layers.ops.reduction import any as any_of
from portable_layers.ops.shaping import broadcast_together
from portable_layers.tensor import Tensor


@op("numpy.Gcd", "x1", "x2")
def gcd(x1: Any, x2: Any) -> Any:
    """The greatest common divisor, by Euclid's algorithm in a loop.

    Raises:
        TypeError: for operands that are no integers.
    """
    a, b = _integers("gcd", x1, x2)
    dtype = a.dtype
    return cast_to(_gcd(cast_to(a, "int64"), cast_to(b, "int64")), dtype)


@op("numpy.Lcm", "x1", "x2")
def lcm(x1: Any, x2: Any) -> Any:
    """The least common multiple; 0 where both are 0.

    Raises:
        TypeError: for operands that are no integers.
    """
    a, b = _integers("lcm", x1, x2)
    dtype = a.dtype
    g = graph()
    a, b = g.add("Abs", cast_to(a, "int64")), g.add("Abs", cast_to(b, "int64"))
    divisor = _gcd(a, b)
    is_zero = g.add("Equal", divisor, scalar(0, divisor))
    safe = g.add("Where", is_zero, scalar(1, divisor), divisor)
    return cast_to(g.add("Mul", a, g.add("Div", b, safe)), dtype)


def _integers(name: str, x1: Any, x2: Any) -> list[Tensor]:
    a, b = strong(x1, x2)
    if not dtypes.is_integer(a.dtype):
        raise TypeError(f"{name} needs integers. Received: {x1!r} and {x2!r}")
    return [a, b]


def _gcd(a: Tensor, b: Tensor) -> Tensor:
    a, b = broadcast_together(graph().add("Abs", a), graph().add("Abs", b))

    def step(_: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, list[Tensor]]:
        g = graph()
        going = g.add("Not", g.add("Equal", b, scalar(0, b)))
        rest = g.add("Mod", a, g.add("Where", going, b, scalar(1, b)))
        following = [g.add("Where", going, b, a), g.add("Where", going, rest, scalar(0, b))]
        return any_of(following[1]), following

    return graph().loop(None, any_of(b), step, [a, b])[0]
