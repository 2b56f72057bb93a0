"""Conversion and the like (`keras.ops.core`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, op
from portable_layers.tensor import KerasTensor, Tensor


@op("core.Cast", "x")
def cast(x: Any, dtype: Any) -> Any:
    """x in another dtype."""
    return _with_mask(x, cast_to(x, dtypes.standardize(dtype)))


@op("core.ConvertToTensor", "x")
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """x as a tensor, in this dtype where one is given."""
    tensor = convert(x)
    return tensor if dtype is None else _with_mask(x, cast_to(tensor, dtypes.standardize(dtype)))


def convert_to_numpy(x: Any) -> np.ndarray:
    """An array of something that has a value."""
    return np.asarray(x)


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor, symbolic or with a value."""
    return isinstance(x, Tensor | np.ndarray)


def is_keras_tensor(x: Any) -> bool:
    """Whether x is a tensor of a functional model."""
    return isinstance(x, KerasTensor)


@op("core.StopGradient", "variable")
def stop_gradient(variable: Any) -> Any:
    """x itself: there are no gradients at inference."""
    return convert(variable)


def dtype(x: Any) -> str:
    """The Keras name of the dtype of anything that has one."""
    return dtypes.standardize(x.dtype)


def _with_mask(source: Any, tensor: Tensor) -> Tensor:
    if isinstance(source, Tensor) and source is not tensor:
        tensor._keras_mask = source._keras_mask
    return tensor
