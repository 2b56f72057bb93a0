"""portable-layers: every Keras layer defined once as an ONNX graph builder.

The public names are loaded when they are first used: the engine and the command line import
`portable_layers.errors` and must not wait for the graph builder to load.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
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

# Where the names live that are not submodules.
_HOMES = {
    "DTypePolicy": "dtype_policies",
    "Graph": "graph",
    "Input": "layers.core.input_layer",
    "Layer": "layer",
    "Model": "model",
    "Sequential": "model",
    "Variable": "variable",
    "register": "registry",
}


def __getattr__(name: str) -> typing.Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES.get(name, name)}")
    value = getattr(module, name) if name in _HOMES else module
    globals()[name] = value  # the next use does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
