"""ELU: the exponential linear unit."""

from __future__ import annotations

from typing import Any

from portable_layers import activations
from portable_layers.cases import case
from portable_layers.layer import Layer


class ELU(Layer):
    """x where positive, else `alpha * (exp(x) - 1)`.

    Input shape:  any
    Output shape: the same
    """

    cases = (
        case((3, 4), ops="Elu", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((4,), alpha=0.7, ops="Elu"),
    )

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, self.alpha)
