"""The layer that `keras.applications.inception_resnet_v2` defines for itself."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import case
from portable_layers.layer import Layer


class CustomScaleLayer(Layer):
    """`shortcut + branch * scale`.

    Input shape:  two of one shape
    Output shape: that of the inputs
    """

    keras_module = "keras.src.applications.inception_resnet_v2"
    registered_name = "CustomScaleLayer"
    cases = (case((3, 4), (3, 4), scale=0.2, ops="Mul Add"),)

    def __init__(self, scale: float, **kwargs: Any):
        super().__init__(**kwargs)

    def call(self, inputs: Any) -> Any:
        return inputs[0] + inputs[1] * self.scale
