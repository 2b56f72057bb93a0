"""Operators that are newer than the oldest opset: each as itself where the graph has it, else decomposed.

The one place that looks at the opset. Everything else says what it means through these functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import graph
from portable_layers.tensor import Tensor

_ONE = np.ones(1, np.int64)


def _scalar(value: float, like: Tensor) -> Tensor:
    return graph().constant(np.asarray(value).astype(dtypes.to_numpy(like.dtype)))


def gelu(x: Tensor, approximate: bool) -> Tensor:
    """Gelu, exact by the error function or approximated by tanh (operator since opset 20)."""
    g = graph()
    # ONNX Runtime has no float64 kernels of Gelu and Erf.
    if g.opset >= 20 and x.dtype != "float64":
        return g.add("Gelu", x, approximate="tanh" if approximate else "none")
    half = g.add("Mul", x, _scalar(0.5, x))
    # TensorFlow has these constants in float32, whatever x is.
    if approximate:
        cube = g.add("Mul", g.add("Mul", x, x), x)
        inner = g.add("Add", x, g.add("Mul", cube, _scalar(float(np.float32(0.044715)), x)))
        curve = g.add("Tanh", g.add("Mul", inner, _scalar(math.sqrt(2 / math.pi), x)))
    elif x.dtype == "float64":
        from portable_layers.ops.special import erfc

        root = float(np.float32(math.sqrt(0.5)))
        return g.add("Mul", half, erfc(g.add("Mul", x, _scalar(-root, x))))
    else:
        curve = g.add("Erf", g.add("Mul", x, _scalar(math.sqrt(0.5), x)))
    return g.add("Mul", half, g.add("Add", curve, _scalar(1.0, x)))


def mish(x: Tensor) -> Tensor:
    """Mish (operator since opset 18)."""
    g = graph()
    if g.opset >= 18:
        return g.add("Mish", x)
    return g.add("Mul", x, g.add("Tanh", g.add("Softplus", x)))


def swish(x: Tensor) -> Tensor:
    """`x * sigmoid(x)`. The operator of opset 24 is left aside: ONNX Runtime runs it on the CPU as
    the same two nodes, and fuses those two (QuickGelu) on its own."""
    g = graph()
    return g.add("Mul", x, g.add("Sigmoid", x))


def hard_sigmoid(x: Tensor) -> Tensor:
    """`relu6(x + 3) / 6`."""
    return graph().add("HardSigmoid", x, alpha=1 / 6, beta=0.5)


def hard_swish(x: Tensor) -> Tensor:
    """`x * hard_sigmoid(x)` (operator since opset 14, but ONNX Runtime decomposes it likewise)."""
    return graph().add("Mul", x, hard_sigmoid(x))


def reduce(op_type: str, x: Tensor, axes: Sequence[int], keepdims: bool) -> Tensor:
    """A Reduce operator; the axes became an input in opset 18 (ReduceSum: 13)."""
    g = graph()
    if g.opset >= 18 or op_type == "ReduceSum":
        return g.add(op_type, x, np.array(axes, np.int64), keepdims=int(keepdims))
    return g.add(op_type, x, axes=list(axes), keepdims=int(keepdims))


def split(x: Tensor, sizes: Sequence[int], axis: int) -> tuple[Tensor, ...]:
    """Split into parts of known sizes."""
    parts = graph().add("Split", x, np.array(sizes, np.int64), axis=axis, outputs=len(sizes))
    return parts if isinstance(parts, tuple) else (parts,)


def layer_normalization(x: Tensor, scale: Tensor, bias: Tensor | None, axis: int, epsilon: float) -> Tensor:
    """Normalize over `axis` and all axes after it."""
    return graph().add("LayerNormalization", x, scale, bias, axis=axis, epsilon=epsilon)


def rms_normalization(x: Tensor, scale: Tensor, axis: int, epsilon: float) -> Tensor:
    """RMSNormalization over `axis` and all axes after it (operator since opset 23)."""
    g = graph()
    if g.opset >= 23:
        return g.add("RMSNormalization", x, scale, axis=axis, epsilon=epsilon)
    square = reduce("ReduceMean", g.add("Mul", x, x), range(axis % x.ndim, x.ndim), True)
    root = g.add("Sqrt", g.add("Add", square, _scalar(epsilon, x)))
    return g.add("Mul", g.add("Div", x, root), scale)


def cumulative_product(x: Tensor, axis: int) -> Tensor:
    """Running products along an axis. ONNX has CumProd from opset 26 on, which is newer than what
    ONNX Runtime runs; a Scan says it for any size."""
    g = graph()
    order = [axis, *(a for a in range(x.ndim) if a != axis)]
    first = x if axis == 0 else g.add("Transpose", x, perm=order)
    rest = first.shape[1:]
    one = np.ones((), dtypes.to_numpy(x.dtype))
    start = g.add("Expand", one, g.shape_tensor(rest), shape=rest) if rest else g.constant(one)

    def step(product: Tensor, element: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        following = graph().add("Mul", product, element, shape=product.shape)
        return [following], [graph().add("Identity", following)]

    _, (products,) = g.scan(step, [start], [first])
    if axis == 0:
        return products
    return g.add("Transpose", products, perm=[int(i) for i in np.argsort(order)])


def dft(x: Tensor, inverse: bool) -> Tensor:
    """The discrete Fourier transform of `(rows, n, 1 or 2)` along n; the axis is an input since opset 20."""
    g = graph()
    shape = (*x.shape[:2], 2)
    if g.opset >= 20:
        return g.add("DFT", x, None, np.asarray(1, np.int64), inverse=int(inverse), shape=shape)
    return g.add("DFT", x, axis=1, inverse=int(inverse), shape=shape)


def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, reduction: str | None) -> Tensor:
    """ScatterND; it combines by `max` and `min` since opset 18."""
    g = graph()
    if g.opset >= 18 or reduction not in ("max", "min"):
        return g.add("ScatterND", x, indices, updates, reduction=reduction)
    # One row after the other.
    depth = indices.shape[-1]
    count = g.add("Squeeze", g.add("Div", g.add("Reshape", g.add("Size", indices), _ONE), g.size(depth)))
    rows = g.add("Reshape", indices, g.shape_tensor([-1, depth]), shape=(None, depth))
    rest = x.shape[int(depth) :]
    values = g.add("Reshape", updates, g.shape_tensor([-1, *rest]), shape=(None, *rest))

    def step(number: Tensor, now: Tensor) -> tuple[None, list[Tensor]]:
        inner = graph()
        place = inner.add("Unsqueeze", inner.add("Gather", rows, number, axis=0), np.array([0], np.int64))
        value = inner.add("Unsqueeze", inner.add("Gather", values, number, axis=0), np.array([0], np.int64))
        best = inner.add("Max" if reduction == "max" else "Min", inner.add("GatherND", now, place), value)
        return None, [inner.add("ScatterND", now, place, best)]

    return g.loop(count, None, step, [x])[0]


def bitwise(op_type: str, a: Tensor, b: Tensor) -> Tensor:
    """BitwiseAnd, BitwiseOr or BitwiseXor of integers (operators since opset 18)."""
    g = graph()
    if g.opset >= 18:
        return g.add(op_type, a, b)
    # Bit by bit: shifted down, each bit is the parity.
    dtype = a.dtype
    width = dtypes.to_numpy(dtype).itemsize * 8
    places = np.arange(width, dtype=np.uint64)
    bits = [_bits(x, places) for x in (a, b)]
    logical = {"BitwiseAnd": "And", "BitwiseOr": "Or", "BitwiseXor": "Xor"}[op_type]
    chosen = g.add("Cast", g.add(logical, *bits), to=dtypes.to_onnx("uint64"))
    placed = g.add("BitShift", chosen, places % 32, direction="LEFT")
    signed = g.add("Cast", placed, to=dtypes.to_onnx("int64"))
    # Halves of 32 bits, as ONNX Runtime sums int64 in floating point.
    total: Tensor | None = None
    for first in range(0, width, 32):
        ends = (np.array([n], np.int64) for n in (first, min(first + 32, width), signed.ndim - 1))
        half = reduce("ReduceSum", g.add("Slice", signed, *ends), [signed.ndim - 1], False)
        half = g.add("Cast", half, to=dtypes.to_onnx("uint64"))
        if total is None:
            total = half
        else:
            total = g.add(
                "Add", total, g.add("BitShift", half, np.asarray(first, np.uint64), direction="LEFT")
            )
    assert total is not None
    return g.add("Cast", total, to=dtypes.to_onnx(dtype))


def _bits(x: Tensor, places: np.ndarray) -> Tensor:
    """The bits of integers as booleans along a new last axis."""
    g = graph()
    wide = g.add("Cast", x, to=dtypes.to_onnx("uint64"))
    column = g.add("Unsqueeze", wide, np.array([x.ndim], np.int64))
    moved = g.add("BitShift", column, places, direction="RIGHT")
    parity = g.add("Mod", moved, np.asarray(2, np.uint64))
    return g.add("Cast", parity, to=dtypes.to_onnx("bool"))


def cast_like_float32(x: Tensor) -> Tensor:
    """x in float32 where it is a narrower float: sums and variances are computed so in Keras."""
    if x.dtype in ("float16", "bfloat16"):
        return graph().add("Cast", x, to=dtypes.to_onnx("float32"))
    return x
