"""ReLU: the rectified linear unit with its three parameters."""

from __future__ import annotations

from typing import Any

from portable_layers import activations
from portable_layers.cases import Array, case
from portable_layers.layer import Layer


class ReLU(Layer):
    """`max_value` above it, x down to `threshold`, `negative_slope * (x - threshold)` below.

    Input shape:  any
    Output shape: the same
    """

    cases = (
        case((3, 4), ops="Relu", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((4,), max_value=1.0, ops="Clip"),
        case((4,), negative_slope=0.25, ops="LeakyRelu"),
        case((4,), threshold=0.5, ops="Greater Where"),
        case(
            (4,),
            negative_slope=0.1,
            max_value=1.5,
            threshold=0.5,
            ops="Neg Add Relu Greater Where Clip Mul Sub",
        ),
        case(Array((4,), dtype="int32", low=-9, high=9), ops="Cast Max Cast"),
        case((), ops="Relu"),
    )

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        for name, value in (("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None or value < 0:
                raise ValueError(f"{name} must be a number of at least 0. Received: {name}={value!r}")
        if max_value is not None and max_value < 0:
            raise ValueError(f"max_value must be None or at least 0. Received: max_value={max_value!r}")
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)
