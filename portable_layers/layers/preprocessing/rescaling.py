"""Rescaling: values multiplied and shifted."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes, ops
from portable_layers.cases import Array, case
from portable_layers.layer import Layer


class Rescaling(Layer):
    """`x * scale + offset` in the layer's compute dtype, whatever the input's dtype.

    Args:
        scale, offset: numbers, or arrays that broadcast with the input.

    Input shape:  any
    Output shape: that of the input
    """

    cases = (
        case((5, 4, 3), scale=1 / 127.5, offset=-1, ops="Mul Add", dtypes=("float16", "mixed_float16")),
        case(Array((5, 4, 3), "uint8", 0, 256), scale=1 / 255, ops="Cast Mul"),
        case((5, 3), scale=[0.5, 1.0, 2.0], offset=[1.0, 0.0, -1.0], ops="Mul Add"),
        case((5, 3), scale=1.0, offset=2, ops="Mul Add"),
    )

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        dtype = dtypes.to_numpy(self.compute_dtype)
        scale, offset = (np.asarray(v).astype(dtype) for v in (self.scale, self.offset))
        x = ops.cast(inputs, self.compute_dtype) * scale
        return x + offset if offset.any() else x
