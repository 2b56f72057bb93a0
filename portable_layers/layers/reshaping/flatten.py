"""Flatten: each sample as a vector."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.dims import product
from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.layout import standardize_data_format


class Flatten(Layer):
    """The elements of each sample in a row; channels come last in it, whatever the format.

    Input shape:  `(batch, ...)`
    Output shape: `(batch, elements)`; `(batch, 1)` for an input `(batch,)`
    """

    cases = (
        case((3, 4, 2), ops="Reshape", dtypes=("float16", "bfloat16", "float64")),
        case((3, 4, 2), data_format="channels_first", ops="Transpose Reshape"),
        case((), ops="Reshape"),
        case((5,), ops="Identity"),
        case(Array((None, 4), sizes=(6,)), ops="Reshape"),
        case(Array((3, None, None), sizes=(2, 5)), data_format="channels_first", ops="Transpose Reshape"),
    )

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        if self.data_format == "channels_first" and inputs.ndim > 1:
            inputs = ops.transpose(inputs, (0, *range(2, inputs.ndim), 1))
        return ops.reshape(inputs, (inputs.shape[0], product(inputs.shape[1:])))
