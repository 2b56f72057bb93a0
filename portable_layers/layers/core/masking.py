"""Masking: time steps of one value are skipped by the layers behind."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import case
from portable_layers.layer import Layer


class Masking(Layer):
    """The input, zero where all features of a step are `mask_value`; those steps are masked.

    Input shape:  `(batch, time, *features)`
    Output shape: that of the input
    """

    cases = (
        case((5, 4), ops="Equal Not Cast ReduceMax Cast Where", dtypes=("mixed_float16",)),
        case((5, 4), mask_value=-1.0, ops="Equal Not Cast ReduceMax Cast Where"),
    )

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        kept = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        outputs = ops.where(kept, inputs, 0)
        outputs._keras_mask = ops.squeeze(kept, -1)
        return outputs
