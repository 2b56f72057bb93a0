"""What all runtimes share: the life cycle and the checks around a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ml_dtypes
import numpy as np

from portable_layers.errors import InferenceError, PortableLayersError
from runtime.model_source import ModelSource
from runtime.signature import Signature, TensorInfo
from runtime.states import state_pairs

# ONNX element types by their numbers in TensorProto.DataType.
DTYPES: dict[int, np.dtype] = {
    1: np.dtype(np.float32),
    2: np.dtype(np.uint8),
    3: np.dtype(np.int8),
    4: np.dtype(np.uint16),
    5: np.dtype(np.int16),
    6: np.dtype(np.int32),
    7: np.dtype(np.int64),
    8: np.dtype(object),
    9: np.dtype(np.bool_),
    10: np.dtype(np.float16),
    11: np.dtype(np.float64),
    12: np.dtype(np.uint32),
    13: np.dtype(np.uint64),
    14: np.dtype(np.complex64),
    15: np.dtype(np.complex128),
    16: np.dtype(ml_dtypes.bfloat16),
    17: np.dtype(ml_dtypes.float8_e4m3fn),
    18: np.dtype(ml_dtypes.float8_e4m3fnuz),
    19: np.dtype(ml_dtypes.float8_e5m2),
    20: np.dtype(ml_dtypes.float8_e5m2fnuz),
}


@dataclass(frozen=True)
class LoadedModel:
    """What a backend finds out about a model when it loads it.

    Attributes:
        inputs: the required inputs in the model's order, then the optional ones.
        outputs: in the model's order.
        providers: what executes the nodes, the preferred one first.
        metadata: the model's `metadata_props`.
    """

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    providers: tuple[str, ...]
    metadata: dict[str, str] = field(default_factory=dict)


class Backend(ABC):
    """A runtime with one model in it. A subclass fills in `load`, `execute` and `unload`.

    Args:
        source: the model.

    Attributes:
        model: the description of the model; its states are inputs that may be left out.
        states: for each input that carries a state, the output that holds what becomes of it.

    Raises:
        PortableLayersError: the model or the provider cannot be used.
    """

    def __init__(self, source: ModelSource):
        loaded = self.load(source)
        self.states = state_pairs(
            loaded.metadata, {x.name for x in loaded.inputs}, {x.name for x in loaded.outputs}
        )
        inputs = (replace(x, required=x.required and x.name not in self.states) for x in loaded.inputs)
        self.model = replace(loaded, inputs=tuple(sorted(inputs, key=lambda x: not x.required)))
        self.signature = Signature(self.model.inputs, self.states)
        self.output_names = [info.name for info in self.model.outputs]
        self._closed = False

    @abstractmethod
    def load(self, source: ModelSource) -> LoadedModel:
        """Take the model in and describe it."""

    @abstractmethod
    def execute(self, feed: dict[str, np.ndarray], names: list[str]) -> Sequence[np.ndarray]:
        """The outputs called `names` for inputs that have been checked. Called from many threads."""

    @abstractmethod
    def unload(self) -> None:
        """Let go of the model. Runs that are under way in other threads end well."""

    def run(self, inputs: Mapping[str, Any], names: list[str]) -> Sequence[np.ndarray]:
        """Check the inputs and execute the model.

        Raises:
            InputError: the inputs do not fit.
            InferenceError: the model failed, or the backend is closed.
        """
        if self._closed:
            raise InferenceError("this engine is closed; make a new one to run the model again")
        feed = self.signature.check(inputs)
        try:
            return self.execute(feed, names)
        except PortableLayersError:
            raise
        except Exception as error:  # runtimes raise their own classes, straight from Exception
            raise InferenceError(f"the model failed while it ran: {str(error).strip()}") from error

    def close(self) -> None:
        """Unload the model; closing twice does nothing."""
        if not self._closed:
            self._closed = True
            self.unload()


def dtype_of(element_type: int, name: str) -> np.dtype:
    """The numpy dtype of an ONNX element type.

    Raises:
        InferenceError: for a type that numpy arrays do not carry, such as int4.
    """
    if element_type not in DTYPES:
        raise InferenceError(
            f"{name!r} has ONNX element type {element_type}, which the engine cannot pass on"
        )
    return DTYPES[element_type]
