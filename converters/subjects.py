"""What can be compared: live Keras models, `.keras` files, portable models and ONNX files, run alike."""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from converters.from_keras import archived_model, from_keras
from converters.from_onnx import from_onnx
from converters.keras_archive import KerasArchive
from portable_layers import dtypes
from portable_layers.errors import ArchiveError, InputError, MissingDependencyError, PortableLayersError
from portable_layers.metadata import METADATA_KEY
from portable_layers.model import Model
from runtime.engine import InferenceEngine
from runtime.signature import TensorInfo

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")


class Subject(ABC):
    """A model that takes arrays by name and gives arrays in order.

    Attributes:
        label: what messages call it.
        inputs: what it takes.
        graph: a model whose functional graph can be followed (for the bounds of integers), or None.
    """

    label: str
    inputs: tuple[TensorInfo, ...]
    graph: Any = None

    @abstractmethod
    def run(self, feed: Mapping[str, np.ndarray]) -> tuple[list[str], list[np.ndarray]]:
        """The outputs' names and arrays, in the model's order."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what was loaded."""


def subject_of(source: Any, provider: Any = "cpu") -> Subject:
    """Make a model runnable.

    Args:
        source: a live Keras model, a portable model, or the path of a `.keras`, `.h5` or ONNX file.
        provider: what executes ONNX models; see `InferenceEngine`.

    Raises:
        ArchiveError: for a file that is missing, broken or unsafe, or of another kind.
        MissingDependencyError: where a `.keras` file is given and Keras is not installed.
        TypeError: for anything else.
    """
    if isinstance(source, Model):
        return OnnxSubject(source.to_onnx(), f"model {source.name}", provider, source)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.suffix in KERAS_SUFFIXES:
            return KerasSubject(load_keras(path), str(path))
        return OnnxSubject(path, str(path), provider)
    if hasattr(source, "SerializeToString"):
        return OnnxSubject(source, "the ONNX model", provider)
    if callable(source) and hasattr(source, "get_config"):
        return KerasSubject(source, f"Keras model {source.name}")
    raise TypeError(
        f"expected a Keras model, a portable model, or the path of a .keras or .onnx file. "
        f"Received: {type(source).__name__}"
    )


def load_keras(path: Path) -> Any:
    """The live Keras model of a `.keras` or `.h5` file.

    Keras imports the modules that a file names. So the file is read without Keras first, which
    refuses everything that is not registered, and weights that do not fit.
    """
    if path.suffix == ".keras":
        with KerasArchive.open(path) as archive:
            archived_model(archive)
    else:
        from_keras(path)
    try:
        import keras
    except ImportError:
        raise MissingDependencyError("keras", "tensorflow", f"running {path}") from None
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # of a file that we could read Keras refuses little, in many ways
        raise ArchiveError(f"Keras cannot load {path}: {error}") from error


class KerasSubject(Subject):
    """A live Keras model, called in inference mode."""

    def __init__(self, model: Any, label: str):
        self.label, self.graph, self._model = label, model, model
        functional = getattr(model, "_functional", None) or model
        ends = getattr(functional, "inputs", None)
        if not ends:
            raise InputError(
                f"{label} has no declared inputs, so they cannot be made or named; build it from keras.Input"
            )
        self._functional = functional
        self.inputs = tuple(_info_of(x) for x in ends)

    def run(self, feed: Mapping[str, np.ndarray]) -> tuple[list[str], list[np.ndarray]]:
        import keras

        flat = [feed[info.name] for info in self.inputs]
        for layer in self._functional._flatten_layers():
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
                layer.reset_state()  # every run starts at zero, as those of the engine do
        packed = keras.tree.pack_sequence_as(self._functional.input, flat) if len(flat) > 1 else flat[0]
        for layer in self._model._flatten_layers():
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
                layer.reset_state()  # every run begins with zeros, as it does on the engine
        results = keras.tree.flatten(self._model(packed, training=False))
        names = list(getattr(self._functional, "output_names", ()))
        if len(names) != len(results):
            names = [f"output_{i}" for i in range(len(results))]
        return names, [_to_numpy(x) for x in results]

    def close(self) -> None:
        pass  # a live model is the caller's


class OnnxSubject(Subject):
    """An ONNX model on the engine."""

    def __init__(self, model: Any, label: str, provider: Any, graph: Model | None = None):
        self.label, self.graph = label, graph
        self._engine = InferenceEngine(model, provider, log_severity="fatal")
        self.inputs = self._engine.inputs
        if graph is None and METADATA_KEY in self._engine.metadata:
            # It only helps to choose inputs; the file runs all the same.
            with contextlib.suppress(PortableLayersError):
                self.graph = from_onnx(model)

    def run(self, feed: Mapping[str, np.ndarray]) -> tuple[list[str], list[np.ndarray]]:
        ends = set(self._engine.states.values())
        names = [info.name for info in self._engine.outputs if info.name not in ends]
        outputs = self._engine.run(feed, outputs=names)
        return names, list(outputs.values())

    def close(self) -> None:
        self._engine.close()


def _info_of(tensor: Any) -> TensorInfo:
    shape = tuple("batch" if n is None and i == 0 else n for i, n in enumerate(tensor.shape))
    return TensorInfo(tensor.name, dtypes.to_numpy(dtypes.standardize(tensor.dtype)), shape)


def _to_numpy(x: Any) -> np.ndarray:
    dtype = getattr(x, "dtype", None)
    if getattr(dtype, "name", dtype) == "string":
        array = np.asarray(x.numpy(), dtype=object)
        return np.frompyfunc(lambda s: s.decode() if isinstance(s, bytes) else s, 1, 1)(array)
    import keras

    return np.asarray(keras.ops.convert_to_numpy(x))
