"""Embedding: a vector for each index."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from portable_layers import ops, quantizers, regularizers
from portable_layers.cases import Array, Case, case
from portable_layers.layers.quantized import StoredNames, _QuantizedLayer
from portable_layers.ops.quantization import dequantize_blocks, unpack_int4

_WORDS = Array((None,), "int32", 0, 7, sizes=(5,))


class Embedding(_QuantizedLayer):
    """The rows of a matrix `(input_dim, output_dim)` at the given indices.

    Args:
        input_dim: how many indices there are.
        output_dim: length of a vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the matrix.
        mask_zero: whether index 0 is padding, which the layers behind skip.
        weights: the matrix to start with.
        lora_rank, lora_alpha: add an update of this rank to the matrix (see `enable_lora`).
        quantization_config: how the layer was quantized, if its dtype policy is of a quantized kind.

    Input shape:  any, of indices
    Output shape: `(*input_shape, output_dim)`
    """

    lora_target = "embeddings"
    stored_names: ClassVar[StoredNames] = {
        None: ("embeddings",),
        "int8": ("embeddings", "embeddings_scale"),
        "int4": ("embeddings", "embeddings_scale", "embeddings_zero", "g_idx"),
    }
    cases: tuple[Case, ...] = (
        case(_WORDS, input_dim=7, output_dim=4, ops="Gather", dtypes=("float16", "bfloat16", "float64")),
        case(_WORDS, input_dim=7, output_dim=4, mask_zero=True, ops="Gather"),
        case(Array((3,), "int64", 0, 7), input_dim=7, output_dim=4, ops="Gather"),
        case(Array((3,), "float32", 0.0, 6.9), input_dim=7, output_dim=4, ops="Cast Gather"),
    )

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise ValueError(f"{name} must be a positive integer. Received: {name}={value!r}")
        kwargs.pop("input_length", None)  # Keras 2
        super().__init__(**kwargs)
        self.input_dim, self.output_dim = input_dim, output_dim
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)
        self._initial = weights

    def build(self, input_shape: Any = None) -> None:
        if self.quantization_mode is None:
            self._embeddings = self.add_weight(
                name="embeddings",
                shape=(self.input_dim, self.output_dim),
                initializer=self.embeddings_initializer,
                regularizer=self.embeddings_regularizer,
                constraint=self.embeddings_constraint,
            )
        elif self.quantization_mode == "int8":
            self._embeddings = self._add_integers("embeddings", (self.input_dim, self.output_dim))
            self.embeddings_scale = self._add_scale("embeddings_scale", (self.input_dim,))
        else:
            self._build_int4()
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)
        if self._initial is not None:
            start = self._initial
            self.set_weights(start if isinstance(start, list) and len(start) == 1 else [start])
            self._initial = None

    def _build_int4(self) -> None:
        size = self._block_size
        self._embeddings = self._add_integers("embeddings", (self.input_dim, math.ceil(self.output_dim / 2)))
        shape = (self.input_dim,) if size is None else (self.input_dim, math.ceil(self.output_dim / size))
        self.embeddings_scale = self._add_scale("embeddings_scale", shape)
        if size is not None:
            self.embeddings_zero = self._add_integers("embeddings_zero", shape)
            self.g_idx = self._add_blocks(self.output_dim, size)

    def _lora_shape(self) -> tuple[int, ...]:
        return self.input_dim, self.output_dim

    @property
    def embeddings(self) -> Any:
        """The matrix as it is applied: the variable, or with LoRA the sum."""
        return self._target()

    def call(self, inputs: Any) -> Any:
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        if self.quantization_mode is None:
            return ops.cast(ops.take(self._float_embeddings(), inputs, axis=0), self.compute_dtype)
        outputs = self._rows(inputs)
        if self.lora_enabled:
            a, b = self._factors
            update = ops.matmul(ops.take(a, inputs, axis=0), b)
            outputs = ops.cast(ops.add(outputs, self._lora_scale * update), self.compute_dtype)
        return outputs

    def _float_embeddings(self) -> Any:
        return self._merged() if self.lora_enabled else self._embeddings

    def _rows(self, indices: Any) -> Any:
        """The rows of a quantized matrix, in numbers."""
        matrix: Any = self._embeddings
        if self.quantization_mode == "int4":
            matrix = unpack_int4(matrix, self.output_dim, axis=-1)
        rows = ops.cast(ops.take(matrix, indices, axis=0), self.compute_dtype)
        scale = ops.take(self.embeddings_scale, indices, axis=0)
        if self.quantization_mode == "int4" and self._block_size is not None:
            zero = ops.take(self.embeddings_zero, indices, axis=0)
            return dequantize_blocks(rows, scale, zero, self.g_idx, axis=-1)
        return ops.divide(rows, ops.expand_dims(scale, -1))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def _requantized(self) -> dict[str, np.ndarray]:
        matrix, scale = self._embeddings.numpy(), self.embeddings_scale.numpy()
        if self.quantization_mode == "int8":
            merged = matrix / scale[:, None] + self._update()
            values, scale = quantizers.quantize_by_absolute_maximum(merged, -1)
            return {"embeddings": values, "embeddings_scale": scale[:, 0]}
        floats = quantizers.unpack_int4(matrix, self.output_dim).astype(np.float32)
        if self._block_size is None:
            merged = floats / scale[:, None] + self._update()
            values, scale = quantizers.quantize_by_absolute_maximum(merged, -1, (-8, 7))
            return {"embeddings": quantizers.pack_int4(values), "embeddings_scale": scale[:, 0]}
        block = self.g_idx.numpy().astype(np.int64)
        floats = (floats - self.embeddings_zero.numpy()[:, block]) * scale[:, block] + self._update()
        values, scale, zero = quantizers.quantize_in_blocks(floats.T, self._block_size)
        packed = quantizers.pack_int4(values.T)
        return {"embeddings": packed, "embeddings_scale": scale.T, "embeddings_zero": zero.T}

    def config_arguments(self) -> list[str]:
        return [name for name in super().config_arguments() if name != "weights"]

    def get_config(self) -> dict[str, Any]:
        regularizer = regularizers.serialize(self.activity_regularizer)
        return {**super().get_config(), "activity_regularizer": regularizer}
