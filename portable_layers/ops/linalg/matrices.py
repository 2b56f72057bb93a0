"""What the functions of this package share: checked operands and stacks of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.dims import Size, product
from portable_layers.ops.dispatch import graph
from portable_layers.ops.elementwise import as_float
from portable_layers.ops.reduction import positions
from portable_layers.ops.shaping import expand_dims, reshape
from portable_layers.tensor import Tensor


def matrices(name: str, x: Any, square: bool = True) -> Tensor:
    """x as floating point.

    Raises:
        ValueError: for a tensor of rank below 2, or matrices that are not square.
    """
    tensor = as_float(x)
    if tensor.ndim < 2:
        raise ValueError(f"{name} needs a tensor of rank 2 or more. Received: {tensor!r}")
    rows, columns = tensor.shape[-2:]
    if not square or rows == columns:
        return tensor
    if isinstance(rows, int) and isinstance(columns, int):
        raise ValueError(f"{name} needs square matrices. Received: {tensor!r}")
    # Two sizes that only the run tells are one, or it is no matrix for this function.
    size = rows if isinstance(rows, int) else columns
    return graph().add("Identity", tensor, shape=(*tensor.shape[:-2], size, size))


def stacked(x: Tensor) -> Tensor:
    """`(..., m, n)` as `(batch, m, n)`."""
    return reshape(x, (product(x.shape[:-2]), *x.shape[-2:]))


def identity_like(x: Tensor) -> Tensor:
    """The unit matrix of the size of the last axis, `(1, n, n)`, as booleans."""
    numbers = positions(x.shape[-1])
    return expand_dims(graph().add("Equal", expand_dims(numbers, 1), expand_dims(numbers, 0)), 0)


def row(x: Tensor, number: Tensor) -> Tensor:
    """Row `number` of each matrix, `(batch, n)`."""
    return graph().add("Gather", x, number, axis=1)


def column(x: Tensor, number: Tensor) -> Tensor:
    """Column `number` of each matrix, `(batch, m)`."""
    return graph().add("Gather", x, number, axis=2)


def count_of(size: Size) -> Any:
    """A size as the number of turns of a loop."""
    if isinstance(size, int):
        return size
    return graph().add("Squeeze", graph().size(size), np.array([0], np.int64))
