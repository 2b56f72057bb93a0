"""What Dense and EinsumDense share: a kernel in one of Keras's quantization modes, and its product.

A subclass says what the product is and how its kernel is seen as a matrix `(rows, columns)`, rows
being the axes that are summed over. The modes are Keras's: `int8` and `int4` with a scale a channel
or a block of rows, `float8` with scales for inputs and kernel, `gptq` and `awq` for weights only.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, cast

import numpy as np

from portable_layers import ops, quantizers
from portable_layers.layers.quantized import KERNEL_NAMES, StoredNames, _QuantizedLayer
from portable_layers.ops.quantization import dequantize_blocks, quantize, round_to_float8, unpack_int4


class _QuantizedKernelLayer(_QuantizedLayer):
    """A layer `activation(product(x, kernel) + bias)`."""

    stored_names: ClassVar[StoredNames] = KERNEL_NAMES
    # What Keras calls the zero points of its weight-only modes.
    zero_name = "kernel_zero"

    # What a subclass says

    def product(self, x: Any, kernel: Any) -> Any:
        """The product with a kernel in its own shape: a weight, or a tensor; int8 gives int32."""
        raise NotImplementedError

    def biased_product(self, x: Any, kernel: Any, bias: Any) -> Any:
        """The product with the bias on it, where there is one."""
        x = self.product(x, kernel)
        return x if bias is None else ops.add(x, bias)

    def _matrix_shape(self) -> tuple[int, int]:
        """The kernel's rows (summed over) and columns."""
        raise NotImplementedError

    def _only_weights_shape(self) -> tuple[int, int]:
        """Rows and columns in the modes `gptq` and `awq`."""
        return self._matrix_shape()

    # The axes of the inputs, and of the kernel, that are summed over.
    _inputs_axes: Any = -1
    _kernel_axes: Any = 0

    def _scale_shape(self) -> tuple[int, ...]:
        """The shape of the scale of an int8 kernel, which broadcasts with the output."""
        return (self._kernel_shape[-1],)

    def _scale_to_output(self, scale: Any) -> Any:
        """A scale of the inputs, of size 1 along the axes summed over, to broadcast with the output."""
        return scale

    def _scale_to_kernel(self, scale: np.ndarray) -> np.ndarray:
        """The scale of an int8 kernel, to broadcast with the kernel."""
        return scale

    def _scale_from_kernel(self, scale: np.ndarray) -> np.ndarray:
        """The inverse of `_scale_to_kernel`."""
        return scale.reshape(self._scale_shape())

    # Building

    def _build_kernel(self, shape: tuple[int, ...], initializer: Any) -> None:
        self._kernel_shape = tuple(shape)
        mode = self.quantization_mode
        if mode is not None:
            getattr(self, f"_build_{mode}")()
        if mode in (None, "float8"):
            self._kernel = self.add_weight(
                name="kernel",
                shape=shape,
                initializer=initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )

    def _finish_build(self, bias_shape: tuple[int, ...] | None) -> None:
        self.bias = None
        if bias_shape is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=bias_shape,
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def _build_int8(self) -> None:
        self.inputs_quantizer = self._activation_quantizer(quantizers.AbsMaxQuantizer())
        self._kernel = self._add_integers("kernel", self._kernel_shape)
        self.kernel_scale = self._add_scale("kernel_scale", self._scale_shape())

    def _build_int4(self) -> None:
        self.inputs_quantizer = self._activation_quantizer(None)
        rows, columns = self._matrix_shape()
        size = self._block_size
        self._kernel = self._add_integers("kernel", (rows, math.ceil(columns / 2)))
        shape = (columns,) if size is None else (math.ceil(rows / size), columns)
        self.kernel_scale = self._add_scale("kernel_scale", shape)
        if size is not None:
            self.kernel_zero = self._add_integers("kernel_zero", shape)
            self.g_idx = self._add_blocks(rows, size)

    def _build_float8(self) -> None:
        history = getattr(self.dtype_policy, "amax_history_length", 1024)
        for name in KERNEL_NAMES["float8"][2:]:
            is_scale = name.endswith("_scale")
            weight = self.add_weight(
                name=name,
                shape=() if is_scale else (history,),
                initializer="ones" if is_scale else "zeros",
                dtype="float32",
                autocast=False,
                overwrite_with_gradient=True,
            )
            setattr(self, name, weight)

    def _build_gptq(self) -> None:
        rows, columns = self._only_weights_shape()
        policy: Any = self.dtype_policy
        packed = math.ceil(columns / 2) if policy.weight_bits == 4 else columns
        groups = 1 if policy.group_size == -1 else math.ceil(rows / policy.group_size)
        self.quantized_kernel = self._add_integers("kernel", (packed, rows), "uint8")
        self.kernel_scale = self._add_scale("kernel_scale", (columns, groups))
        self.kernel_zero = self._add_integers(self.zero_name, (columns, groups), "uint8")
        if self.quantization_mode == "awq":
            self.awq_scales = self._add_scale("awq_scales", (rows,))
        self.g_idx = self._add_integers("g_idx", (rows,), "float32")

    _build_awq = _build_gptq

    def _lora_shape(self) -> tuple[int, ...]:
        return self._kernel_shape

    def enable_lora(self, rank: int, *args: Any, **kwargs: Any) -> None:
        if self.quantization_mode in ("gptq", "awq", "float8"):
            raise ValueError(f"LoRA cannot be enabled on a layer in {self.quantization_mode}")
        super().enable_lora(rank, *args, **kwargs)

    # Calling

    def call(self, inputs: Any) -> Any:
        mode = self.quantization_mode
        bias = self.bias
        if mode is None:
            x, bias = self.biased_product(inputs, self._applied_kernel(), bias), None
        else:
            x = getattr(self, f"_{mode}_product")(inputs)
            if self.lora_enabled:
                a, b = self._factors
                x = ops.add(x, self._lora_scale * ops.matmul(self.product(inputs, a), b))
                x = ops.cast(x, self.compute_dtype)
        if bias is not None:
            if mode == "float8" and self.compute_dtype == "float32":
                # Keras adds a bias of bfloat16's precision.
                bias = ops.cast(ops.cast(bias, "bfloat16"), "float32")
            x = ops.add(x, bias)
        return self.activation(x)

    def _integer_product(self, inputs: Any, kernel: Any) -> Any:
        scale = self.kernel_scale
        if self.inputs_quantizer is not None:
            inputs, inputs_scale = quantize(inputs, self.inputs_quantizer, self._inputs_axes)
            scale = ops.multiply(self._scale_to_output(inputs_scale), scale)
        return ops.divide(ops.cast(self.product(inputs, kernel), self.compute_dtype), scale)

    def _int8_product(self, inputs: Any) -> Any:
        return self._integer_product(inputs, self._kernel)

    def _int4_product(self, inputs: Any) -> Any:
        kernel = unpack_int4(self._kernel, self._matrix_shape()[1], axis=-1)
        if self._block_size is None:
            return self._int4_channels_product(inputs, kernel)
        kernel = dequantize_blocks(kernel, self.kernel_scale, self.kernel_zero, self.g_idx, axis=0)
        return self.product(inputs, ops.reshape(ops.cast(kernel, self.compute_dtype), self._kernel_shape))

    def _int4_channels_product(self, inputs: Any, kernel: Any) -> Any:
        """The product with a kernel `(rows, columns)` of int8 that has a scale a column."""
        return self._integer_product(inputs, kernel)

    def _float8_product(self, inputs: Any) -> Any:
        return self.product(
            round_to_float8(inputs, self.inputs_scale, self.compute_dtype),
            round_to_float8(self._kernel, self.kernel_scale, self.compute_dtype),
        )

    def _gptq_product(self, inputs: Any) -> Any:
        kernel: Any = self.quantized_kernel
        if cast(Any, self.dtype_policy).weight_bits == 4:
            kernel = unpack_int4(kernel, self._only_weights_shape()[1], axis=0, signed=False)
        kernel = dequantize_blocks(kernel, self.kernel_scale, self.kernel_zero, self.g_idx, axis=-1)
        kernel = ops.transpose(kernel)
        if self.quantization_mode == "awq":
            kernel = ops.divide(kernel, ops.expand_dims(self.awq_scales, -1))
        return self.product(inputs, ops.reshape(kernel, self._kernel_shape))

    _awq_product = _gptq_product

    # Storing

    def _requantized(self) -> dict[str, np.ndarray]:
        kernel, scale = self._kernel.numpy(), self.kernel_scale.numpy()
        if self.quantization_mode == "int8":
            merged = kernel / self._scale_to_kernel(scale) + self._update()
            kernel, scale = quantizers.quantize_by_absolute_maximum(merged, self._kernel_axes)
            return {"kernel": kernel, "kernel_scale": self._scale_from_kernel(scale)}
        rows, columns = self._matrix_shape()
        matrix = quantizers.unpack_int4(kernel, columns).astype(np.float32)
        update = self._update().reshape(rows, columns)
        if self._block_size is None:
            values, scale = quantizers.quantize_by_absolute_maximum(matrix / scale + update, 0, (-8, 7))
            return {"kernel": quantizers.pack_int4(values), "kernel_scale": scale[0]}
        block = self.g_idx.numpy().astype(np.int64)
        matrix = (matrix - self.kernel_zero.numpy()[block]) * scale[block] + update
        values, scale, zero = quantizers.quantize_in_blocks(matrix, self._block_size)
        return {"kernel": quantizers.pack_int4(values), "kernel_scale": scale, "kernel_zero": zero}
