"""Tensors made of numbers: filled, counted, spaced, and as grids (`keras.ops.numpy`)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Dim
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import multiply, scalar
from portable_layers.ops.kernels import emit
from portable_layers.ops.reduction import positions
from portable_layers.ops.shaping import broadcast_to, expand_dims, moveaxis, reshape
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor


@op("numpy.Array", "x")
def array(x: Any, dtype: Any = None) -> Any:
    """x as a tensor, in this dtype where one is given."""
    return convert(x) if dtype is None else cast_to(x, dtypes.standardize(dtype))


@op("numpy.Copy", "x")
def copy(x: Any) -> Any:
    """x itself: tensors of a graph never change."""
    return convert(x)


@op("numpy.ZerosLike", "x")
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of x's shape."""
    return full_like(x, 0, dtype=dtype)


@op("numpy.EmptyLike", "x")
def empty_like(x: Any, dtype: Any = None) -> Any:
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
    value = cast_to(fill_value, dtypes.standardize(dtype) if dtype is not None else x.dtype)
    return broadcast_to(value, x.shape)


@op("numpy.Full", "fill_value")
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor of one value, of float32 by default."""
    sizes = [shape] if isinstance(shape, int | Dim) else list(shape)
    value = cast_to(fill_value, "float32" if dtype is None else dtypes.standardize(dtype))
    if all(isinstance(n, int) for n in sizes) and value.constant is not None:
        return graph().constant(np.broadcast_to(value.constant, tuple(int(n) for n in sizes)))
    g = graph()
    wanted = tuple(None if isinstance(n, Tensor) else n for n in sizes)
    return g.add("Expand", value, g.shape_tensor(sizes), shape=wanted)


def zeros(shape: Any, dtype: Any = "float32") -> Any:
    """Zeros."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = "float32") -> Any:
    """Ones."""
    return full(shape, 1, dtype)


def empty(shape: Any, dtype: Any = "float32") -> Any:
    """Zeros."""
    return full(shape, 0, dtype)


@op("")
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = "float32") -> Any:
    """A matrix with ones on its k-th diagonal."""
    return graph().constant(np.eye(N, M, k, dtypes.to_numpy(dtypes.standardize(dtype or "float32"))))


@op("")
def identity(n: int, dtype: Any = "float32") -> Any:
    """A square matrix with ones on its diagonal."""
    return graph().constant(np.eye(n, dtype=dtypes.to_numpy(dtypes.standardize(dtype or "float32"))))


@op("")
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = "float32") -> Any:
    """A matrix with ones on and below its k-th diagonal."""
    return graph().constant(np.tri(N, M, k, dtypes.to_numpy(dtypes.standardize(dtype or "float32"))))


@op("numpy.Arange", "start", "stop", keywords=("step",))
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """The numbers from start (0 if only one bound is given) to below stop, so far apart."""
    given = [n for n in (start, stop, step) if n is not None]
    if dtype is None:
        # A lone Python integer counts as int32.
        dtype = dtypes.result_type(*(_weak(n) for n in given))
    dtype = dtypes.standardize(dtype)
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if all(isinstance(n, int | float | np.number) for n in (start, stop, step)):
        return graph().constant(np.arange(start, stop, step).astype(dtypes.to_numpy(dtype)))
    if isinstance(stop, Dim) and (start, step) == (0, 1):
        return positions(stop, dtype)
    compute = dtype if dtype in ("int32", "int64", "float32", "float64") else _counting_dtype(dtype)
    bounds = [reshape(_number(n, compute), []) for n in (start, stop, step)]
    return cast_to(graph().add("Range", *bounds), dtype)


def _weak(n: Any) -> Any:
    if isinstance(n, bool | int | float):
        return type(n)
    return int if isinstance(n, Dim) else dtypes.standardize(n.dtype)


def _counting_dtype(dtype: str) -> str:
    return "float32" if dtypes.is_float(dtype) else "int64"


def _number(n: Any, dtype: str) -> Tensor:
    return cast_to(graph().size(n) if isinstance(n, Dim) else n, dtype)


@op("numpy.Linspace", "start", "stop")
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` numbers evenly spaced from start to stop along a new axis.

    Args:
        endpoint: whether stop is the last one.
        retstep: give the distance between neighbours too.

    Raises:
        ValueError: for a negative `num`.
    """
    if num < 0:
        raise ValueError(f"num must not be negative. Received: num={num}")
    if dtype is None:
        dtype = dtypes.result_type(*(_weak(n) for n in (start, stop)), float)
    dtype = dtypes.standardize(dtype)
    compute = dtype if dtypes.is_float(dtype) else "float32"
    a, b = (cast_to(cast_to(n, dtype), compute) for n in (start, stop))
    g = graph()
    parts = num - 1 if endpoint else num
    step = g.add("Div", g.add("Sub", b, a), scalar(parts, a)) if parts > 0 else scalar(np.nan, a)
    rank = max(a.ndim, b.ndim)
    shares = g.constant(np.arange(num).astype(dtypes.to_numpy(compute)).reshape([num] + [1] * rank))
    steps = expand_dims(step, 0) if num > 1 else scalar(0, a)
    result = g.add("Add", expand_dims(a, 0), g.add("Mul", shares, steps))
    if endpoint and num > 1:
        # Rounding must not move the last one.
        last = broadcast_to(expand_dims(b, 0), (1, *result.shape[1:]))
        result = g.add("Concat", slice_axis(result, 0, 0, -1), last, axis=0)
    if dtypes.is_integer(dtype):
        result = g.add("Floor", result)
    result = cast_to(moveaxis(result, 0, axis), dtype)
    return (result, step) if retstep else result


@op("numpy.Logspace", "start", "stop")
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Powers of a base whose exponents are evenly spaced along a new axis."""
    exponents = linspace(start, stop, num, endpoint, False, dtype, axis)
    return emit("Pow", cast_to(base, exponents.dtype), exponents)


@op("numpy.Geomspace", "start", "stop")
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` numbers from start to stop along a new axis, each the same multiple of the one before."""
    compute = "float32" if dtype is None else dtypes.standardize(dtype)
    g = graph()
    first = cast_to(start, compute)
    exponents = [
        g.add("Div", g.add("Log", g.add("Abs", cast_to(n, compute))), scalar(math.log(10.0), first))
        for n in (first, stop)
    ]
    powers = logspace(*exponents, num=num, endpoint=endpoint, base=10, dtype=dtype, axis=axis)
    return multiply(powers, cast_to(g.add("Sign", first), powers.dtype))


@op("numpy.Meshgrid", "*x")
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """Coordinates as grids: each tensor repeated along the axes of the others.

    Args:
        indexing: `xy` counts columns first, `ij` rows.

    Raises:
        ValueError: for another indexing.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing must be 'xy' or 'ij'. Received: {indexing!r}")
    xs = [reshape(convert(t), -1) for t in x]
    places = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        places[0], places[1] = 1, 0
    sizes: list[Any] = [None] * len(xs)
    for t, place in zip(xs, places, strict=True):
        sizes[place] = t.shape[0]
    grids = []
    for t, place in zip(xs, places, strict=True):
        column = reshape(t, [t.shape[0] if i == place else 1 for i in range(len(xs))])
        grids.append(broadcast_to(column, sizes))
    return grids


@op("numpy.Vander", "x")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of each element, from the highest to 0 (or up from 0), as rows.

    Raises:
        ValueError: for a tensor that is not of rank 1, or a negative N.
    """
    x = convert(x)
    count = x.shape[0] if N is None and x.ndim == 1 else N
    if x.ndim != 1 or (isinstance(count, int) and count < 0):
        raise ValueError(f"vander needs a tensor of rank 1 and N >= 0. Received: N={N} and {x!r}")
    compute = dtypes.result_type(x.dtype, "float32")
    powers = positions(count, compute)
    if not increasing:
        powers = slice_axis(powers, 0, None, None, -1)
    return cast_to(emit("Pow", expand_dims(cast_to(x, compute), -1), powers), x.dtype)


@op("numpy.View", "x")
def view(x: Any, dtype: Any = None) -> Any:
    """The bytes of x read as another dtype of the same width.

    Between integers of one width this is a cast. Between other dtypes ONNX says it from opset 26 on.

    Raises:
        ValueError: for a dtype of another width.
    """
    x = convert(x)
    dtype = x.dtype if dtype is None else dtypes.standardize(dtype)
    if dtypes.to_numpy(dtype).itemsize != dtypes.to_numpy(x.dtype).itemsize:
        raise ValueError(f"view needs a dtype of the same width. Received: dtype={dtype} for {x!r}")
    if dtype == x.dtype or (dtypes.is_integer(dtype) and dtypes.is_integer(x.dtype)):
        return cast_to(x, dtype)
    return graph().add("BitCast", x, to=dtypes.to_onnx(dtype))
