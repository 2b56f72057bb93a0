"""LeakyReLU: a rectified linear unit that lets some of the negative through."""

from __future__ import annotations

from typing import Any

from portable_layers import activations
from portable_layers.cases import case
from portable_layers.layer import Layer


class LeakyReLU(Layer):
    """x where positive, else `negative_slope * x`.

    Input shape:  any
    Output shape: the same
    """

    cases = (
        case((3, 4), ops="LeakyRelu", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((4,), negative_slope=0, ops="LeakyRelu"),
        case((4,), negative_slope=2.5, ops="LeakyRelu"),
    )

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")  # its name in Keras 2
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                f"negative_slope must be a number of at least 0. Received: negative_slope={negative_slope!r}"
            )
        self.negative_slope = negative_slope
        self.supports_masking = True
        self.built = True

    @classmethod
    def upgrade_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        if "alpha" in config:
            config["negative_slope"] = config.pop("alpha")
        return config

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, self.negative_slope)
