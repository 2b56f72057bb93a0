"""Normalization (`keras.ops.nn`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from ml_dtypes import finfo

from portable_layers import dtypes
from portable_layers.dims import is_static
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axes, normalize_axis, op
from portable_layers.ops.layout import axis_back, axis_first
from portable_layers.ops.shaping import expand_dims, reshape, squeeze
from portable_layers.tensor import Tensor


def _filled(value: float, size: Any, dtype: str) -> Tensor:
    return graph().constant(np.full(size, value, dtypes.to_numpy(dtype)))


@op("nn.BatchNorm", "x", "mean", "variance", "offset", "scale")
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset` along an axis.

    Args:
        x: any rank of at least 2.
        mean, variance, offset, scale: `(x.shape[axis],)`; no offset is 0, no scale is 1.
    """
    x = convert(x)
    # Keras's own rule: halves are normalized in float32.
    wide = opset.cast_like_float32(x)
    mean, variance = (cast_to(t, wide.dtype) for t in (mean, variance))
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis]
    scale = _filled(1, size, wide.dtype) if scale is None else cast_to(scale, wide.dtype)
    offset = _filled(0, size, wide.dtype) if offset is None else cast_to(offset, wide.dtype)
    # ONNX has the channels at axis 1.
    first = expand_dims(wide, 0) if axis == 0 else axis_first(wide, axis)
    y = graph().add("BatchNormalization", first, scale, offset, mean, variance, epsilon=epsilon)
    return cast_to(squeeze(y, 0) if axis == 0 else axis_back(y, axis), x.dtype)


@op("nn.LayerNorm", "x", "gamma", "beta")
def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta` over these axes.

    Args:
        gamma, beta: of the shape of the normalized axes, or None.
        rms_scaling: an older option of Keras: gamma over the root of the mean square.
    """
    x = convert(x)
    wide = opset.cast_like_float32(x if dtypes.is_float(x.dtype) else cast_to(x, "float32"))
    axes = normalize_axes(axis, x.ndim)
    epsilon = 1e-7 if epsilon is None else epsilon
    gamma, beta = (None if t is None else cast_to(t, wide.dtype) for t in (gamma, beta))
    g = graph()
    if not rms_scaling and _ends(axes, x):
        sizes = tuple(x.shape[a] for a in axes)
        scale = _filled(1, sizes, wide.dtype) if gamma is None else reshape(gamma, sizes)
        bias = None if beta is None else reshape(beta, sizes)
        return cast_to(opset.layer_normalization(wide, scale, bias, axes[0] - x.ndim, epsilon), x.dtype)
    centred = g.add("Sub", wide, opset.reduce("ReduceMean", wide, axes, True))
    variance = opset.reduce("ReduceMean", g.add("Mul", centred, centred), axes, True)
    root = g.add("Sqrt", g.add("Add", variance, cast_to(epsilon, wide.dtype)))
    y = g.add("Div", wide if rms_scaling else centred, root)
    if gamma is not None:
        y = g.add("Mul", y, along(gamma, axes, x))
    if beta is not None and not rms_scaling:
        y = g.add("Add", y, along(beta, axes, x))
    return cast_to(y, x.dtype)


@op("nn.RMSNorm", "x", keywords=("scale",))
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """`x / sqrt(mean(x**2) + epsilon) * scale` over these axes.

    Args:
        scale: broadcast with x from the last axis on, as in Keras, whatever `axis` is.
    """
    x = convert(x)
    wide = opset.cast_like_float32(x if dtypes.is_float(x.dtype) else cast_to(x, "float32"))
    axes = normalize_axes(axis, x.ndim)
    epsilon = 1e-7 if epsilon is None else epsilon
    scale = None if scale is None else cast_to(scale, wide.dtype)
    sizes = tuple(x.shape[a] for a in axes)
    if _ends(axes, x) and (scale is None or scale.shape == sizes):
        factor = _filled(1, sizes, wide.dtype) if scale is None else scale
        return cast_to(opset.rms_normalization(wide, factor, axes[0] - x.ndim, epsilon), x.dtype)
    g = graph()
    square = opset.reduce("ReduceMean", g.add("Mul", wide, wide), axes, True)
    y = g.add("Div", wide, g.add("Sqrt", g.add("Add", square, cast_to(epsilon, wide.dtype))))
    return cast_to(y if scale is None else g.add("Mul", y, scale), x.dtype)


@op("nn.Normalize", "x")
def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """x divided by its norm over these axes (all for None), which counts as `epsilon` at least.

    Raises:
        ValueError: for an order that is no positive integer, or several axes with another order than 2.
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order must be a positive integer. Received: order={order!r}")
    x = convert(x)
    if x.ndim == 0:
        x = reshape(x, (1,))
    axes = normalize_axes(axis, x.ndim)
    epsilon = 1e-7 if epsilon is None else epsilon
    g = graph()
    if order == 2:
        inverse = g.add("Reciprocal", g.add("Sqrt", opset.reduce("ReduceSumSquare", x, axes, True)))
        if 1 / epsilon < float(finfo(dtypes.to_numpy(x.dtype)).max):  # float16 ends before
            inverse = g.add("Min", inverse, cast_to(1 / epsilon, x.dtype))
        return g.add("Mul", x, inverse)
    if len(axes) > 1:
        raise ValueError(f"order {order} over several axes is a norm of matrices. Received: axis={axis}")
    powers = g.add("Abs", x)
    if order > 1:
        powers = g.add("Pow", powers, cast_to(float(order), x.dtype))
    norm = opset.reduce("ReduceSum", powers, axes, True)
    if order > 1:
        norm = g.add("Pow", norm, cast_to(1 / order, x.dtype))
    return g.add("Div", x, g.add("Max", norm, cast_to(epsilon, x.dtype)))


def group_normalization(x: Tensor, gamma: Any, beta: Any, axis: int, groups: int, epsilon: float) -> Tensor:
    """Groups of the channels along `axis`, each with its positions, by their mean and variance.

    ONNX's operator GroupNormalization is left aside: its variance is defined as
    `mean(x * x) - mean(x) ** 2`, off by 1e-3 in float32 where the mean is 100 (ONNX Runtime expands
    it so, and takes twice the time). A group as a channel of InstanceNormalization is exact.

    Args:
        x: at least float32.
        gamma, beta: a value for each channel, or None.
    """
    g = graph()
    first = axis_first(x, axis)
    channels = first.shape[1]
    gamma, beta = (None if t is None else cast_to(t, x.dtype) for t in (gamma, beta))
    if groups == channels and x.ndim > 2 and x.dtype == "float32":
        scale = _filled(1, channels, x.dtype) if gamma is None else gamma
        shift = _filled(0, channels, x.dtype) if beta is None else beta
        return axis_back(g.add("InstanceNormalization", first, scale, shift, epsilon=epsilon), axis)
    grouped = reshape(first, (x.shape[0], groups, -1))
    if x.dtype == "float32":
        one, zero = _filled(1, groups, x.dtype), _filled(0, groups, x.dtype)
        y = g.add("InstanceNormalization", grouped, one, zero, epsilon=epsilon)
    else:  # ONNX Runtime has InstanceNormalization for float32 only
        centred = g.add("Sub", grouped, opset.reduce("ReduceMean", grouped, [2], True))
        variance = opset.reduce("ReduceMean", g.add("Mul", centred, centred), [2], True)
        y = g.add("Div", centred, g.add("Sqrt", g.add("Add", variance, cast_to(epsilon, x.dtype))))
    y = reshape(y, first.shape)
    column = [channels] + [1] * (x.ndim - 2)
    if gamma is not None:
        y = g.add("Mul", y, reshape(gamma, column))
    if beta is not None:
        y = g.add("Add", y, reshape(beta, column))
    return axis_back(y, axis)


def _ends(axes: tuple[int, ...], x: Tensor) -> bool:
    """Whether these are the last axes of x, of known sizes: what ONNX's own operators normalize."""
    return bool(axes) and axes == tuple(range(x.ndim - len(axes), x.ndim)) and is_static(x.shape[axes[0] :])


def along(weight: Tensor, axes: tuple[int, ...], x: Tensor) -> Tensor:
    """A weight over these (increasing) axes of x, shaped so that it broadcasts with x."""
    return reshape(weight, [x.shape[a] if a in axes else 1 for a in range(x.ndim)])
