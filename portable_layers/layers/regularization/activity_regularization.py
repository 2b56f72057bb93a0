"""ActivityRegularization: a loss on the input, which passes unchanged."""

from __future__ import annotations

from typing import Any

from portable_layers import regularizers
from portable_layers.cases import case
from portable_layers.layer import Layer


class ActivityRegularization(Layer):
    """The input, with its L1 and L2 norms among the losses.

    Input shape:  any
    Output shape: that of the input
    """

    cases = (case((4,), l1=0.1, l2=0.2, ops="Identity"),)

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer", None)  # l1 and l2 say it
        return config
