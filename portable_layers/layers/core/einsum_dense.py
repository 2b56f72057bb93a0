"""EinsumDense: a product with a kernel along the axes that an equation says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from portable_layers import initializers, ops, regularizers
from portable_layers.cases import case
from portable_layers.layer import InputSpec
from portable_layers.layers.quantized_kernel import _QuantizedKernelLayer
from portable_layers.ops.contraction import axis_labels, contract
from portable_layers.ops.quantization import quantize


class EinsumDense(_QuantizedKernelLayer):
    """`activation(einsum(equation, x, kernel) + bias)`.

    Args:
        equation: `ab,bc->ac`, with an ellipsis before or behind the labels of input and output.
        output_shape: sizes of the output's axes without the first (and without those of the
            ellipsis); None along an axis of the input that is not known.
        bias_axes: labels of the output that the bias has sizes along; None for no bias.
        kernel_initializer, ..., quantization_config: as for `Dense`.

    Input shape, output shape: what the equation says
    """

    zero_name = "zero_point"
    cases = (
        case((4,), equation="ab,bc->ac", output_shape=6, bias_axes="c", ops="MatMul Add"),
        case(
            (5, 4),
            equation="abc,cde->abde",
            output_shape=(5, 3, 2),
            bias_axes="de",
            activation="relu",
            ops="MatMul Add Reshape Relu",
            dtypes=("float16", "bfloat16", "float64", "mixed_float16"),
        ),
        case((5, 3, 2), equation="btnh,nhd->btd", output_shape=(5, 8), ops="Reshape MatMul"),
        case((5, 4), equation="...b,bc->...c", output_shape=(3,), bias_axes="c", ops="MatMul Add"),
        case(
            (4, 5, 2),
            equation="ab...,bc->ac...",
            output_shape=(3,),
            bias_axes="c",
            ops="Reshape MatMul Reshape Add",
        ),
        case((4, 5), equation="abc,bd->acd", output_shape=(5, 3), ops="Transpose MatMul"),
        case((4, 5), equation="abc,bcd->abd", output_shape=(4, 3), bias_axes="bd", ops="Einsum Add"),
        case((4, 5), equation="abc,bc->abc", output_shape=(4, 5), ops="Mul"),
        case((4, 5), equation="abc,bd->ad", output_shape=(3,), ops="ReduceSum MatMul"),
    )

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)

    def build(self, input_shape: Any) -> None:
        self._labels = xs, ks, ys = axis_labels(self.equation, len(input_shape))
        sizes = self._sizes(input_shape)
        missing = [a for a in ks if sizes.get(a) is None]
        if missing:
            raise ValueError(
                f"the kernel's axis {missing[0]!r} of equation={self.equation!r} has no known size in "
                f"input_shape={input_shape} or output_shape={self.partial_output_shape}"
            )
        self.input_spec = InputSpec(ndim=len(input_shape))
        self._inputs_axes = tuple(i for i, a in enumerate(xs) if a not in ys)
        self._kernel_axes = tuple(i for i, a in enumerate(ks) if a not in ys)
        initializer = self.kernel_initializer
        if isinstance(initializer, initializers.VarianceScaling) and None in (
            initializer.input_axes,
            initializer.output_axes,
        ):
            config = initializer.get_config() | {"seed": initializer.seed}
            outputs = [i for i in range(len(ks)) if i not in self._kernel_axes]
            axes = {"input_axes": list(self._kernel_axes), "output_axes": outputs}
            initializer = type(initializer).from_config(config | axes)
        self._build_kernel(tuple(sizes[a] for a in ks), initializer)
        self._finish_build(self._bias_shape(sizes))
        if self.quantization_mode == "gptq":
            self.gptq_unpacked_column_size = self._only_weights_shape()[1]

    def _sizes(self, input_shape: Any) -> dict[str, Any]:
        """The size of each label, where the input or the output shape tells it."""
        xs, ks, ys = self._labels
        sizes = dict(zip(xs, input_shape, strict=True))
        sizes.setdefault(ys[0], input_shape[0])  # Keras takes the first axis for the batch
        elided = len(xs) - len(self.equation.partition(",")[0].replace("...", ""))
        # The given sizes are those of the labels in the equation, without the batch.
        left = self.equation.startswith("...")
        given = ys[max(elided, 1) if left else 1 : len(ys) if left else len(ys) - elided]
        if len(given) != len(self.partial_output_shape):
            raise ValueError(
                f"output_shape must have the sizes of the axes {given!r} of equation={self.equation!r}. "
                f"Received: output_shape={self.partial_output_shape}"
            )
        for label, size in zip(given, self.partial_output_shape, strict=True):
            known = sizes.get(label)
            if label not in xs and label not in ks:
                raise ValueError(f"axis {label!r} of the output is neither in the input nor in the kernel")
            if label in xs and size is not None and known != size:
                raise ValueError(
                    f"axis {label!r} of equation={self.equation!r} has size {known} in the input and {size} in "
                    f"output_shape={self.partial_output_shape}"
                )
            sizes[label] = known if size is None else size
        return sizes

    def _bias_shape(self, sizes: dict[str, Any]) -> tuple[int, ...] | None:
        if self.bias_axes is None:
            return None
        ys = self._labels[2]
        unknown = [a for a in self.bias_axes if a not in ys]
        if unknown:
            raise ValueError(f"bias_axes {unknown[0]!r} is no axis of the output {ys!r}")
        first = min(ys.index(a) for a in self.bias_axes)
        return tuple(sizes[a] if a in self.bias_axes else 1 for a in ys[first:])

    def _bias_axis(self, shape: Any) -> int | None:
        """Where Keras adds the bias on TensorFlow, if that is not where the equation has it.

        A bias with one axis of several positions goes to BiasAdd, which adds it along the last axis
        of the output, else along the second, if the sizes are equal.
        """
        assert self.bias is not None
        sizes, rank = self.bias.shape, len(shape)
        long = [i for i, n in enumerate(sizes) if n > 1]
        if len(long) != 1 or rank < 2:
            return None
        meant = rank - len(sizes) + long[0]
        found = next((a for a in (rank - 1, 1) if shape[a] == sizes[long[0]]), meant)
        return None if found == meant else found

    def add_bias(self, x: Any, bias: Any) -> Any:
        axis = self._bias_axis(x.shape)
        if axis is not None:
            bias = ops.reshape(bias, [-1] + [1] * (x.ndim - 1 - axis))
        return ops.add(x, bias)

    def product(self, x: Any, kernel: Any) -> Any:
        return contract(self.equation, x, kernel)

    def biased_product(self, x: Any, kernel: Any, bias: Any) -> Any:
        xs, ks, ys = self._labels
        sizes = dict(zip(xs, x.shape, strict=True)) | dict(zip(ks, self._kernel_shape, strict=True))
        if bias is None or self._bias_axis([sizes[a] for a in ys]) is None:
            return contract(self.equation, x, kernel, bias)
        return self.add_bias(self.product(x, kernel), bias)

    def _matrix_shape(self) -> tuple[int, int]:
        rows = math.prod(self._kernel_shape[i] for i in self._kernel_axes)
        return rows, math.prod(self._kernel_shape) // rows

    def _only_weights_shape(self) -> tuple[int, int]:
        shape = self._kernel_shape
        # Keras takes the largest axis of three for the model's width.
        cut = 2 if len(shape) == 3 and shape.index(max(shape)) > 0 else 1
        return math.prod(shape[:cut]), math.prod(shape[cut:])

    def _scale_shape(self) -> tuple[int, ...]:
        _, ks, ys = self._labels
        return tuple(self._kernel_shape[ks.index(a)] if a in ks else 1 for a in ys)

    def _scale_to_output(self, scale: Any) -> Any:
        xs, _, ys = self._labels
        kept = [a for a in xs if a in ys]
        scale = ops.squeeze(scale, self._inputs_axes) if self._inputs_axes else scale
        scale = ops.transpose(scale, [kept.index(a) for a in ys if a in kept])
        added = [i for i, a in enumerate(ys) if a not in kept]
        return ops.expand_dims(scale, added) if added else scale

    def _scale_to_kernel(self, scale: np.ndarray) -> np.ndarray:
        _, ks, ys = self._labels
        columns = [a for a in ys if a in ks]
        in_order = scale.reshape([self._kernel_shape[ks.index(a)] for a in columns])
        in_order = in_order.transpose([columns.index(a) for a in ks if a in columns])
        return np.expand_dims(in_order, self._kernel_axes)

    def _scale_from_kernel(self, scale: np.ndarray) -> np.ndarray:
        _, ks, ys = self._labels
        kept = [a for a in ks if a in ys]
        in_order = scale.reshape([self._kernel_shape[ks.index(a)] for a in kept])
        return in_order.transpose([kept.index(a) for a in ys if a in kept]).reshape(self._scale_shape())

    def _int4_channels_product(self, inputs: Any, kernel: Any) -> Any:
        kernel = ops.divide(ops.cast(kernel, self.compute_dtype), self.kernel_scale)
        kernel = ops.reshape(kernel, self._kernel_shape)
        if self.inputs_quantizer is None:
            return self.product(inputs, kernel)
        inputs, scale = quantize(inputs, self.inputs_quantizer, self._inputs_axes)
        product = ops.cast(self.product(inputs, kernel), self.compute_dtype)
        return ops.divide(product, self._scale_to_output(scale))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }
