"""Classes as vectors (`keras.ops.nn`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axis, op
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import expand_dims
from portable_layers.tensor import Tensor


@op("nn.OneHot", "x")
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """1 at the place of each class along a new axis, 0 elsewhere; all 0 for a class that is none.

    Raises:
        ValueError: for a sparse result, which ONNX has no tensors for.
    """
    _check_dense("one_hot", sparse)
    return cast_to(_marks(convert(x), num_classes, axis), dtypes.standardize(dtype or "float32"))


@op("nn.MultiHot", "inputs")
def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
) -> Any:
    """1 at the place of each class that occurs in a sample, 0 elsewhere.

    Args:
        inputs: `(batch, n)`, or one sample.

    Raises:
        ValueError: without a number of classes, or for a sparse result.
    """
    _check_dense("multi_hot", sparse)
    if num_classes is None:
        raise ValueError("multi_hot needs num_classes. Received: None")
    x = convert(inputs)
    marks = _marks(x, num_classes, axis)
    found = reduce("ReduceMax", marks, 1 if x.ndim > 1 else 0)
    return cast_to(found, dtypes.standardize(dtype or "float32"))


def _marks(x: Tensor, classes: int, axis: int) -> Tensor:
    place = normalize_axis(axis, x.ndim + 1)
    row = np.arange(classes).reshape([-1 if i == place else 1 for i in range(x.ndim + 1)])
    # ONNX's OneHot would count negative classes from the end.
    return graph().add("Equal", expand_dims(cast_to(x, "int64"), place), row)


def _check_dense(name: str, sparse: bool) -> None:
    if sparse:
        raise ValueError(f"{name} gives dense tensors only. Received: sparse={sparse}")
