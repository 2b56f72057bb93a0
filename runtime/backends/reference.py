"""The evaluator that comes with the onnx package: slow, and close to the text of the standard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from portable_layers.errors import InferenceError
from runtime.backends.base import Backend, LoadedModel, dtype_of
from runtime.model_source import ModelSource
from runtime.signature import TensorInfo

if TYPE_CHECKING:
    import onnx
    from onnx.reference import ReferenceEvaluator


class ReferenceBackend(Backend):
    """`onnx.reference.ReferenceEvaluator`: a second opinion on what a graph means."""

    def load(self, source: ModelSource) -> LoadedModel:
        from onnx.reference import ReferenceEvaluator

        proto = source.proto()
        try:
            self._evaluator: ReferenceEvaluator | None = ReferenceEvaluator(proto)
        except Exception as error:  # the evaluator raises whatever its operators raise
            raise InferenceError(f"the reference evaluator refuses {source}: {error}") from error
        defaults = {tensor.name for tensor in proto.graph.initializer}
        inputs = [tensor_info(value, value.name not in defaults) for value in proto.graph.input]
        return LoadedModel(
            inputs=tuple(sorted(inputs, key=lambda info: not info.required)),
            outputs=tuple(tensor_info(value) for value in proto.graph.output),
            providers=("reference",),
            metadata={entry.key: entry.value for entry in proto.metadata_props},
        )

    def execute(self, feed: dict[str, np.ndarray], names: list[str]) -> Sequence[np.ndarray]:
        evaluator = self._evaluator
        if evaluator is None:
            raise InferenceError("this engine is closed; make a new one to run the model again")
        # It hands out its initializers and the caller's arrays; what a run returns is the caller's own.
        return [_own(array) for array in evaluator.run(names, feed)]

    def unload(self) -> None:
        self._evaluator = None


def tensor_info(value: onnx.ValueInfoProto, required: bool = True) -> TensorInfo:
    """The description of a graph's input or output.

    Raises:
        InferenceError: it is not a tensor.
    """
    kind = value.type
    if kind.WhichOneof("value") == "optional_type":
        kind, required = kind.optional_type.elem_type, False
    if kind.WhichOneof("value") != "tensor_type":
        raise InferenceError(f"{value.name!r} is a {kind.WhichOneof('value')}; the engine takes tensors")
    tensor = kind.tensor_type
    shape = tuple(map(_dim, tensor.shape.dim)) if tensor.HasField("shape") else None
    return TensorInfo(value.name, dtype_of(tensor.elem_type, value.name), shape, required)


def _dim(dim: onnx.TensorShapeProto.Dimension) -> int | str | None:
    if dim.HasField("dim_value") and dim.dim_value >= 0:
        return dim.dim_value
    return dim.dim_param or None


def _own(array: Any) -> np.ndarray:
    return np.array(array, dtype=object if np.asarray(array).dtype.kind in "UT" else None)
