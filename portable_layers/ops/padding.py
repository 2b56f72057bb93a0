"""Elements added around a tensor (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.joining import join
from portable_layers.ops.shaping import listed
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor

# What ONNX Runtime pads in place of a dtype that it has no kernel for.
_STAND_INS = {"bool": "uint8", "int16": "int32", "uint16": "int32"}


@op("numpy.Pad", "x", keywords=("constant_values",))
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """x with elements added around.

    Args:
        pad_width: how many before and after, for all axes or as one pair an axis.
        mode: `constant`, `reflect`, `symmetric`; also ONNX's `edge` and `wrap`.
        constant_values: what is added in mode `constant`, 0 by default.

    Raises:
        ValueError: for widths that do not fit the axes, or a value in another mode.
    """
    x = convert(x)
    widths = _pad_widths(pad_width, x.ndim)
    mode = mode.lower()
    if constant_values is not None and mode != "constant":
        raise ValueError(f"constant_values goes with mode='constant'. Received: mode={mode!r}")
    if not any(a or b for a, b in widths):
        return x
    if mode == "symmetric":
        return _pad_symmetric(x, widths)
    wanted = tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True))
    kind = _STAND_INS.get(x.dtype, x.dtype)
    value = None
    if constant_values is not None and not (
        isinstance(constant_values, int | float) and constant_values == 0
    ):
        value = cast_to(cast_to(constant_values, x.dtype), kind)
    padded = graph().add(
        "Pad",
        cast_to(x, kind),
        np.array([w[0] for w in widths] + [w[1] for w in widths], np.int64),
        value,
        mode=None if mode == "constant" else mode,
        shape=wanted,
    )
    return cast_to(padded, x.dtype)


def _pad_widths(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    rows = listed(pad_width)
    if all(isinstance(n, int | np.integer) for n in rows):
        rows = [rows * 2 if len(rows) == 1 else rows]
    pairs = [tuple(int(n) for n in listed(row)) for row in rows]
    pairs = [p * 2 if len(p) == 1 else p for p in pairs]
    if len(pairs) == 1:
        pairs *= rank
    if len(pairs) != rank or any(len(p) != 2 for p in pairs):
        raise ValueError(f"pad_width must be a pair for each of {rank} axes. Received: {pad_width}")
    return [(a, b) for a, b in pairs]


def _pad_symmetric(x: Tensor, widths: list[tuple[int, int]]) -> Tensor:
    for axis, (before, after) in enumerate(widths):
        parts = [x]
        if before:
            parts.insert(0, slice_axis(slice_axis(x, axis, 0, before), axis, None, None, -1))
        if after:
            parts.append(slice_axis(slice_axis(x, axis, -after, None), axis, None, None, -1))
        x = join(parts, axis)
    return x
