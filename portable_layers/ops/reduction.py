"""Functions that reduce axes (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axes, normalize_axis, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.kernels import wide_dtype, widen
from portable_layers.tensor import Tensor


def reduce(op_type: str, x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """An ONNX Reduce operator over these axes (None for all), whatever the dtype."""
    axes = normalize_axes(axis, x.ndim)
    if not axes:
        return x
    wide = cast_to(x, wide_dtype(op_type, x.dtype))
    return cast_to(opset.reduce(op_type, wide, axes, keepdims), x.dtype)


def sum_dtype(dtype: str) -> str:
    """The dtype of a sum or product: narrow integers are counted in 32 bits."""
    if dtype in ("bool", "int8", "int16"):
        return "int32"
    return "uint32" if dtype in ("uint8", "uint16") else dtype


@op("numpy.Mean", "x")
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean over these axes, all by default; of integers as float32."""
    x = as_float(x)
    # Keras sums halves in float32.
    return cast_to(reduce("ReduceMean", opset.cast_like_float32(x), axis, keepdims), x.dtype)


@op("numpy.Sum", "x")
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over these axes, all by default; of booleans and narrow integers as int32 or uint32."""
    x = convert(x)
    return reduce("ReduceSum", cast_to(x, sum_dtype(x.dtype)), axis, keepdims)


@op("numpy.Prod", "x")
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product over these axes, all by default; of booleans and narrow integers as int32 or uint32.

    A `dtype` that is given says only that x is not widened: that is what Keras does on TensorFlow.
    """
    x = convert(x)
    if dtype is None:
        x = cast_to(x, sum_dtype(x.dtype))
    return reduce("ReduceProd", x, axis, keepdims)


@op("numpy.Max", "x")
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest element over these axes, all by default."""
    return _extreme("ReduceMax", "Max", x, axis, keepdims, initial)


@op("numpy.Min", "x")
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest element over these axes, all by default."""
    return _extreme("ReduceMin", "Min", x, axis, keepdims, initial)


@op("numpy.Amax", "x")
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest element over these axes, all by default."""
    return reduce("ReduceMax", convert(x), axis, keepdims)


@op("numpy.Amin", "x")
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest element over these axes, all by default."""
    return reduce("ReduceMin", convert(x), axis, keepdims)


def _extreme(reducer: str, combiner: str, x: Any, axis: Any, keepdims: bool, initial: Any) -> Tensor:
    from portable_layers.ops.kernels import emit

    x = convert(x)
    result = reduce(reducer, x, axis, keepdims)
    return result if initial is None else emit(combiner, result, cast_to(initial, x.dtype))


@op("numpy.Ptp", "x")
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest element less the smallest one."""
    from portable_layers.ops.elementwise import subtract

    x = convert(x)
    return subtract(reduce("ReduceMax", x, axis, keepdims), reduce("ReduceMin", x, axis, keepdims))


@op("numpy.All", "x")
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all hold, over these axes."""
    return reduce("ReduceMin", cast_to(x, "bool"), axis, keepdims)


@op("numpy.Any", "x")
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether one holds, over these axes."""
    return reduce("ReduceMax", cast_to(x, "bool"), axis, keepdims)


@op("numpy.CountNonzero", "x")
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many elements are not 0 over these axes, as int32."""
    return reduce("ReduceSum", cast_to(cast_to(x, "bool"), "int32"), axis)


@op("numpy.Var", "x")
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance over these axes: the mean of squared differences from the mean."""
    x = as_float(x)
    wide = opset.cast_like_float32(x)
    centred = graph().add("Sub", wide, reduce("ReduceMean", wide, axis, True))
    return cast_to(reduce("ReduceMean", graph().add("Mul", centred, centred), axis, keepdims), x.dtype)


@op("numpy.Std", "x")
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The square root of the variance."""
    return graph().add("Sqrt", var(x, axis, keepdims))


@op("nn.Moments", "x")
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over these axes; of halves held within the range of float16, as in Keras."""
    x = as_float(x)
    found = [f(opset.cast_like_float32(x), axes, keepdims) for f in (mean, var)]
    if x.dtype in ("float16", "bfloat16"):
        limit = 65504.0
        found = [graph().add("Clip", t, scalar(-limit, t), scalar(limit, t)) for t in found]
    return tuple(cast_to(t, x.dtype) for t in found)


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

    (x,) = widen(op_type, convert(x))
    rank = x.ndim
    if axis is None:
        found = graph().add(op_type, reshape(x, -1), axis=0, keepdims=0)
        if keepdims:
            found = reshape(found, [1] * rank)
    else:
        found = graph().add(op_type, x, axis=normalize_axis(axis, rank), keepdims=int(keepdims))
    return cast_to(found, "int32")


@op("numpy.Average", "x", keywords=("weights",))
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """The mean over an axis, each element counted with its weight.

    Args:
        weights: of x's shape, or one weight for each element along the axis.
    """
    from portable_layers.ops.products import tensordot

    x = convert(x)
    if weights is None:
        return reduce("ReduceMean", as_float(x), axis)
    weights = convert(weights)
    dtype = dtypes.result_type(x.dtype, weights.dtype, float)
    x, weights = cast_to(x, dtype), cast_to(weights, dtype)
    g = graph()
    if axis is None or x.ndim == weights.ndim:
        total = reduce("ReduceSum", g.add("Mul", x, weights), axis)
        return g.add("Div", total, reduce("ReduceSum", weights, axis))
    return g.add("Div", tensordot(x, weights, axes=[[axis], [0]]), reduce("ReduceSum", weights))


def positions(size: Any, dtype: str = "int64") -> Tensor:
    """`0 .. size - 1`, of a size that may be known only at run time."""
    g = graph()
    if isinstance(size, int):
        return g.constant(np.arange(size).astype(dtypes.to_numpy(dtype)))
    end = g.add("Squeeze", g.size(size), np.array([0], np.int64))
    counted = g.add("Range", np.asarray(0, np.int64), end, np.asarray(1, np.int64), shape=(size,))
    return cast_to(counted, dtype)
