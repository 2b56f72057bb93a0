"""RepeatVector: a vector as a sequence of itself."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec, Layer


class RepeatVector(Layer):
    """The input n times along a new axis.

    Input shape:  `(batch, features)`
    Output shape: `(batch, n, features)`
    """

    cases = (
        case((4,), n=3, ops="Unsqueeze Tile", dtypes=("float16", "bfloat16", "float64")),
        case((4,), n=1, ops="Unsqueeze"),
        case(Array((None,), sizes=(5,)), n=2, ops="Unsqueeze Tile"),
    )

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"n must be a positive integer. Received: n={n!r}")
        if n <= 0:
            raise ValueError(f"n must be a positive integer. Received: n={n!r}")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return ops.tile(ops.expand_dims(inputs, 1), (1, self.n, 1))
