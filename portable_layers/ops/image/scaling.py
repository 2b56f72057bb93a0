"""Images scaled and moved by any amount (`keras.ops.image`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import scalar
from portable_layers.ops.kernels import emit
from portable_layers.ops.reduction import positions, reduce
from portable_layers.ops.shaping import expand_dims, moveaxis, squeeze
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor


def _triangle(x: Tensor) -> Tensor:
    return graph().add("Relu", graph().add("Sub", scalar(1, x), x))


def _cubic(x: Tensor) -> Tensor:
    """Keys's filter with a = -0.5."""
    g = graph()

    def polynomial(*coefficients: float) -> Tensor:
        found = scalar(coefficients[0], x)
        for c in coefficients[1:]:
            found = g.add("Add", g.add("Mul", found, x), scalar(c, x))
        return found

    near, far = polynomial(1.5, -2.5, 0.0, 1.0), polynomial(-0.5, 2.5, -4.0, 2.0)
    both = g.add("Where", g.add("GreaterOrEqual", x, scalar(1, x)), far, near)
    return g.add("Where", g.add("GreaterOrEqual", x, scalar(2, x)), scalar(0, x), both)


def _lanczos(radius: float) -> Callable[[Tensor], Tensor]:
    def weights(x: Tensor) -> Tensor:
        g = graph()
        safe = g.add("Max", x, scalar(1e-3, x))
        wave = g.add("Sin", g.add("Mul", safe, scalar(math.pi, x)))
        slow = g.add("Sin", g.add("Mul", safe, scalar(math.pi / radius, x)))
        top = g.add("Mul", g.add("Mul", wave, slow), scalar(radius, x))
        found = g.add("Div", top, g.add("Mul", g.add("Mul", safe, safe), scalar(math.pi**2, x)))
        found = g.add("Where", g.add("Greater", x, scalar(1e-3, x)), found, scalar(1, x))
        return g.add("Where", g.add("Greater", x, scalar(radius, x)), scalar(0, x), found)

    return weights


_LINEAR = ("linear", "bilinear", "trilinear")
_KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    **dict.fromkeys(_LINEAR, _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


@op("image.ScaleAndTranslate", "images", "output_shape", "scale", "translation")
def scale_and_translate(
    images: Any,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> Any:
    """A tensor scaled and then moved along some of its axes.

    Args:
        output_shape: of the result.
        scale, translation: one number for each of these axes.
        spatial_dims: the axes.
        method: `linear`, `cubic`, `lanczos3` or `lanczos5`.
        antialias: whether the filter grows where the tensor shrinks.

    Raises:
        ValueError: for another method.
    """
    if method not in _KERNELS:
        raise ValueError(f"method must be one of {', '.join(_KERNELS)}. Received: {method!r}")
    x = convert(images)
    factors, moves = convert(scale), convert(translation)
    dtype = dtypes.result_type(factors.dtype, moves.dtype)
    factors, moves = cast_to(factors, dtype), cast_to(moves, dtype)
    is_float = dtypes.is_float(x.dtype)
    result = x if is_float else cast_to(x, "float32")
    for place, axis in enumerate(spatial_dims):
        axis %= x.ndim
        factor, move = (squeeze(slice_axis(t, 0, place, place + 1), 0) for t in (factors, moves))
        weights = _weights(x.shape[axis], int(output_shape[axis]), factor, move, _KERNELS[method], antialias)
        product = graph().add("MatMul", moveaxis(result, axis, -1), cast_to(weights, result.dtype))
        result = moveaxis(product, -1, axis)
    if is_float:
        return result
    rounded = graph().add("Round", result)
    low, high = (cast_to(reduce(r, x), "float32") for r in ("ReduceMin", "ReduceMax"))
    return cast_to(emit("Min", emit("Max", rounded, low), high), x.dtype)


def _weights(
    old: Any,
    new: int,
    scale: Tensor,
    translation: Tensor,
    kernel: Callable[[Tensor], Tensor],
    antialias: bool,
) -> Tensor:
    """The weight of each old place in each new one, `(old, new)`."""
    g = graph()
    dtype = scale.dtype
    inverse = g.add("Reciprocal", scale)
    places = g.add("Mul", g.add("Add", positions(new, dtype), scalar(0.5, scale)), inverse)
    centre = g.add("Sub", places, g.add("Add", g.add("Mul", translation, inverse), scalar(0.5, scale)))
    pixels = expand_dims(positions(old, dtype), 1)
    distance = g.add("Abs", g.add("Sub", expand_dims(centre, 0), pixels))
    if antialias:
        distance = g.add("Div", distance, g.add("Max", inverse, scalar(1, scale)))
    weights = kernel(distance)
    total = reduce("ReduceSum", weights, 0, True)
    zero, one = scalar(0, scale), scalar(1, scale)
    tiny = g.add("LessOrEqual", g.add("Abs", total), scalar(1000.0 * float(np.finfo(np.float32).eps), scale))
    weights = g.add("Where", tiny, zero, g.add("Div", weights, g.add("Where", tiny, one, total)))
    last = g.add("Sub", cast_to(g.shape_tensor([old]), dtype), scalar(0.5, scale))
    inside = g.add(
        "And", g.add("GreaterOrEqual", centre, scalar(-0.5, scale)), g.add("LessOrEqual", centre, last)
    )
    return g.add("Where", expand_dims(inside, 0), weights, zero)
