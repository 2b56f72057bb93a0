"""Dense: a matrix product over the last axis."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import case
from portable_layers.layer import InputSpec, Layer


class Dense(Layer):
    """`activation(x @ kernel + bias)` over the last axis.

    Input shape:  `(*batch, features)`
    Output shape: `(*batch, units)`
    """

    cases = (
        case((4,), units=3, ops="MatMul Add", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((5, 4), units=3, use_bias=False, activation="relu", ops="MatMul Relu"),
        case((2, 3, 4), units=6, activation="softmax", kernel_regularizer="l2", ops="MatMul Add Softmax"),
    )

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"units must be a positive integer. Received: units={units!r}")
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs: Any) -> Any:
        x = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return self.activation(x)
