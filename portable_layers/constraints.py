"""Every constraint of `keras.constraints`: a projection of a weight after each training step.

Definition: `keras/src/constraints/constraints.py` of Keras 3. Norms are taken along `axis` (an integer
or several); integer arrays are computed in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from portable_layers.arrays import as_array, is_float
from portable_layers.serialization import Configurable, deserialize_object, get_object, serialize_object

EPSILON = 1e-7
"""`keras.config.epsilon()`, added to norms that are divided by."""


class Constraint(Configurable):
    """A function from a weight to a weight of the same shape; the base class changes nothing."""

    keras_module = "keras.constraints"

    def __call__(self, w: Any) -> Any:
        """The projected weight, an array of the shape of `w`."""
        return w


class MaxNorm(Constraint):
    """Shrinks vectors that are longer than `max_value` to that length.

    Args:
        max_value: the greatest norm.
        axis: the axes of one vector: 0 for a Dense kernel, `[0, 1, 2]` for a Conv2D kernel.
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0):
        super().__init__()
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> np.ndarray:
        w = _floats(w)
        norms = _norms(w, self.axis)
        return w * (_clip(norms, 0, self.max_value) / (norms + w.dtype.type(EPSILON)))


class NonNeg(Constraint):
    """Sets negative values to zero; keeps the dtype."""

    def __call__(self, w: Any) -> np.ndarray:
        w = as_array(w)
        return np.maximum(w, w.dtype.type(0))


class UnitNorm(Constraint):
    """Scales vectors to length 1.

    Args:
        axis: the axes of one vector: 0 for a Dense kernel, `[0, 1, 2]` for a Conv2D kernel.
    """

    def __init__(self, axis: int | Sequence[int] = 0):
        super().__init__()
        self.axis = axis

    def __call__(self, w: Any) -> np.ndarray:
        w = _floats(w)
        return w / (_norms(w, self.axis) + w.dtype.type(EPSILON))


class MinMaxNorm(Constraint):
    """Moves the lengths of vectors towards `[min_value, max_value]`.

    Args:
        min_value: the smallest norm.
        max_value: the greatest norm.
        rate: the part of the way that one call goes; 1 puts the norm inside at once.
        axis: the axes of one vector: 0 for a Dense kernel, `[0, 1, 2]` for a Conv2D kernel.
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ):
        super().__init__()
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> np.ndarray:
        w = _floats(w)
        number = w.dtype.type
        norms = _norms(w, self.axis)
        inside = _clip(norms, self.min_value, self.max_value)
        desired = inside * number(self.rate) + norms * number(1 - self.rate)
        return w * (desired / (norms + number(EPSILON)))


def _floats(w: Any) -> np.ndarray:
    w = as_array(w)
    return w if is_float(w.dtype) else w.astype(np.float32)


def _norms(w: np.ndarray, axis: int | Sequence[int]) -> np.ndarray:
    """Euclidean norms, the reduced axes kept with length 1."""
    axes = axis if isinstance(axis, int) else tuple(axis)
    wide = np.promote_types(w.dtype, np.float32)
    return np.sqrt(np.sum(np.square(w), axis=axes, keepdims=True, dtype=wide).astype(w.dtype))


def _clip(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.minimum(np.maximum(x, x.dtype.type(low)), x.dtype.type(high))


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

CLASSES: dict[str, type[Constraint]] = {
    name: value for name, value in globals().items() if name in __all__ and isinstance(value, type)
} | {"constraint": Constraint}
"""Every name that a config or a `get` may use."""


def serialize(constraint: Any) -> Any:
    """The config of a constraint, in Keras's format."""
    return serialize_object(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """The constraint of a config or name; `custom_objects` adds names to look up.

    Raises:
        SerializationError: an unknown name or a config that the class does not take.
    """
    return deserialize_object(config, {**CLASSES, **(custom_objects or {})}, "constraint")


def get(identifier: Any) -> Any:
    """The constraint that a name, config, class or function means; None stays None.

    Raises:
        SerializationError: anything else.
    """
    return get_object(identifier, CLASSES, "constraint")
