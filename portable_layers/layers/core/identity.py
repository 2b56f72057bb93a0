"""Identity: the input as it is."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import case
from portable_layers.layer import Layer


class Identity(Layer):
    """The input, a tensor or any structure of tensors.

    Input shape:  any
    Output shape: that of the input
    """

    cases = (case((4,), ops="Identity"), case((3, None), ops="Identity", dtypes=("mixed_float16",)))

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs
