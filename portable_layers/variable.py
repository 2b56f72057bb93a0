"""Variables: the weights of layers. The value is made when it is first looked at, never before."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from portable_layers import dtypes
from portable_layers.errors import WeightsError
from portable_layers.scope import auto_name, current_path
from portable_layers.tensor import Operators

if TYPE_CHECKING:
    from portable_layers.packing import Source  # noqa: F401 - Variable is one

_versions = itertools.count()


class Variable(Operators):
    """A weight with a name, a path, a shape, a dtype and a value (a NumPy array).

    Args:
        initializer: an array, or a callable of `(shape, dtype=)` that is called when the value is
            first needed (a model that is loaded from a file never draws its random weights).
        shape: a tuple of ints; taken from the array when an array is given.
        dtype: Keras dtype name.
        trainable: whether it counts among the trainable weights.
        autocast: whether a layer with a mixed policy casts it to its compute dtype.
        name: the last part of its path.

    Raises:
        WeightsError: for a shape with an unknown size.
    """

    __hash__ = object.__hash__

    def __init__(
        self,
        initializer: Callable[..., Any] | Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        name: str | None = None,
    ):
        self.name = name or auto_name(type(self).__name__)
        parent = current_path()
        self.path = f"{parent}/{self.name}" if parent else self.name
        self.trainable, self.autocast = trainable, autocast
        self.regularizer: Any = None
        self.constraint: Any = None
        self._value: np.ndarray | None = None
        self._make: Callable[[], np.ndarray] | None = None
        self.version = next(_versions)
        if callable(initializer):
            if shape is None or any(not isinstance(n, int | np.integer) for n in shape):
                raise WeightsError(f"variable {self.path} needs a shape of known sizes. Received: {shape}")
            self.dtype = dtypes.standardize(dtype or "float32")
            self.shape = tuple(int(n) for n in shape)
            self._make = lambda: initializer(self.shape, dtype=self.dtype)
        else:
            value = np.asarray(initializer)
            self.dtype = dtypes.standardize(dtype if dtype is not None else value.dtype)
            self._value = value.astype(dtypes.to_numpy(self.dtype), copy=False)
            self.shape = value.shape

    def numpy(self) -> np.ndarray:
        """The value, not copied: treat it as read-only and use `assign` to change it."""
        if self._value is None:
            assert self._make is not None
            value = np.asarray(self._make())
            self._value = value.astype(dtypes.to_numpy(self.dtype), copy=False).reshape(self.shape)
            self._make = None
        return self._value

    @property
    def value(self) -> np.ndarray:
        return self.numpy()

    def assign(self, value: Any) -> None:
        """Give it another value.

        Raises:
            WeightsError: for a value of another shape.
        """
        value = np.asarray(value)
        if value.shape != self.shape:
            raise WeightsError(
                f"variable {self.path} has shape {self.shape}. Received a value of shape {value.shape}"
            )
        self._value = value.astype(dtypes.to_numpy(self.dtype), copy=False)
        self._make = None
        self.version = next(_versions)

    def assign_lazily(self, read: Callable[[], np.ndarray]) -> None:
        """Give it a value that is read when it is first needed (a weight in a file)."""
        self._value, self._make = None, read
        self.version = next(_versions)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype) if copy or dtype is not None else self.numpy()

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"
