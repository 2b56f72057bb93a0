"""Quantized numbers in a graph: as `keras.quantizers` defines them on tensors.

Packed and scaled weights stay in the file as Keras stores them; the nodes that unpack them depend on
weights only, and runtimes fold them when they load the model. (The blocked int4 of ONNX's
DequantizeLinear would say the same in one node, but ONNX Runtime makes MatMulNBits of it, which rounds
the activations to int8: 0.5% of the output in a layer of 128 inputs.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ml_dtypes import finfo

from portable_layers import ops
from portable_layers.ops.dispatch import graph
from portable_layers.quantizers import AbsMaxQuantizer
from portable_layers.tensor import Tensor


def quantize(x: Any, quantizer: AbsMaxQuantizer, axis: Any = None) -> tuple[Tensor, Tensor]:
    """x in integers, and the scale that it was multiplied by.

    Args:
        axis: the axes that share a scale; by default the quantizer's, else the last.
    """
    axis = quantizer.axis if axis is None else axis
    axis = -1 if axis is None else axis
    low, high = quantizer.value_range
    reach = ops.max(ops.absolute(x), axis=axis, keepdims=True)
    scale = ops.cast(ops.divide(high, ops.add(reach, quantizer.epsilon)), x.dtype)
    integers = ops.clip(ops.round(ops.multiply(x, scale)), low, high)
    return ops.cast(integers, quantizer.output_dtype), scale


def unpack_int4(packed: Any, size: int, axis: int, signed: bool = True) -> Tensor:
    """The halves of bytes as neighbours along an axis, the low half first.

    Args:
        packed: int8 or uint8.
        size: of the axis, where the last byte may hold one number only.
        signed: numbers in [-8, 7], else in [0, 15].

    Returns:
        int8 or uint8.
    """
    whole = ops.cast(packed, "int32")
    axis %= whole.ndim
    low = ops.mod(whole, np.int32(16))
    high = graph().add("Div", ops.subtract(whole, low), np.int32(16))  # no rest; int8 has its sign here
    if signed:
        low = ops.subtract(ops.mod(ops.add(whole, np.int32(8)), np.int32(16)), np.int32(8))
    sizes = [2 * n if a == axis else n for a, n in enumerate(whole.shape)]
    both = ops.reshape(ops.stack([low, high], axis + 1), sizes)
    return ops.cast(both[(slice(None),) * axis + (slice(0, size),)], "int8" if signed else "uint8")


def dequantize_blocks(integers: Any, scale: Any, zero: Any, block: Any, axis: int) -> Tensor:
    """`(integers - zero) * scale`, scale and zero point taken by the block of each place on an axis.

    Args:
        scale, zero: with the blocks along `axis`.
        block: the number of each place's block, `(places,)`.
    """
    block = ops.cast(block, "int32")
    scale = ops.take(scale, block, axis=axis)
    zero = ops.cast(ops.take(zero, block, axis=axis), scale.dtype)
    return ops.multiply(ops.subtract(integers, zero), scale)


def round_to_float8(x: Any, scale: Any, dtype: str) -> Tensor:
    """x as float8_e4m3fn holds it at this scale, in the compute dtype."""
    scale = ops.cast(scale, dtype)
    limit = float(finfo("float8_e4m3fn").max)
    small = ops.clip(ops.divide(x, scale), -limit, limit)
    return ops.multiply(ops.cast(ops.cast(small, "float8_e4m3fn"), dtype), scale)
