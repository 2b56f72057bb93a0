"""portable-layers: every Keras layer defined once as an ONNX graph builder."""

from portable_layers import (
    activations,
    constraints,
    dtype_policies,
    errors,
    initializers,
    layers,
    ops,
    regularizers,
)
from portable_layers.dtype_policies import DTypePolicy
from portable_layers.graph import Graph
from portable_layers.layer import Layer
from portable_layers.layers.core.input_layer import Input
from portable_layers.model import Model, Sequential
from portable_layers.registry import register
from portable_layers.variable import Variable

__version__ = "0.1.0"

__all__ = [
    "DTypePolicy",
    "Graph",
    "Input",
    "Layer",
    "Model",
    "Sequential",
    "Variable",
    "activations",
    "constraints",
    "dtype_policies",
    "errors",
    "initializers",
    "layers",
    "ops",
    "register",
    "regularizers",
]
