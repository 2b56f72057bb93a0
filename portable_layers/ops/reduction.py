"""Functions that reduce axes (`keras.ops.numpy` and `math`), and products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import product
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axes, normalize_axis, op, promote
from portable_layers.tensor import Tensor


def _reduce(op_type: str, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    axes = normalize_axes(axis, x.ndim)
    if not axes:
        return x
    return opset.reduce(op_type, x, axes, keepdims)


@op("numpy.Mean", "x")
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean over these axes, all by default; of integers as float32."""
    x = convert(x)
    if not dtypes.is_float(x.dtype):
        x = cast_to(x, "float32")
    # Keras sums halves in float32.
    wide = opset.cast_like_float32(x)
    return cast_to(_reduce("ReduceMean", wide, axis, keepdims), x.dtype)


@op("numpy.Sum", "x")
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over these axes, all by default; of booleans and narrow integers as int32 or uint32."""
    x = convert(x)
    if x.dtype in ("bool", "int8", "int16"):
        x = cast_to(x, "int32")
    elif x.dtype in ("uint8", "uint16", "uint32"):
        return cast_to(_reduce("ReduceSum", cast_to(x, "int64"), axis, keepdims), "uint32")
    return _reduce("ReduceSum", x, axis, keepdims)


@op("numpy.Max", "x")
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest element over these axes, all by default."""
    return _extreme("ReduceMax", "Max", x, axis, keepdims, initial)


@op("numpy.Min", "x")
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest element over these axes, all by default."""
    return _extreme("ReduceMin", "Min", x, axis, keepdims, initial)


def _extreme(reducer: str, combiner: str, x: Any, axis: Any, keepdims: bool, initial: Any) -> Tensor:
    x = convert(x)
    dtype = x.dtype
    if dtype == "bool" or dtype in ("int16", "uint16", "uint32", "uint64"):
        x = cast_to(x, "int32" if dtype == "bool" else "int64")
    result = _reduce(reducer, x, axis, keepdims)
    if initial is not None:
        result = graph().add(combiner, result, cast_to(initial, result.dtype))
    return cast_to(result, dtype)


@op("numpy.Prod", "x")
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product over these axes, all by default."""
    x = convert(x)
    if dtype is not None:
        x = cast_to(x, dtypes.standardize(dtype))
    elif x.dtype in ("bool", "int8", "int16", "uint8", "uint16"):
        x = cast_to(x, "uint32" if x.dtype.startswith("u") else "int32")
    if x.dtype == "uint32":
        return cast_to(_reduce("ReduceProd", cast_to(x, "int64"), axis, keepdims), "uint32")
    return _reduce("ReduceProd", x, axis, keepdims)


@op("numpy.All", "x")
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all hold, over these axes."""
    return cast_to(_reduce("ReduceMin", cast_to(cast_to(x, "bool"), "int32"), axis, keepdims), "bool")


@op("numpy.Any", "x")
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether one holds, over these axes."""
    return cast_to(_reduce("ReduceMax", cast_to(cast_to(x, "bool"), "int32"), axis, keepdims), "bool")


@op("numpy.Var", "x")
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance over these axes: the mean of squared differences from the mean."""
    x = convert(x)
    dtype = x.dtype if dtypes.is_float(x.dtype) else "float32"
    wide = opset.cast_like_float32(cast_to(x, dtype))
    centred = graph().add("Sub", wide, _reduce("ReduceMean", wide, axis, True))
    return cast_to(_reduce("ReduceMean", graph().add("Mul", centred, centred), axis, keepdims), dtype)


@op("numpy.Std", "x")
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The square root of the variance."""
    return graph().add("Sqrt", var(x, axis, keepdims))


@op("nn.Moments", "x")
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over these axes."""
    return mean(x, axes, keepdims), var(x, axes, keepdims)


@op("numpy.Argmax", "x")
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the first largest element is, as int32."""
    return _arg("ArgMax", x, axis, keepdims)


@op("numpy.Argmin", "x")
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the first smallest element is, as int32."""
    return _arg("ArgMin", x, axis, keepdims)


def _arg(op_type: str, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    from portable_layers.ops.shaping import reshape

    x = convert(x)
    if x.dtype == "bool":
        x = cast_to(x, "int32")
    rank = x.ndim
    if axis is None:
        found = graph().add(op_type, reshape(x, -1), axis=0, keepdims=0)
        if keepdims:
            found = reshape(found, [1] * rank)
    else:
        found = graph().add(op_type, x, axis=normalize_axis(axis, rank), keepdims=int(keepdims))
    return cast_to(found, "int32")


@op("numpy.Matmul", "x1", "x2")
def matmul(x1: Any, x2: Any) -> Any:
    """The product of matrices in the last two axes; the axes before are broadcast."""
    a, b = promote(x1, x2)
    dtype = a.dtype
    if not dtypes.is_float(dtype) and dtype not in ("int32", "int64", "uint32", "uint64"):
        a, b = cast_to(a, "int32"), cast_to(b, "int32")
    return cast_to(graph().add("MatMul", a, b), dtype)


@op("numpy.Dot", "x1", "x2")
def dot(x1: Any, x2: Any) -> Any:
    """The sum product over the last axis of x1 and the second to last (or only) one of x2."""
    a, b = promote(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return graph().add("Mul", a, b)
    if b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, axes=[[a.ndim - 1], [b.ndim - 2]])


@op("numpy.Tensordot", "x1", "x2")
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """The sum product over pairs of axes; `axes` as in NumPy."""
    from portable_layers.ops.shaping import reshape, transpose

    a, b = promote(x1, x2)
    if isinstance(axes, int):
        left, right = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        left, right = ([x] if isinstance(x, int) else list(x) for x in axes)
    left = [normalize_axis(i, a.ndim) for i in left]
    right = [normalize_axis(i, b.ndim) for i in right]
    free_a = [i for i in range(a.ndim) if i not in left]
    free_b = [i for i in range(b.ndim) if i not in right]
    inner = product(a.shape[i] for i in left)
    rows = product(a.shape[i] for i in free_a)
    columns = product(b.shape[i] for i in free_b)
    first = reshape(transpose(a, (*free_a, *left)), (rows, inner))
    second = reshape(transpose(b, (*right, *free_b)), (inner, columns))
    sizes = (*(a.shape[i] for i in free_a), *(b.shape[i] for i in free_b))
    return reshape(matmul(first, second), sizes)


def causal_positions(size: Any) -> Tensor:
    """`0 .. size - 1` as int64, of a size that may be known only at run time."""
    g = graph()
    if isinstance(size, int):
        return g.constant(np.arange(size, dtype=np.int64))
    end = g.add("Squeeze", g.size(size), np.array([0], np.int64))
    return g.add("Range", np.asarray(0, np.int64), end, np.asarray(1, np.int64), shape=(size,))
