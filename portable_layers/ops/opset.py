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


def _scalar(value: float, like: Tensor) -> Tensor:
    return graph().constant(np.asarray(value).astype(dtypes.to_numpy(like.dtype)))


def gelu(x: Tensor, approximate: bool) -> Tensor:
    """Gelu, exact by the error function or approximated by tanh (operator since opset 20)."""
    g = graph()
    if g.opset >= 20:
        return g.add("Gelu", x, approximate="tanh" if approximate else "none")
    half = g.add("Mul", x, _scalar(0.5, x))
    if approximate:
        cube = g.add("Mul", g.add("Mul", x, x), x)
        inner = g.add("Add", x, g.add("Mul", cube, _scalar(0.044715, x)))
        curve = g.add("Tanh", g.add("Mul", inner, _scalar(math.sqrt(2 / math.pi), x)))
    else:
        curve = g.add("Erf", g.add("Div", x, _scalar(math.sqrt(2.0), x)))
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


def cast_like_float32(x: Tensor) -> Tensor:
    """x in float32 where it is a narrower float: sums and variances are computed so in Keras."""
    if x.dtype in ("float16", "bfloat16"):
        return graph().add("Cast", x, to=dtypes.to_onnx("float32"))
    return x
