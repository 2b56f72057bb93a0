"""ReversibleEmbedding: an embedding that also projects back to its vocabulary."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from portable_layers import ops, quantizers
from portable_layers.cases import Array, case
from portable_layers.layers.core.embedding import Embedding
from portable_layers.layers.quantized import StoredNames
from portable_layers.ops.contraction import multiply_matrices
from portable_layers.ops.quantization import dequantize_blocks, quantize, unpack_int4

_WORDS = Array((None,), "int32", 0, 7, sizes=(5,))
_BACK = {"reverse": True}


class ReversibleEmbedding(Embedding):
    """An `Embedding`; called with `reverse=True` it gives logits `x @ transpose(embeddings)`.

    Args:
        tie_weights: whether the way back uses the same matrix, else one of its own.
        reverse_dtype: dtype of the product on the way back.
        logit_soft_cap: logits are held within it by `tanh(logits / cap) * cap`.
        input_dim, ..., quantization_config: as for `Embedding`.

    Input shape:  any, of indices; `(*batch, output_dim)` on the way back
    Output shape: `(*input_shape, output_dim)`; `(*batch, input_dim)` on the way back
    """

    stored_names: ClassVar[StoredNames] = {
        None: (*Embedding.stored_names[None], "reverse_embeddings"),
        "int8": (*Embedding.stored_names["int8"], "reverse_embeddings", "reverse_embeddings_scale"),
        "int4": (
            *Embedding.stored_names["int4"],
            "reverse_embeddings",
            "reverse_embeddings_scale",
            "reverse_embeddings_zero",
        ),
    }
    cases = (
        case(_WORDS, input_dim=7, output_dim=4, mask_zero=True, ops="Gather"),
        case((5, 4), input_dim=7, output_dim=4, call=_BACK, ops="MatMul", dtypes=("mixed_float16",)),
        case((4,), input_dim=7, output_dim=4, call=_BACK, tie_weights=False, ops="MatMul"),
        case((4,), input_dim=7, output_dim=4, call=_BACK, logit_soft_cap=0.5, ops="MatMul Div Tanh Mul"),
    )

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: str | None = None,
        logit_soft_cap: float | None = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            quantization_config=quantization_config,
            **kwargs,
        )

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        mode = self.quantization_mode
        if mode is not None:
            self.inputs_quantizer = self._activation_quantizer(quantizers.AbsMaxQuantizer(axis=-1))
        if self.tie_weights:
            return
        if mode is None:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )
            return
        rows = self.output_dim if mode == "int8" else math.ceil(self.output_dim / 2)
        size = self._block_size if mode == "int4" else None
        shape = (self.input_dim,) if size is None else (math.ceil(self.output_dim / size), self.input_dim)
        self.reverse_embeddings = self._add_integers("reverse_embeddings", (rows, self.input_dim))
        self.reverse_embeddings_scale = self._add_scale("reverse_embeddings_scale", shape)
        if size is not None:
            self.reverse_embeddings_zero = self.add_weight(
                name="reverse_embeddings_zero", shape=shape, initializer="zeros", trainable=False
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            outputs = super().call(inputs)
            if self.quantization_mode is None:
                outputs._keras_mask = super().compute_mask(inputs)
            return outputs
        logits = self._logits(inputs) if self.quantization_mode is None else self._quantized_logits(inputs)
        if self.logit_soft_cap is not None:
            logits = ops.multiply(ops.tanh(ops.divide(logits, self.logit_soft_cap)), self.logit_soft_cap)
        return logits

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None  # the call gives it, where there is one

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> Any:
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)

    def _logits(self, inputs: Any) -> Any:
        kernel = ops.transpose(self._float_embeddings()) if self.tie_weights else self.reverse_embeddings
        if self.reverse_dtype is not None:
            inputs, kernel = ops.cast(inputs, self.reverse_dtype), ops.cast(kernel, self.reverse_dtype)
        return ops.matmul(inputs, kernel)

    def _quantized_logits(self, inputs: Any) -> Any:
        """Logits of a matrix `(output_dim, input_dim)` of integers."""
        tied = self.tie_weights
        kernel = ops.transpose(self._embeddings) if tied else self.reverse_embeddings
        scale = self.embeddings_scale if tied else self.reverse_embeddings_scale
        blocks = self.quantization_mode == "int4" and self._block_size is not None
        if self.quantization_mode == "int4":
            kernel = unpack_int4(kernel, self.output_dim, axis=0)
        inputs_scale: Any = None
        if self.inputs_quantizer is not None:
            inputs, inputs_scale = quantize(inputs, self.inputs_quantizer)
        if not blocks:
            logits = ops.cast(multiply_matrices(inputs, kernel), self.compute_dtype)
            return ops.divide(logits, scale if inputs_scale is None else ops.multiply(inputs_scale, scale))
        zero = self.embeddings_zero if tied else self.reverse_embeddings_zero
        if tied:
            scale, zero = ops.transpose(scale), ops.transpose(zero)
        kernel = ops.cast(kernel, self.compute_dtype)
        logits = multiply_matrices(inputs, dequantize_blocks(kernel, scale, zero, self.g_idx, axis=0))
        return logits if inputs_scale is None else ops.divide(logits, inputs_scale)
