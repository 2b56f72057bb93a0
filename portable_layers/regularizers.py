"""Every regularizer of `keras.regularizers`: a penalty on a weight or an output, added to the loss.

Definition: `keras/src/regularizers/regularizers.py` of Keras 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from portable_layers.arrays import as_array, is_float
from portable_layers.serialization import Configurable, deserialize_object, get_object, serialize_object


class Regularizer(Configurable):
    """A function from an array to a scalar; the base class penalizes nothing."""

    keras_module = "keras.regularizers"

    def __call__(self, x: Any) -> Any:
        """The penalty of `x`, a NumPy scalar of its dtype.

        Raises:
            ValueError: `x` is not floating.
        """
        return 0.0


class L1(Regularizer):
    """`l1 * sum(abs(x))`. Keras keeps the factor in float32, and so does the config."""

    def __init__(self, l1: float | None = 0.01):
        super().__init__()
        self.l1 = np.float32(_checked_factor(0.01 if l1 is None else l1, "l1"))

    def __call__(self, x: Any) -> Any:
        return _absolute(float(self.l1), _floats(x))


class L2(Regularizer):
    """`l2 * sum(square(x))`."""

    def __init__(self, l2: float | None = 0.01):
        super().__init__()
        self.l2 = _checked_factor(0.01 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> Any:
        return _square(self.l2, _floats(x))


class L1L2(Regularizer):
    """`l1 * sum(abs(x)) + l2 * sum(square(x))`; both factors are 0 unless given."""

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        super().__init__()
        self.l1 = _checked_factor(0.0 if l1 is None else l1, "l1")
        self.l2 = _checked_factor(0.0 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> Any:
        x = _floats(x)
        penalty = x.dtype.type(0)
        if self.l1 != 0.0:
            penalty += _absolute(self.l1, x)
        if self.l2 != 0.0:
            penalty += _square(self.l2, x)
        return penalty


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean absolute cosine between the rows (or columns) of a matrix.

    Input shape: `(rows, columns)`, two of those that are compared or more.

    Args:
        factor: a non-negative number, kept in float32 as in Keras.
        mode: `"rows"` or `"columns"`.

    Raises:
        ValueError: another factor or mode; on call, an array that is not such a matrix.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        super().__init__()
        self.factor = np.float32(_checked_factor(factor, "factor"))
        if mode not in ("rows", "columns"):
            raise ValueError(f"Argument `mode` must be rows or columns. Received: mode={mode}")
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        x = _floats(x)
        if x.ndim != 2:
            raise ValueError(f"Inputs to OrthogonalRegularizer must have rank 2. Received: shape={x.shape}")
        vectors = x if self.mode == "rows" else x.T
        count = len(vectors)
        if count < 2:
            raise ValueError(
                f"There is one vector in {self.mode}, no pair to compare. Received: shape={x.shape}"
            )
        wide = vectors.astype(np.promote_types(x.dtype, np.float32))
        length = np.sqrt(np.sum(np.square(wide), axis=1, keepdims=True))
        unit = wide / np.maximum(length, wide.dtype.type(1e-7))
        cosines = np.abs(unit @ unit.T)
        np.fill_diagonal(cosines, 0)
        mean = np.sum(cosines) / wide.dtype.type(count * (count - 1))
        return x.dtype.type(wide.dtype.type(self.factor) * mean)


def _floats(x: Any) -> np.ndarray:
    x = as_array(x)
    if not is_float(x.dtype):
        raise ValueError(f"A regularizer takes a floating array. Received: dtype={x.dtype}")
    return x


def _absolute(factor: float, x: np.ndarray) -> Any:
    return _scaled_sum(factor, np.abs(x))


def _square(factor: float, x: np.ndarray) -> Any:
    return _scaled_sum(factor, np.square(x))


def _scaled_sum(factor: float, x: np.ndarray) -> Any:
    """Rounded where Keras rounds: the factor by way of float32, the sum once at its end."""
    total = np.sum(x, dtype=np.promote_types(x.dtype, np.float32))
    return x.dtype.type(np.float32(factor)) * x.dtype.type(total)


def _checked_factor(value: Any, name: str) -> float:
    if not isinstance(value, float | int) or not math.isfinite(value) or value < 0:
        raise ValueError(
            f"Argument `{name}` must be a finite non-negative number. Received: {name}={value!r}"
        )
    return float(value)


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

CLASSES: dict[str, type[Regularizer]] = {
    name: value for name, value in globals().items() if name in __all__ and isinstance(value, type)
} | {"l1l2": L1L2, "regularizer": Regularizer}
"""Every name that a config or a `get` may use."""


def serialize(regularizer: Any) -> Any:
    """The config of a regularizer, in Keras's format."""
    return serialize_object(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """The regularizer of a config or name; `custom_objects` adds names to look up.

    Raises:
        SerializationError: an unknown name or a config that the class does not take.
    """
    return deserialize_object(config, {**CLASSES, **(custom_objects or {})}, "regularizer")


def get(identifier: Any) -> Any:
    """The regularizer that a name, config, class or function means; None stays None.

    Raises:
        SerializationError: anything else.
    """
    return get_object(identifier, CLASSES, "regularizer")
