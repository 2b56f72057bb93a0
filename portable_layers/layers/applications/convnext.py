"""The layers that `keras.applications.convnext` defines for itself."""

from __future__ import annotations

from typing import Any

from portable_layers import initializers
from portable_layers.cases import case
from portable_layers.layer import Layer
from portable_layers.ops.random import dropout


class LayerScale(Layer):
    """`x * gamma` over the last axis, gamma starting at `init_values`.

    Input shape:  `(*batch, projection_dim)`
    Output shape: that of the input
    """

    keras_module = "keras.src.applications.convnext"
    registered_name = "LayerScale"
    cases = (case((3, 4), init_values=0.1, projection_dim=4, ops="Mul", dtypes=("mixed_float16",)),)

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any):
        super().__init__(**kwargs)

    def build(self, input_shape: Any) -> None:
        # Keras gives it no name of its own.
        self.gamma = self.add_weight(
            (self.projection_dim,), initializers.Constant(self.init_values), name="variable"
        )

    def call(self, x: Any) -> Any:
        return x * self.gamma


class StochasticDepth(Layer):
    """In training, whole elements of the batch dropped; the others are divided by the share kept.

    Input shape:  any
    Output shape: that of the input
    """

    keras_module = "keras.src.applications.convnext"
    registered_name = "StochasticDepth"
    cases = (case((3, 4), drop_path_rate=0.2, ops="Identity"),)

    def __init__(self, drop_path_rate: float, **kwargs: Any):
        super().__init__(**kwargs)

    def call(self, x: Any, training: bool | None = None) -> Any:
        if not training:
            return x
        return dropout(x, self.drop_path_rate, (None,) + (1,) * (x.ndim - 1))
