"""The base class of initializers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from portable_layers.serialization import Configurable


class Initializer(Configurable):
    """Makes the first value of a weight; `keras.initializers.Initializer`.

    A subclass implements `__call__(shape, dtype=None)`. Its constructor's arguments are its config.
    """

    keras_module = "keras.initializers"

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """An array of `shape` and `dtype` (None: float32).

        Raises:
            ValueError: a shape or dtype that the initializer cannot fill.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(shape, dtype=None)")

    def clone(self) -> Self:
        """A new initializer of the same config."""
        return self.from_config(self.get_config())
