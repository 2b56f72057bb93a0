"""Categories as vectors: what all layers that give category numbers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.ops.encoding import one_hot
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import expand_dims, reshape
from portable_layers.tensor import Tensor

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count")
# Names of modes in configs of Keras 2.
_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def checked_output_mode(mode: Any, modes: Sequence[str] = OUTPUT_MODES) -> str:
    """An output mode by its name of today.

    Raises:
        ValueError: for one that is not among `modes`.
    """
    mode = _OLD_MODES.get(mode, mode)
    if mode not in modes:
        raise ValueError(f"output_mode must be one of {', '.join(modes)}. Received: output_mode={mode!r}")
    return mode


def check_sparse(sparse: bool, mode: str) -> None:
    """Keras's rule on `sparse`.

    Raises:
        ValueError: for sparse category numbers.
    """
    if sparse and mode == "int":
        raise ValueError(
            f"sparse may only be True where output_mode is not int. Received: sparse={sparse}, "
            f"output_mode={mode!r}"
        )


def sparse_reason(sparse: bool) -> str | None:
    """Why a layer that gives sparse tensors cannot be exported; None for one that does not."""
    if not sparse:
        return None
    return "sparse=True gives sparse tensors, which ONNX models do not have; make the layer with sparse=False"


def encode(x: Tensor, mode: str, depth: int, dtype: str, weights: Tensor | None = None) -> Tensor:
    """Category numbers as they are, or as vectors; numbers outside of `[0, depth)` count for nothing.

    Args:
        x: integers of any shape; the last axis of rank 1 and 2, and axis 1 of more, holds the sample
            that `multi_hot` and `count` put together.
        mode: one of `OUTPUT_MODES`.
        depth: the number of categories.
        dtype: of the output.
        weights: what each number counts (mode `count`), in the shape of x.

    Output shape: that of x (`int`), x's with `depth` in place of the sample's axis, or behind it
        (`one_hot`, where the last axis is not 1).
    """
    if mode == "int":
        return cast_to(x, dtype)
    x = cast_to(x, "int64")
    if x.ndim == 0:
        x = expand_dims(x, -1)
    if mode == "one_hot":
        if x.ndim > 1 and x.shape[-1] == 1:
            return cast_to(graph().add("Equal", x, np.arange(depth)), dtype)
        return one_hot(x, depth, dtype=dtype)
    if x.ndim <= 2:
        counts = _counts(x, depth, weights)
    else:
        marks = one_hot(x, depth, dtype="float32")
        if weights is not None:
            marks = graph().add("Mul", marks, expand_dims(cast_to(weights, "float32"), -1))
        counts = reduce("ReduceSum", marks, 1)
    if mode == "multi_hot":
        counts = graph().add("Greater", counts, np.asarray(0, np.float32))
    return cast_to(counts, dtype)


def _counts(x: Tensor, depth: int, weights: Tensor | None) -> Tensor:
    """How often each category occurs along the last axis, as float32: added up in place.

    A table of all marks would have `depth` numbers for every element of x.
    """
    g = graph()
    zero, end = np.asarray(0, np.int64), np.asarray(depth, np.int64)
    known = g.add("And", g.add("GreaterOrEqual", x, zero), g.add("Less", x, end))
    # What is no category goes into one more column, which is cut off.
    place = g.add("Where", known, x, end)
    shape = g.shape_tensor([*x.shape[:-1], depth + 1])
    none = g.add("Expand", np.asarray(0, np.float32), shape, shape=(*x.shape[:-1], depth + 1))
    if weights is None:
        ones: Tensor = g.add("Expand", np.asarray(1, np.float32), g.shape_tensor(x.shape), shape=x.shape)
    else:
        ones = reshape(cast_to(weights, "float32"), x.shape)
    counts = g.add("ScatterElements", none, place, ones, axis=-1, reduction="add")
    first, last, axis = (np.array([n], np.int64) for n in (0, depth, x.ndim - 1))
    return g.add("Slice", counts, first, last, axis, shape=(*x.shape[:-1], depth))
