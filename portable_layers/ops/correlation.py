"""Correlation (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.indexing import gather
from portable_layers.ops.padding import pad
from portable_layers.ops.reduction import positions, reduce
from portable_layers.ops.shaping import expand_dims, swapaxes
from portable_layers.tensor import Tensor


@op("numpy.Corrcoef", "x")
def corrcoef(x: Any) -> Any:
    """Pearson's correlation of each row with each other one."""
    x = as_float(x)
    g = graph()
    if x.ndim == 0:
        return g.constant(np.asarray(np.nan, np.float32))
    centred = g.add("Sub", x, reduce("ReduceMean", x, -1, True))
    if x.ndim == 1:
        raise ValueError(f"corrcoef needs rows, a tensor of rank 2 or more. Received: {x!r}")
    count = cast_to(g.shape_tensor([x.shape[-1]]), x.dtype)
    covariance = g.add(
        "Div", g.add("MatMul", centred, swapaxes(centred, -1, -2)), g.add("Sub", count, scalar(1, x))
    )
    square = g.add(
        "Div", reduce("ReduceSum", g.add("Mul", centred, centred), -1), g.add("Sub", count, scalar(1, x))
    )
    deviation = g.add("Sqrt", square)
    both = g.add("Mul", expand_dims(deviation, -1), expand_dims(deviation, -2))
    return g.add("Clip", g.add("Div", covariance, both), scalar(-1, x), scalar(1, x))


@op("numpy.Correlate", "x1", "x2")
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """The sum products of x2 with x1 at each shift between them.

    Args:
        x1, x2: vectors.
        mode: `valid` where they overlap wholly, `full` where they overlap at all, `same` the middle
            of it, as long as the longer vector.

    Raises:
        ValueError: for another mode, or tensors that are no vectors of known length.
    """
    a, b = convert(x1), convert(x2)
    dtype = dtypes.result_type(a.dtype, b.dtype)
    if dtype == "int64":
        dtype = "float64"
    elif dtype not in ("bfloat16", "float16", "float64"):
        dtype = "float32"
    a, b = cast_to(a, dtype), cast_to(b, dtype)
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"mode must be 'valid', 'same' or 'full'. Received: {mode!r}")
    if a.ndim != 1 or b.ndim != 1 or not isinstance(b.shape[0], int):
        raise ValueError(f"correlate needs vectors, the second of known length. Received: {a!r} and {b!r}")
    long, short = a.shape[0], b.shape[0]
    if mode != "valid":
        a = pad(a, [(short - 1, short - 1)])
    count: Any = a.shape[0] - short + 1
    start: Any = 0
    if mode == "same":
        if not isinstance(long, int):
            raise ValueError(f"correlate with mode='same' needs vectors of known length. Received: {x1!r}")
        start, count = (count - max(long, short)) // 2, max(long, short)
    return graph().add("MatMul", _shifts(a, start, count, short), b)


def _shifts(x: Tensor, start: int, count: Any, width: int) -> Tensor:
    """`(count, width)`: the elements from each place on."""
    g = graph()
    rows = g.add("Add", expand_dims(positions(count), 1), np.arange(start, start + width))
    return gather(x, 0, rows)
