"""RMSNormalization: elements over the root of their mean square."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layer import Layer


class RMSNormalization(Layer):
    """`x / sqrt(mean(x**2) + epsilon) * scale`, the mean over `axis`.

    As in Keras, `scale` (of the sizes along `axis`) is broadcast from the last axis on.

    Input shape:  any, with known sizes along `axis`
    Output shape: that of the input
    """

    cases = (
        case((4,), ops="RMSNormalization", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case(Array((None, 4, 3)), axis=(-2, -1), epsilon=1e-3, ops="RMSNormalization"),
        case((4, 4), axis=1, ops="Mul ReduceMean Add Sqrt Div Mul"),
    )

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        self.axis = sorted(self.axis) if isinstance(self.axis, list | tuple) else [self.axis]
        shape = tuple(input_shape[a] for a in self.axis)
        self.scale = self.add_weight(shape, "ones", name="scale")

    def call(self, x: Any) -> Any:
        return ops.rms_normalization(x, self.scale, self.axis, self.epsilon)
