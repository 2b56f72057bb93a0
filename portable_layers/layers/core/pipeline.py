"""Pipeline: layers one after the other, as one layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from portable_layers.errors import SerializationError
from portable_layers.layer import Layer
from portable_layers.serialization import serialize_object


class Pipeline(Layer):
    """Calls its layers one after the other; unlike `Sequential` it is no model.

    Input shape:  what the first layer takes
    Output shape: what the last layer gives
    """

    def __init__(self, layers: Any, name: str | None = None):
        super().__init__(name=name)
        self.layers = list(layers)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        # Each layer finds the mask on the tensor that the one before gave.
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None  # the masks are those that the layers gave

    def get_config(self) -> dict[str, Any]:
        return {"layers": serialize_object(self.layers), "name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        from portable_layers.model import make_inner_layer  # models are layers too

        layers = config.get("layers")
        if not isinstance(layers, list | tuple):
            raise SerializationError(f"the config of a Pipeline needs a list of layers. Received: {layers!r}")
        return cls([make_inner_layer(layer) for layer in layers], name=config.get("name"))
