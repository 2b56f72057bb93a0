"""One way to run a model, whatever executes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, overload

import numpy as np

from portable_layers.errors import InputError
from runtime.backends.base import Backend
from runtime.backends.onnxruntime import OnnxRuntimeBackend
from runtime.backends.reference import ReferenceBackend
from runtime.conversion import has_dtype
from runtime.model_source import ModelSource
from runtime.providers import Providers, parse_providers
from runtime.signature import TensorInfo
from runtime.streams import Stream


class InferenceEngine:
    """A loaded model, ready to run, from any number of threads.

    ::

        engine = InferenceEngine("model.onnx")
        outputs = engine.run({"image": image})   # {"probabilities": array, ...}
        probabilities = engine.run(image)        # one input, one output: the bare array

    Args:
        model: the path of an ONNX file, its bytes, an `onnx.ModelProto`, or any object with a
            method `to_onnx()`.
        providers: what executes the model.

            * "auto": CUDA where it can be used, else the CPU; `engine.providers` says which.
            * "cpu", "cuda", "tensorrt", "openvino": that one; what it cannot run is an error.
            * a list such as `["cuda", "cpu"]`: in the order of preference, every one usable, and
              the CPU for the nodes that CUDA has no kernel for. A name can come with ONNX
              Runtime's options for it: `("cuda", {"device_id": 1})`.
            * "reference": the evaluator of the onnx package, in pure numpy.
        threads: threads inside one operator; None for as many as there are usable CPUs (affinity
            and container quota counted). The reference evaluator has one.
        log_severity: from which severity onnxruntime writes to standard error: "verbose", "info",
            "warning", "error" or "fatal".

    Raises:
        ProviderError: a provider that was named cannot be used, with the reason and the fix.
        MissingDependencyError: onnxruntime is not installed.
        ArchiveError: there is no such file, or it is not an ONNX model.
        InferenceError: the runtime refuses the model.
    """

    def __init__(
        self,
        model: Any,
        providers: Providers = "auto",
        *,
        threads: int | None = None,
        log_severity: str = "error",
    ):
        requested = parse_providers(providers)
        source = ModelSource(model)
        self._name = str(source)
        self._backend: Backend
        if requested[0].name == "reference":
            self._backend = ReferenceBackend(source)
        else:
            self._backend = OnnxRuntimeBackend(source, requested, threads, log_severity)
        loaded = self._backend.model
        self._output_names = self._backend.output_names
        ends = set(self._backend.states.values())
        own = [name for name in self._output_names if name not in ends]
        self._only_output = own if len(own) == 1 else None
        self._single = loaded.inputs[0].name if self._backend.signature.required == 1 else None

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs, in the order of positional arguments: the required ones, then the optional ones."""
        return self._backend.model.inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """The outputs, in the model's order."""
        return self._backend.model.outputs

    @property
    def states(self) -> dict[str, str]:
        """For each input that carries the state of a stateful layer, the output with what becomes of it."""
        return dict(self._backend.states)

    @property
    def providers(self) -> tuple[str, ...]:
        """What executes the model's nodes, by the names that the constructor takes, preferred first."""
        return self._backend.model.providers

    @property
    def metadata(self) -> dict[str, str]:
        """The model's metadata, by key; a copy."""
        return dict(self._backend.model.metadata)

    @overload
    def run(
        self, inputs: Mapping[str, Any], /, *, outputs: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]: ...

    @overload
    def run(self, *inputs: Any, outputs: Sequence[str] | None = None) -> Any: ...

    def run(self, *inputs: Any, outputs: Sequence[str] | None = None) -> Any:
        """Run the model. `engine(...)` is the same.

        Inputs are given in one of these forms:

        * `run({"a": a, "b": b})`: by name;
        * `run(a, b)` or `run([a, b])`: in the order of `engine.inputs`;
        * `run(a)`: bare, to a model that requires one input. Python numbers in nested lists are
          such an input too; a list that has arrays in it is always the list of inputs.

        The states of stateful layers are inputs and outputs as well. They are zeros where they are left
        out; `stream` carries them from one run to the next.

        Args:
            inputs: numpy arrays of exactly the dtypes in `engine.inputs` (nothing is cast), in any
                memory layout; strings as `object` or unicode arrays, bfloat16 as `ml_dtypes`
                arrays. Values without a dtype, Python's numbers, strings and lists of them, are
                converted where that loses nothing.
            outputs: names of the outputs to compute, in this order; all of them by default.

        Returns:
            The outputs by name, arrays that the caller owns. Only for an input passed bare to a
            model with one output (not counting states), and no `outputs`, it is that output's array itself.

        Raises:
            InputError: names, dtypes or shapes that the model does not take; the message says
                what was received and expected.
            InferenceError: the model failed on these inputs, or the engine is closed.
        """
        feed, bare = self._bound(inputs)
        if bare and outputs is None and self._only_output is not None:
            return self._backend.run(feed, self._only_output)[0]
        names = self._output_names if outputs is None else self._checked_names(outputs)
        return dict(zip(names, self._backend.run(feed, names), strict=True))

    __call__ = run

    def stream(self) -> Stream:
        """A sequence of runs of a model with stateful layers, which begins with zeros.

        ::

            stream = engine.stream()
            for chunk in chunks:
                outputs = stream.run(chunk)   # goes on where the chunk before ended

        Raises:
            InputError: the model keeps no states.
        """
        if not self._backend.states:
            raise InputError(f"{self._name} keeps no states between runs; use run()")
        return Stream(self._backend, self._bound)

    def check(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The inputs as `run` would hand them to the model, without running it.

        Args:
            inputs: by name.

        Raises:
            InputError: the model does not take them.
        """
        return self._backend.signature.check(inputs)

    def close(self) -> None:
        """Let go of the model and its memory. Runs under way in other threads end well; later ones fail."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"InferenceEngine({self._name}, providers={self.providers}, "
            f"inputs=[{'; '.join(map(str, self.inputs))}], outputs=[{'; '.join(map(str, self.outputs))}])"
        )

    def _bound(self, inputs: tuple[Any, ...]) -> tuple[Mapping[str, Any], bool]:
        """The inputs of a run by name, and whether there was one bare input."""
        if len(inputs) == 1:
            (only,) = inputs
            if type(only) is not np.ndarray and isinstance(only, Mapping):
                return only, False
            if self._single is not None and not _is_input_list(only):
                return {self._single: only}, True
            if isinstance(only, list | tuple):
                inputs = tuple(only)
        return self._backend.signature.bind(inputs), False

    def _checked_names(self, names: Sequence[str]) -> list[str]:
        if isinstance(names, str) or not names:
            raise InputError(f"outputs must be a list of one or more output names. Received: {names!r}")
        for name in names:
            if name not in self._output_names:
                raise InputError(f"unknown output {name!r}; the model has {self._output_names}")
        return list(names)


def _is_input_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and has_dtype(value)
