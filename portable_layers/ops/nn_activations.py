"""Activation functions (`keras.ops.nn`); `activations.py` gives them their names as activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axis, op
from portable_layers.tensor import Tensor


def _float(x: Any) -> Tensor:
    tensor = convert(x)
    return tensor if dtypes.is_float(tensor.dtype) else cast_to(tensor, "float32")


def _scalar(value: float, like: Tensor) -> Tensor:
    return cast_to(float(value), like.dtype)


@op("nn.Relu", "x")
def relu(x: Any) -> Any:
    """`max(x, 0)`."""
    x = convert(x)
    if x.dtype == "bool":
        return x
    if not dtypes.is_float(x.dtype):
        return cast_to(graph().add("Max", cast_to(x, "int64"), cast_to(0, "int64")), x.dtype)
    return graph().add("Relu", x)


@op("nn.Relu6", "x")
def relu6(x: Any) -> Any:
    """`min(max(x, 0), 6)`."""
    x = _float(x)
    return graph().add("Clip", x, _scalar(0, x), _scalar(6, x))


@op("nn.Sigmoid", "x")
def sigmoid(x: Any) -> Any:
    """`1 / (1 + exp(-x))`."""
    return graph().add("Sigmoid", _float(x))


@op("nn.SparseSigmoid", "x")
def sparse_sigmoid(x: Any) -> Any:
    """0 below -1, 1 above 1, `(x + 1) / 2` between."""
    return graph().add("HardSigmoid", _float(x), alpha=0.5, beta=0.5)


@op("nn.Softplus", "x")
def softplus(x: Any) -> Any:
    """`log(1 + exp(x))`."""
    return graph().add("Softplus", _float(x))


@op("nn.Softsign", "x")
def softsign(x: Any) -> Any:
    """`x / (1 + |x|)`."""
    return graph().add("Softsign", _float(x))


@op("nn.SoftShrink", "x")
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved by the threshold towards 0, and 0 within it."""
    return _shrunk(_float(x), threshold, threshold)


@op("nn.HardShrink", "x")
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x, and 0 within the threshold."""
    return _shrunk(_float(x), threshold, 0.0)


def _shrunk(x: Tensor, threshold: float, moved: float) -> Tensor:
    g = graph()
    if x.dtype != "float64":
        return g.add("Shrink", x, lambd=threshold, bias=moved)
    # The operator has its threshold in float32.
    above, below = _scalar(threshold, x), _scalar(-threshold, x)
    shift = _scalar(moved, x)
    low = g.add("Where", g.add("Less", x, below), g.add("Add", x, shift), _scalar(0, x))
    return g.add("Where", g.add("Greater", x, above), g.add("Sub", x, shift), low)


@op("nn.SparsePlus", "x")
def sparse_plus(x: Any) -> Any:
    """0 below -1, x above 1, `(x + 1)**2 / 4` between."""
    x = _float(x)
    g = graph()
    inner = g.add("Add", g.add("Clip", x, _scalar(-1, x), _scalar(1, x)), _scalar(1, x))
    curve = g.add("Mul", g.add("Mul", inner, inner), _scalar(0.25, x))
    return g.add("Where", g.add("Greater", x, _scalar(1, x)), x, curve)


@op("nn.Silu", "x")
def silu(x: Any) -> Any:
    """`x * sigmoid(x)`."""
    return opset.swish(_float(x))


@op("nn.Squareplus", "x")
def squareplus(x: Any, b: float = 4) -> Any:
    """`(x + sqrt(x**2 + b)) / 2`."""
    x = _float(x)
    g = graph()
    root = g.add("Sqrt", g.add("Add", g.add("Mul", x, x), _scalar(b, x)))
    return g.add("Mul", g.add("Add", x, root), _scalar(0.5, x))


@op("nn.LogSigmoid", "x")
def log_sigmoid(x: Any) -> Any:
    """`-softplus(-x)`."""
    g = graph()
    return g.add("Neg", g.add("Softplus", g.add("Neg", _float(x))))


@op("nn.LeakyRelu", "x")
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, else `negative_slope * x`; the slope is a float32, as in TensorFlow."""
    return graph().add("LeakyRelu", _float(x), alpha=float(np.float32(negative_slope)))


@op("", "x", "alpha")
def prelu(x: Any, alpha: Any) -> Any:
    """x where positive, else `alpha * x`; alpha broadcasts to x."""
    x, alpha = _float(x), convert(alpha)
    return graph().add("PRelu", cast_to(x, alpha.dtype), alpha)


@op("nn.HardSigmoid", "x")
def hard_sigmoid(x: Any) -> Any:
    """`relu6(x + 3) / 6`."""
    return opset.hard_sigmoid(_float(x))


@op("nn.HardSilu", "x")
def hard_silu(x: Any) -> Any:
    """`x * hard_sigmoid(x)`."""
    return opset.hard_swish(_float(x))


@op("nn.HardTanh", "x")
def hard_tanh(x: Any) -> Any:
    """x held within -1 and 1."""
    x = _float(x)
    return graph().add("Clip", x, _scalar(-1, x), _scalar(1, x))


@op("nn.TanhShrink", "x")
def tanh_shrink(x: Any) -> Any:
    """`x - tanh(x)`."""
    x = _float(x)
    return graph().add("Sub", x, graph().add("Tanh", x))


@op("nn.Elu", "x")
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, else `alpha * (exp(x) - 1)`."""
    return graph().add("Elu", _float(x), alpha=alpha)


@op("nn.Selu", "x")
def selu(x: Any) -> Any:
    """Scaled exponential linear unit."""
    return graph().add(
        "Selu", _float(x), alpha=1.6732632423543772848170429916717, gamma=1.0507009873554804934193349852946
    )


@op("nn.Celu", "x")
def celu(x: Any, alpha: float = 1.0) -> Any:
    """`max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)`."""
    x = _float(x)
    if x.dtype == "float32":
        return graph().add("Celu", x, alpha=alpha)
    g = graph()
    below = g.add("Min", x, _scalar(0, x))
    curve = g.add("Elu", g.add("Div", below, _scalar(alpha, x)), alpha=1.0)
    return g.add("Add", g.add("Relu", x), g.add("Mul", curve, _scalar(alpha, x)))


@op("nn.Gelu", "x")
def gelu(x: Any, approximate: bool = True) -> Any:
    """`x * P(X <= x)` for a standard normal X; approximated by tanh by default, as in Keras's ops."""
    return opset.gelu(_float(x), approximate)


@op("nn.Glu", "x")
def glu(x: Any, axis: int = -1) -> Any:
    """The first half along the axis, times the sigmoid of the second."""
    x = _float(x)
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis]
    if not isinstance(size, int) or size % 2:
        raise ValueError(f"glu needs an even size along axis {axis}. Received: {x!r}")
    first, second = opset.split(x, [size // 2] * 2, axis)
    return graph().add("Mul", first, graph().add("Sigmoid", second))


@op("nn.Threshold", "x")
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x above the threshold, else the default value."""
    x = _float(x)
    return graph().add(
        "Where", graph().add("Greater", x, _scalar(threshold, x)), x, _scalar(default_value, x)
    )


@op("nn.Softmax", "x")
def softmax(x: Any, axis: Any = -1) -> Any:
    """`exp(x) / sum(exp(x))` over an axis, over several, or over all for None."""
    return _over_axes("Softmax", _float(x), axis)


@op("nn.LogSoftmax", "x")
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """The logarithm of softmax."""
    return _over_axes("LogSoftmax", _float(x), axis)


def _over_axes(op_type: str, x: Tensor, axis: Any) -> Tensor:
    from portable_layers.ops.shaping import reshape, transpose

    if isinstance(axis, int):
        return graph().add(op_type, x, axis=normalize_axis(axis, x.ndim))
    axes = list(range(x.ndim)) if axis is None else [normalize_axis(a, x.ndim) for a in axis]
    if len(axes) == 1:
        return graph().add(op_type, x, axis=axes[0])
    # Over several axes: bring them last, make them one, and undo that.
    order = [*(a for a in range(x.ndim) if a not in axes), *axes]
    moved = transpose(x, order)
    flat = reshape(moved, (*moved.shape[: x.ndim - len(axes)], -1))
    result = reshape(graph().add(op_type, flat, axis=flat.ndim - 1), moved.shape)
    return transpose(result, tuple(int(i) for i in np.argsort(order)))


@op("nn.Sparsemax", "x")
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest point of the probability simplex (Martins and Astudillo, 2016), as Keras computes it.

    Keras 3.15 takes the threshold from the sum of all partial sums of the support in place of the last
    one; with more than one element in the support it comes out too high. Models are trained so.
    """
    x = _float(x)
    g = graph()
    axis = normalize_axis(axis, x.ndim)
    if not isinstance(x.shape[axis], int):
        raise ValueError(f"sparsemax needs a known size along axis {axis}. Received: {x!r}")
    size = int(x.shape[axis])
    column = [1] * x.ndim
    column[axis] = size
    ordered, _ = g.add("TopK", x, np.array([size], np.int64), axis=axis, largest=1, sorted=1, outputs=2)
    sums = g.add("CumSum", ordered, np.asarray(axis, np.int64))
    ranks = cast_to(np.arange(1, size + 1, dtype=np.float64).reshape(column), x.dtype)
    support = g.add("Greater", g.add("Add", g.add("Mul", ranks, ordered), _scalar(1, x)), sums)
    count = opset.reduce("ReduceSum", cast_to(support, x.dtype), [axis], True)
    kept = g.add("Where", support, sums, _scalar(0, x))
    tau = g.add("Div", g.add("Sub", opset.reduce("ReduceSum", kept, [axis], True), _scalar(1, x)), count)
    return g.add("Relu", g.add("Sub", x, tau))
