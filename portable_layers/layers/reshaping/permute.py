"""Permute: the axes of each sample in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec, Layer


class Permute(Layer):
    """The axes in the order `dims`, counted from 1; the batch stays first.

    Input shape:  `(batch, ...)`
    Output shape: `(batch, ...)`, the i-th size is that of axis `dims[i]`
    """

    cases = (
        case((3, 4), dims=(2, 1), ops="Transpose", dtypes=("float16", "bfloat16", "float64")),
        case((3, 4, 5), dims=(3, 1, 2), ops="Transpose"),
        case((3, 4), dims=(1, 2), ops="Identity"),
        case(Array((None, 4, None), sizes=(3, 2)), dims=(2, 3, 1), ops="Transpose"),
    )

    def __init__(self, dims: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"dims must be 1, 2, ... in some order. Received: dims={dims!r}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))
