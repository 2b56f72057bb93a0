"""The exceptions of portable-layers.

::

    PortableLayersError
    ├── GraphError               a node that ONNX would not accept; raised where the node is made
    ├── UnsupportedLayerError    layers that cannot be exported, all of them, each with its path
    ├── SerializationError       a config that is not what its class expects
    ├── ArchiveError             a missing, truncated, foreign or unsafe model file
    ├── WeightsError             a weight store that lacks a variable or holds one of another shape
    ├── InputError               inputs that the model does not take (also a ValueError)
    ├── ProviderError            an execution provider that cannot be used here, with the fix
    ├── InferenceError           a model that its runtime refuses to load, or that fails while it runs
    └── MissingDependencyError   an optional package that is not installed, with the extra to install

Every message says what was received and what was expected. The command line prints them as one
line on standard error and exits with code 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PortableLayersError(Exception):
    """Root of all errors that this project raises on purpose."""


class GraphError(PortableLayersError, ValueError):
    """A node that ONNX would not accept, found while the graph is being built."""


class SerializationError(PortableLayersError, ValueError):
    """A serialized object (layer, initializer, model, ...) that does not fit its class."""


class ArchiveError(PortableLayersError, ValueError):
    """A model file that is missing, truncated, of another kind, or unsafe to read."""


class WeightsError(PortableLayersError, ValueError):
    """A weight store that does not match the variables of the model."""


class InputError(PortableLayersError, ValueError):
    """Inputs whose names, dtypes or shapes the model does not take."""


class ProviderError(PortableLayersError, RuntimeError):
    """An execution provider that was asked for by name and cannot be used on this machine."""


class InferenceError(PortableLayersError, RuntimeError):
    """A model that its runtime refuses to load, that fails while it runs, or whose engine is closed."""


class MissingDependencyError(PortableLayersError, ImportError):
    """An optional dependency that is not installed.

    Args:
        package: the distribution that is missing, e.g. `onnxruntime`.
        extra: the extra of `portable-layers` that brings it, e.g. `cpu`.
        purpose: what it was needed for.
    """

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs {package}, which is not installed. "
            f"Install it with: pip install 'portable-layers[{extra}]'"
        )
        self.package, self.extra = package, extra


@dataclass(frozen=True)
class UnsupportedLayer:
    """One layer that cannot be exported: where it is, what it is, why, and what to do."""

    path: str
    class_name: str
    reason: str = "no portable layer is registered under this name"


class UnsupportedLayerError(PortableLayersError, NotImplementedError):
    """Lists every layer of a model that cannot be exported.

    Args:
        layers: the offending layers, in the model's order.
    """

    def __init__(self, layers: Sequence[UnsupportedLayer]):
        self.layers = tuple(layers)
        listed = "; ".join(f"{x.path or '(model)'} ({x.class_name}: {x.reason})" for x in self.layers)
        count = f"{len(self.layers)} layer{'s' if len(self.layers) > 1 else ''}"
        super().__init__(
            f"{count} cannot be exported: {listed}. "
            "Define the class as a portable_layers.Layer and register it under that name "
            "with portable_layers.register."
        )
