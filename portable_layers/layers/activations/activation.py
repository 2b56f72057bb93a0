"""Activation: an activation function as a layer."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layer import Layer

_DTYPES = ("float16", "bfloat16", "float64", "mixed_float16")


class Activation(Layer):
    """`activation(x)`, of an activation by name or function.

    Input shape:  any
    Output shape: the same
    """

    cases = (
        case((3, 4), activation="relu", ops="Relu", dtypes=_DTYPES),
        case((3, 4), activation="softmax", ops="Softmax", dtypes=_DTYPES),
        case((4,), activation="gelu", ops="Gelu"),
        case((4,), activation="tanh", ops="Tanh"),
        case((4,), activation="mish", ops="Mish"),
        case((4,), activation="linear", ops="Identity"),
        case((4,), activation=None, ops="Identity"),
        case(Array((None, 4), sizes=(3,)), activation="silu", ops="Sigmoid Mul"),
    )

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)
