"""Every initializer of `keras.initializers`, as a function from shape and dtype to a NumPy array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from portable_layers.arrays import standardize_dtype, standardize_shape
from portable_layers.initializers.constant_initializers import Constant, Identity, Ones, Zeros
from portable_layers.initializers.initializer import Initializer
from portable_layers.initializers.random_initializers import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
from portable_layers.initializers.stft import STFT
from portable_layers.serialization import deserialize_object, get_object, serialize_object

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

CLASSES: dict[str, type[Initializer]] = {
    name: value for name, value in globals().items() if name in __all__ and isinstance(value, type)
} | {"initializer": Initializer, "normal": RandomNormal, "one": Ones, "uniform": RandomUniform, "zero": Zeros}
"""Every name that a config or a `get` may use, the short ones that are no attributes included."""


def serialize(initializer: Any) -> Any:
    """The config of an initializer, in Keras's format."""
    return serialize_object(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """The initializer of a config or name; `custom_objects` adds names to look up.

    Raises:
        SerializationError: an unknown name or a config that the class does not take.
    """
    return deserialize_object(config, {**CLASSES, **(custom_objects or {})}, "initializer")


def get(identifier: Any) -> Any:
    """The initializer that `identifier` means; None stays None.

    Args:
        identifier: a name, a config, a class, a function of `(shape, dtype=None)`, or an array, which
            gives itself for its own shape.

    Raises:
        SerializationError: anything else.
    """
    if isinstance(identifier, np.ndarray | np.generic):
        return _FixedArray(np.asarray(identifier))
    return get_object(identifier, CLASSES, "initializer")


class _FixedArray:
    """An array as the initializer of a weight of its shape."""

    def __init__(self, array: np.ndarray):
        self.array = array

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if standardize_shape(shape) != self.array.shape:
            raise ValueError(
                f"Expected `shape` to be {self.array.shape} for direct tensor as initializer. "
                f"Received: shape={shape}"
            )
        return self.array.astype(standardize_dtype(dtype))
