"""UnitNormalization: vectors of length 1."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import case
from portable_layers.layer import Layer

_OPS = "ReduceSumSquare Sqrt Reciprocal Min Mul"


class UnitNormalization(Layer):
    """The input over its Euclidean norm along `axis`.

    Input shape:  any
    Output shape: that of the input
    """

    cases = (
        case((4,), ops=_OPS, dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((3, 4, 2), axis=(1, -1), ops=_OPS),
        case((3, 4), axis=1, ops=_OPS),
    )

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axis, int | list | tuple):
            raise TypeError(f"axis must be an int or a list of ints. Received: axis={axis!r}")
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)
