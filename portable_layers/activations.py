"""The activations of `keras.activations`, with their parameters, by name, function or config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portable_layers.ops import nn_activations as nn
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.exponential import exp
from portable_layers.ops.nn_activations import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)
from portable_layers.ops.trigonometry import tanh
from portable_layers.serialization import get_object, serialize_object
from portable_layers.tensor import Tensor

hard_swish, swish = hard_silu, silu


@op("activations.ReLU", "x")
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Rectified linear unit.

    `max_value` above it, x between `threshold` and it, `negative_slope * (x - threshold)` below the
    threshold (`keras.activations.relu`).
    """
    x = convert(x)
    g = graph()

    def scalar(value: float) -> Tensor:
        return cast_to(float(value), x.dtype)

    if negative_slope != 0.0 and max_value is None and threshold == 0:
        return nn.leaky_relu(x, negative_slope)
    below = None
    if negative_slope != 0.0:
        shifted = g.add("Neg", x)
        below = nn.relu(g.add("Add", shifted, scalar(threshold)) if threshold != 0 else shifted)
    if threshold != 0:
        y = g.add("Where", g.add("Greater", x, scalar(threshold)), x, scalar(0))
        if max_value is not None:
            y = g.add("Clip", y, scalar(0), scalar(max_value))
    elif max_value is not None:
        y = g.add("Clip", x, scalar(0), scalar(max_value))
    else:
        y = nn.relu(x)
    if below is not None:
        y = g.add("Sub", y, g.add("Mul", below, scalar(negative_slope)))
    return y


@op("nn.Softmax", "x")
def softmax(x: Any, axis: Any = -1) -> Any:
    """`exp(x) / sum(exp(x))` over an axis or a tuple of axes."""
    return nn.softmax(x, axis)


@op("nn.Gelu", "x")
def gelu(x: Any, approximate: bool = False) -> Any:
    """`x * P(X <= x)` for a standard normal X: exact by default, as in `keras.activations`."""
    return nn.gelu(x, approximate)


@op("activations.Mish", "x")
def mish(x: Any) -> Any:
    """`x * tanh(softplus(x))`."""
    return opset.mish(convert(x))


def exponential(x: Any) -> Any:
    """`exp(x)`."""
    return exp(x)


def linear(x: Any) -> Any:
    """x itself."""
    return x


_NAMES: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        relu, leaky_relu, relu6, softmax, celu, elu, selu, softplus, softsign, squareplus, soft_shrink,
        sparse_plus, silu, gelu, glu, tanh, tanh_shrink, threshold, sigmoid, sparse_sigmoid, exponential,
        hard_sigmoid, hard_silu, hard_tanh, hard_shrink, linear, mish, log_softmax, log_sigmoid, sparsemax,
    )
}  # fmt: skip
_NAMES |= {"swish": silu, "hard_swish": hard_silu}


def get(identifier: Any) -> Callable[..., Any]:
    """The activation of a name, a config, or a callable itself; `linear` for None.

    Raises:
        SerializationError: for an unknown name.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, dict) and identifier.get("class_name") not in ("function", *_NAMES):
        # Keras also lets a layer be an activation.
        from portable_layers.registry import classes

        return get_object(identifier, {**classes(), **_NAMES}, "activation")
    return get_object(identifier, _NAMES, "activation")


def serialize(activation: Any) -> Any:
    """The name of one of these, or the config of a layer that is used as an activation."""
    name = getattr(activation, "__name__", None)
    if name in _NAMES and _NAMES[name] is activation:
        return name
    if activation is hard_silu:
        return "hard_silu"
    return serialize_object(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """The activation of a config."""
    return get_object(config, {**_NAMES, **(custom_objects or {})}, "activation")


__all__ = [*_NAMES, "deserialize", "get", "serialize"]
