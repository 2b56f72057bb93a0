"""Cropping: the inverse of `pad`, for all axes at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from portable_layers.ops.dispatch import graph
from portable_layers.tensor import Tensor, shape_text


def crop(x: Tensor, amounts: Mapping[int, tuple[int, int]]) -> Tensor:
    """x without so many elements at the begin and end of some axes.

    Args:
        amounts: elements to drop before and after, by axis.

    Raises:
        ValueError: where nothing of an axis is left.
    """
    shape = list(x.shape)
    for axis, (before, after) in amounts.items():
        size = shape[axis]
        if isinstance(size, int) and before + after >= size:
            raise ValueError(
                f"cropping must leave something of axis {axis}. "
                f"Received: an input of shape {shape_text(x.shape)}, cropping {(before, after)} of that axis"
            )
        shape[axis] = size - before - after
    axes = [axis for axis, amount in amounts.items() if any(amount)]
    if not axes:
        return x
    # An end of the largest integer is the end of the axis.
    ends = [-amounts[a][1] if amounts[a][1] else np.iinfo(np.int64).max for a in axes]
    return graph().add(
        "Slice",
        x,
        np.array([amounts[a][0] for a in axes], np.int64),
        np.array(ends, np.int64),
        np.array(axes, np.int64),
        shape=tuple(shape),
    )
