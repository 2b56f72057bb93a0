"""AutoContrast: the values of each image stretched over the whole range."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.image_layer import _ImageLayer, rescale, sorted_range
from portable_layers.ops.dispatch import cast_to


class AutoContrast(_ImageLayer):
    """The lowest and the highest value of each image and channel brought to the ends of the value range.

    It acts at inference too. Where all values are the same they stay as they are.

    Args:
        value_range: the lowest and highest value that a pixel can have.
    """

    acts_at_inference = True
    cases = (
        case(
            (6, 8, 3),
            ops="ReduceMin ReduceMax Sub Div Mul Neg Mul Add IsNaN Clip Where",
            dtypes=("mixed_float16",),
        ),
        case(
            (6, 8, 3),
            value_range=(2, -2),
            ops="Sub Div Mul Add ReduceMin ReduceMax Sub Div Mul Neg Mul Add IsNaN Clip Sub Div Mul Add Where",
        ),
        case(
            Array((6, 8, 3), "uint8", 0, 256),
            ops="Cast ReduceMin ReduceMax Sub Div Mul Neg Mul Add IsNaN Clip Where",
        ),
    )

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any):
        super().__init__(**kwargs)
        self.value_range = sorted_range(value_range)

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        dtype = self.compute_dtype
        x = cast_to(rescale(images, self.value_range, (0, 255), dtype), dtype)
        # Keras takes these axes for channels first too.
        low, high = ops.min(x, axis=(1, 2), keepdims=True), ops.max(x, axis=(1, 2), keepdims=True)
        scale = 255.0 / (high - low)
        stretched = x * scale + -low * scale
        # A scale without end, of values that are all the same; asked before Clip may hide it.
        flat = ops.isnan(stretched)
        result = rescale(ops.clip(stretched, 0.0, 255.0), (0, 255), self.value_range, dtype)
        return ops.where(flat, images, result)
