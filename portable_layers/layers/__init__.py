"""The layers, named and behaving as in `keras.layers`."""

from portable_layers.input_spec import InputSpec
from portable_layers.layer import Layer
from portable_layers.layers.core.dense import Dense
from portable_layers.layers.core.input_layer import Input, InputLayer

__all__ = ["Dense", "Input", "InputLayer", "InputSpec", "Layer"]
