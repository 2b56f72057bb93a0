"""Wrapper: a layer around another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from portable_layers.layer import Layer


class Wrapper(Layer):
    """What layers share that hold another layer in `layer`; not of use by itself.

    Args:
        layer: the layer inside.
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ValueError(f"{type(self).__name__} takes a layer. Received: layer={layer!r}")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        from portable_layers.model import make_inner_layer  # models are layers too

        return super().from_config({**config, "layer": make_inner_layer(config["layer"])})
