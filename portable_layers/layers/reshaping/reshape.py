"""Reshape: the same elements in another shape."""

from __future__ import annotations

import math
from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layer import Layer


class Reshape(Layer):
    """The elements of each sample in another shape; one size may be -1 (or None), it follows from the others.

    Input shape:  `(batch, ...)`
    Output shape: `(batch, *target_shape)`
    """

    cases = (
        case((2, 6), target_shape=(4, 3), ops="Reshape", dtypes=("float16", "bfloat16", "float64")),
        case((6, 4), target_shape=(-1, 8), ops="Reshape"),
        case((3,), target_shape=(1, 3, 1), ops="Reshape"),
        case((1,), target_shape=(), ops="Reshape"),
        case((2, 3), target_shape=(2, 3), ops="Identity"),
        case(Array((None, 4), sizes=(6,)), target_shape=(-1, 2), ops="Reshape"),
        case(Array((None, None), sizes=(2, 6)), target_shape=(None, 1), ops="Reshape"),
        case(Array((2, 6), dtype="int64", low=-9, high=9), target_shape=(-1,), ops="Reshape"),
    )

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        unknown = [n for n in self.target_shape if n is None or n == -1]
        if len(unknown) > 1 or any(
            n is not None and (not isinstance(n, int) or n < -1) for n in target_shape
        ):
            raise ValueError(
                "target_shape must be non-negative integers, of which one may be -1. "
                f"Received: target_shape={target_shape!r}"
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        batch, *sizes = inputs.shape
        target = [-1 if n is None else n for n in self.target_shape]
        if all(isinstance(n, int) for n in sizes):
            size, known = math.prod(sizes), math.prod(n for n in target if n != -1)
            if (size % known if known and -1 in target else size != known) or (-1 in target and not known):
                raise ValueError(
                    f"target_shape must have as many elements as the input, {size} a sample. "
                    f"Received: input shape {inputs.shape}, target_shape={self.target_shape}"
                )
            target = [size // known if n == -1 else n for n in target]
        return ops.reshape(inputs, (batch, *target))
