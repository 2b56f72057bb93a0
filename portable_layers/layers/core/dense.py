"""Dense: a matrix product over the last axis."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import case
from portable_layers.layer import InputSpec
from portable_layers.layers.quantized_kernel import _QuantizedKernelLayer
from portable_layers.ops.contraction import multiply_matrices


class Dense(_QuantizedKernelLayer):
    """`activation(x @ kernel + bias)` over the last axis.

    Args:
        units: size of the last axis of the output.
        activation, use_bias: what is done with the product.
        kernel_initializer, ..., bias_constraint: of the weights `(features, units)` and `(units,)`.
        lora_rank, lora_alpha: add an update of this rank to the kernel (see `enable_lora`).
        quantization_config: how the layer was quantized, if its dtype policy is of a quantized kind.

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
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self._build_kernel((input_shape[-1], self.units), self.kernel_initializer)
        self._finish_build((self.units,) if self.use_bias else None)
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def product(self, x: Any, kernel: Any) -> Any:
        return multiply_matrices(x, kernel)

    def _matrix_shape(self) -> tuple[int, int]:
        features, units = self._kernel_shape
        return features, units
