"""Layers as configs in Keras's form, and back (`keras.layers.serialize`, `keras.layers.deserialize`)."""

from __future__ import annotations

from typing import Any

from portable_layers.operation import Operation
from portable_layers.serialization import serialize_object


def serialize(layer: Operation) -> Any:
    """Keras's config of a layer."""
    return serialize_object(layer)


def deserialize(config: Any) -> Operation:
    """The layer of a config; a class is looked up among the registered ones, never imported.

    Raises:
        SerializationError: for an unknown class, or a config that the class does not take.
    """
    from portable_layers.model import make_operation  # models are layers too

    return make_operation(config)
