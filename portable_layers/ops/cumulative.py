"""Running sums and products, differences and areas along an axis (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axis, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.kernels import emit, wide_dtype
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import moveaxis, reshape
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor


def _prepared(x: Any, axis: int | None, dtype: Any) -> tuple[Tensor, int]:
    x = convert(x)
    if dtype is not None:
        x = cast_to(x, dtypes.standardize(dtype))
    if x.dtype == "bool":
        x = cast_to(x, "int32")
    if axis is None:
        return reshape(x, -1), 0
    return x, normalize_axis(axis, x.ndim)


@op("numpy.Cumsum", "x")
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums along an axis, of the flat tensor by default; of booleans as int32."""
    x, axis = _prepared(x, axis, dtype)
    wide = cast_to(x, wide_dtype("CumSum", x.dtype))
    return cast_to(graph().add("CumSum", wide, np.asarray(axis, np.int64)), x.dtype)


@op("numpy.Cumprod", "x")
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products along an axis, of the flat tensor by default; of booleans as int32."""
    x, axis = _prepared(x, axis, dtype)
    wide = cast_to(x, wide_dtype("ReduceProd", x.dtype))
    return cast_to(opset.cumulative_product(wide, axis), x.dtype)


@op("numpy.Diff", "a")
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours along an axis, taken n times; of booleans whether they differ.

    Raises:
        ValueError: for a negative n or a tensor without axes.
    """
    x = convert(a)
    if n < 0 or x.ndim == 0:
        raise ValueError(f"diff needs n >= 0 and a tensor of rank 1 or more. Received: n={n} and {x!r}")
    axis = normalize_axis(axis, x.ndim)
    for _ in range(n):
        after, before = slice_axis(x, axis, 1, None), slice_axis(x, axis, None, -1)
        x = graph().add("Xor", after, before) if x.dtype == "bool" else emit("Sub", after, before)
    return x


@op("numpy.Trapezoid", "y")
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The area under y along an axis, by the trapezoidal rule.

    Args:
        x: where the samples lie; None for equal steps of `dx`.
    """
    y = as_float(y)
    y = moveaxis(y, axis, -1)
    if x is None:
        steps = scalar(dx, y)
    else:
        steps = diff(cast_to(x, y.dtype), axis=axis)
        steps = moveaxis(steps, axis, -1)
    g = graph()
    pairs = g.add("Add", slice_axis(y, y.ndim - 1, 1, None), slice_axis(y, y.ndim - 1, None, -1))
    return reduce("ReduceSum", g.add("Mul", g.add("Mul", pairs, scalar(0.5, y)), steps), -1)
