"""Normalization (`keras.ops.nn`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axis, op
from portable_layers.ops.layout import axis_back, axis_first
from portable_layers.ops.shaping import reshape
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
    if axis == 0:
        raise ValueError(f"batch_normalization along the batch axis is not defined in ONNX. Received: {x!r}")
    y = graph().add(
        "BatchNormalization", axis_first(wide, axis), scale, offset, mean, variance, epsilon=epsilon
    )
    return cast_to(axis_back(y, axis), x.dtype)


@op("nn.LayerNorm", "x", "gamma", "beta")
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta` over these axes.

    Args:
        gamma, beta: of the shape of the normalized axes, or None.
        kwargs: `rms_scaling`, an older option of Keras: gamma over the root of the mean square.
    """
    x = convert(x)
    dtype = x.dtype if dtypes.is_float(x.dtype) else "float32"
    wide = opset.cast_like_float32(cast_to(x, dtype))
    axes = [normalize_axis(a, x.ndim) for a in (axis if isinstance(axis, list | tuple) else [axis])]
    epsilon = 1e-7 if epsilon is None else epsilon
    gamma, beta = (None if t is None else cast_to(t, wide.dtype) for t in (gamma, beta))
    if kwargs.get("rms_scaling"):
        from portable_layers.ops.reduction import var

        root = graph().add("Sqrt", graph().add("Add", var(wide, axes, True), cast_to(epsilon, wide.dtype)))
        y = graph().add("Div", wide, root)
        if gamma is not None:
            y = graph().add("Mul", y, along(gamma, axes, x))
        return cast_to(y, dtype)
    sizes = tuple(x.shape[a] for a in sorted(axes))
    trailing = sorted(axes) == list(range(x.ndim - len(axes), x.ndim)) and list(axes) == sorted(axes)
    if trailing and all(isinstance(n, int) for n in sizes):
        scale = _filled(1, sizes, wide.dtype) if gamma is None else gamma
        return cast_to(opset.layer_normalization(wide, scale, beta, min(axes) - x.ndim, epsilon), dtype)
    g = graph()
    mean = opset.reduce("ReduceMean", wide, sorted(axes), True)
    centred = g.add("Sub", wide, mean)
    variance = opset.reduce("ReduceMean", g.add("Mul", centred, centred), sorted(axes), True)
    y = g.add("Div", centred, g.add("Sqrt", g.add("Add", variance, cast_to(epsilon, wide.dtype))))
    if gamma is not None:
        y = g.add("Mul", y, along(gamma, axes, x))
    if beta is not None:
        y = g.add("Add", y, along(beta, axes, x))
    return cast_to(y, dtype)


@op("nn.RMSNorm", "x", "scale")
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """`x / sqrt(mean(x**2) + epsilon) * scale` over these axes."""
    x = convert(x)
    dtype = x.dtype if dtypes.is_float(x.dtype) else "float32"
    wide = opset.cast_like_float32(cast_to(x, dtype))
    axes = sorted(normalize_axis(a, x.ndim) for a in (axis if isinstance(axis, list | tuple) else [axis]))
    epsilon = 1e-7 if epsilon is None else epsilon
    scale = None if scale is None else cast_to(scale, wide.dtype)
    sizes = tuple(x.shape[a] for a in axes)
    if axes == list(range(x.ndim - len(axes), x.ndim)) and all(isinstance(n, int) for n in sizes):
        factor = _filled(1, sizes, wide.dtype) if scale is None else scale
        return cast_to(opset.rms_normalization(wide, factor, min(axes) - x.ndim, epsilon), dtype)
    g = graph()
    square = opset.reduce("ReduceMean", g.add("Mul", wide, wide), axes, True)
    y = g.add("Div", wide, g.add("Sqrt", g.add("Add", square, cast_to(epsilon, wide.dtype))))
    if scale is not None:
        y = g.add("Mul", y, along(scale, axes, x))
    return cast_to(y, dtype)


def along(weight: Tensor, axes: Any, x: Tensor) -> Tensor:
    """A weight over these axes of x, shaped so that it broadcasts with x."""
    sizes = [1] * x.ndim
    for a, n in zip(axes, weight.shape, strict=True):
        sizes[normalize_axis(a, x.ndim)] = n
    if list(axes) != sorted(axes):
        raise ValueError(f"axes must be in increasing order. Received: {axes}")
    return reshape(weight, sizes)
