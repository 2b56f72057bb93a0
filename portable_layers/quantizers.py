"""Quantizers and quantization configs (`keras.quantizers`), and what they do to arrays.

The config of a quantized layer holds a `QuantizationConfig`; the layer's dtype policy says in which
mode its weights are stored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from portable_layers.serialization import Configurable, deserialize_object, serialize_object

_EPSILON = 1e-7  # keras.config.epsilon()


class AbsMaxQuantizer(Configurable):
    """Scales so that the largest absolute value along the axes is the largest integer.

    Args:
        axis: an axis or several; by default the caller says.
        value_range: smallest and largest integer.
        epsilon: added to the largest absolute value.
        output_dtype: dtype of the integers.
    """

    keras_module = "keras.quantizers"

    def __init__(
        self,
        axis: Any = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = _EPSILON,
        output_dtype: str = "int8",
    ):
        super().__init__()
        self.axis = axis if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.value_range = tuple(value_range)
        self.epsilon, self.output_dtype = epsilon, output_dtype
        if output_dtype == "int8" and (self.value_range[0] < -128 or self.value_range[1] > 127):
            raise ValueError(f"value_range must lie within int8. Received: value_range={value_range}")

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.axis is None:
            config.pop("axis", None)
        return config


class QuantizationConfig(Configurable):
    """How a layer is quantized.

    Args:
        weight_quantizer: None for the layer's own.
        activation_quantizer: None for weights only.
    """

    keras_module = "keras.quantizers"
    mode: str | None = None

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None):
        super().__init__()
        self.weight_quantizer, self.activation_quantizer = weight_quantizer, activation_quantizer

    def get_config(self) -> dict[str, Any]:
        quantizers = ("weight_quantizer", "activation_quantizer")
        return {name: serialize_object(getattr(self, name)) for name in quantizers}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        made = {k: get(v) if k.endswith("_quantizer") else v for k, v in config.items()}
        return super().from_config(made)


class Int8QuantizationConfig(QuantizationConfig):
    """Weights in int8, and activations too unless `activation_quantizer` is None."""

    keras_module = "keras.quantizers"
    mode = "int8"

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default"):
        if activation_quantizer == "default":
            activation_quantizer = AbsMaxQuantizer()
        super().__init__(weight_quantizer, activation_quantizer)


class Int4QuantizationConfig(QuantizationConfig):
    """Weights in int4, two in a byte, with a scale for each block of `block_size` inputs (None or -1:
    one for all)."""

    keras_module = "keras.quantizers"
    mode = "int4"

    def __init__(
        self,
        weight_quantizer: Any = None,
        activation_quantizer: Any = "default",
        block_size: int | None = 128,
    ):
        super().__init__(
            weight_quantizer, None if activation_quantizer == "default" else activation_quantizer
        )
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise ValueError(f"block_size must be None, -1 or positive. Received: block_size={block_size}")
        if (block_size or -1) > 0 and (self.weight_quantizer or self.activation_quantizer):
            raise ValueError(f"quantizers cannot be given with blocks. Received: block_size={block_size}")
        self.block_size = block_size

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "block_size": self.block_size}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        # Before there were blocks, a channel had one scale.
        return super().from_config({"block_size": None, **config})


class Float8QuantizationConfig(QuantizationConfig):
    """Products of float8 numbers."""

    keras_module = "keras.quantizers"
    mode = "float8"

    def __init__(self) -> None:
        super().__init__(None, None)

    def get_config(self) -> dict[str, Any]:
        return {}


class _CalibratedConfig(QuantizationConfig):
    """Weights in few bits, found by a calibration; its data are not kept."""

    def __init__(self, **numbers: Any):
        super().__init__()
        for name, value in numbers.items():
            setattr(self, name, value)
        self._numbers = tuple(numbers)

    def get_config(self) -> dict[str, Any]:
        return {"dataset": None, "tokenizer": None} | {name: getattr(self, name) for name in self._numbers}


class GPTQConfig(_CalibratedConfig):
    """What GPTQ was run with."""

    keras_module = "keras.quantizers"
    mode = "gptq"

    def __init__(
        self,
        dataset: Any = None,
        tokenizer: Any = None,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: Any = None,
    ):
        super().__init__(
            weight_bits=weight_bits,
            num_samples=num_samples,
            per_channel=per_channel,
            sequence_length=sequence_length,
            hessian_damping=hessian_damping,
            group_size=group_size,
            symmetric=symmetric,
            activation_order=activation_order,
            quantization_layer_structure=quantization_layer_structure,
        )


class AWQConfig(_CalibratedConfig):
    """What AWQ was run with."""

    keras_module = "keras.quantizers"
    mode = "awq"

    def __init__(
        self,
        dataset: Any = None,
        tokenizer: Any = None,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: Any = None,
    ):
        super().__init__(
            weight_bits=weight_bits,
            num_samples=num_samples,
            sequence_length=sequence_length,
            group_size=group_size,
            num_grid_points=num_grid_points,
            quantization_layer_structure=quantization_layer_structure,
        )


CLASSES = {
    c.__name__: c
    for c in (
        AbsMaxQuantizer,
        QuantizationConfig,
        Int8QuantizationConfig,
        Int4QuantizationConfig,
        Float8QuantizationConfig,
        GPTQConfig,
        AWQConfig,
    )
}


def get(identifier: Any) -> Any:
    """The quantizer or quantization config of a config in Keras's form, or what is one already."""
    return (
        deserialize_object(identifier, CLASSES, "quantizer")
        if isinstance(identifier, Mapping)
        else identifier
    )


def serialize(quantizer: Any) -> Any:
    """Keras's config of a quantizer or quantization config."""
    return serialize_object(quantizer)


def quantize_by_absolute_maximum(
    x: np.ndarray, axis: Any, value_range: tuple[int, int] = (-127, 127), epsilon: float = _EPSILON
) -> tuple[np.ndarray, np.ndarray]:
    """Integers (int8) and the scale they were multiplied by, over these axes."""
    axis = tuple(axis) if isinstance(axis, list) else axis
    scale = np.divide(value_range[1], np.abs(x).max(axis=axis, keepdims=True) + epsilon)
    return np.clip(np.round(x * scale), *value_range).astype(np.int8), scale.astype(x.dtype)


def quantize_in_blocks(x: np.ndarray, block_size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integers in [-8, 7] (int8) of a matrix, by blocks of rows.

    Returns:
        The integers `(rows, columns)`, and for each block a scale and a zero point
        `(ceil(rows / block_size), columns)`: `x = (integer - zero) * scale`.
    """
    rows, columns = x.shape
    blocks = math.ceil(rows / block_size)
    padded = np.pad(x, [(0, blocks * block_size - rows), (0, 0)]).reshape(blocks, block_size, columns)
    low, high = padded.min(1, keepdims=True), padded.max(1, keepdims=True)
    scale = np.divide(high - low + _EPSILON, 15)
    zero = np.clip(np.round(-low / scale) - 8, -8, 7)
    integers = np.clip(np.round(padded / scale) + zero, -8, 7).astype(np.int8)
    return (
        integers.reshape(-1, columns)[:rows],
        scale[:, 0].astype(x.dtype),
        zero[:, 0].astype(np.int8),
    )


def pack_int4(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """Two neighbours along an axis in a byte, the first in its low half; zero where there is no second."""
    moved = np.moveaxis(np.asarray(x, np.int8), axis, 0)
    if moved.shape[0] % 2:
        moved = np.concatenate([moved, np.zeros_like(moved[:1])])
    packed = (moved[::2] & 0x0F) | np.left_shift(moved[1::2] & 0x0F, 4)
    return np.moveaxis(packed.astype(np.int8), 0, axis)


def unpack_int4(packed: np.ndarray, size: int, axis: int = -1) -> np.ndarray:
    """The inverse of `pack_int4`; `size` is the axis' size before."""
    moved = np.moveaxis(np.asarray(packed, np.int8), axis, 0).astype(np.int16)
    halves = np.stack([(moved + 8) % 16 - 8, moved >> 4], axis=1)
    return np.moveaxis(halves.reshape(-1, *moved.shape[1:])[:size].astype(np.int8), 0, axis)
