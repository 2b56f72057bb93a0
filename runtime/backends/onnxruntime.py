"""ONNX Runtime with its CPU, CUDA, TensorRT and OpenVINO execution providers."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from portable_layers.errors import ArchiveError, InferenceError, MissingDependencyError, ProviderError
from portable_layers.metadata import EXTENSIONS_DOMAIN, EXTENSIONS_PACKAGE
from runtime.backends import cuda
from runtime.backends.base import DTYPES, Backend, LoadedModel, dtype_of
from runtime.model_source import ModelSource
from runtime.providers import EXECUTION_PROVIDERS, Provider
from runtime.signature import Shape, TensorInfo
from runtime.threads import usable_cpus

LOG_SEVERITIES = ("verbose", "info", "warning", "error", "fatal")

_LOG = logging.getLogger(__name__)
_SHORT_NAMES = {full: short for short, full in EXECUTION_PROVIDERS.items()}
_ELEMENT_TYPES = {
    "float": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "string": 8,
    "bool": 9, "float16": 10, "double": 11, "uint32": 12, "uint64": 13, "bfloat16": 16,
    "float8e4m3fn": 17, "float8e4m3fnuz": 18, "float8e5m2": 19, "float8e5m2fnuz": 20,
}  # fmt: skip
# Dtypes that onnxruntime's numpy bridge does not know, with their ONNX element type.
_FOREIGN = {dtype: number for number, dtype in DTYPES.items() if number >= 16}
# GPU providers leave the arithmetic on shapes to the CPU on purpose: its results are needed there.
_SHAPE_ARITHMETIC = frozenset(
    {
        *("Shape", "Size", "Gather", "Slice", "Concat", "Squeeze", "Unsqueeze", "Reshape", "Expand"),
        *("Cast", "Identity", "Constant", "ConstantOfShape", "Range", "Where", "ReduceProd", "ReduceSum"),
        *("Add", "Sub", "Mul", "Div", "Mod", "Neg", "Min", "Max"),
        *("Equal", "Less", "Greater", "And", "Or", "Not"),
    }
)


class OnnxRuntimeBackend(Backend):
    """An `onnxruntime.InferenceSession`.

    Args:
        source: the model.
        providers: "auto" alone, or execution providers in the order of preference. Without "cpu"
            among them, a node that only the CPU can run is an error.
        threads: threads inside one operator; None for as many as there are usable CPUs.
        log_severity: one of `LOG_SEVERITIES`; applies to the session and to onnxruntime's default logger.

    Raises:
        MissingDependencyError: onnxruntime is not installed.
        ProviderError: a provider other than "auto" and "cpu" cannot be used, with the reason and the fix.
        ArchiveError: the file or the bytes are not an ONNX model.
        InferenceError: onnxruntime refuses the model.
    """

    def __init__(
        self,
        source: ModelSource,
        providers: Sequence[Provider],
        threads: int | None = None,
        log_severity: str = "error",
    ):
        if log_severity not in LOG_SEVERITIES:
            raise ValueError(f"log_severity must be one of {LOG_SEVERITIES}. Received: {log_severity!r}")
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1. Received: {threads}")
        self._providers, self._threads, self._severity = (
            tuple(providers),
            threads,
            LOG_SEVERITIES.index(log_severity),
        )
        super().__init__(source)

    def load(self, source: ModelSource) -> LoadedModel:
        self._onnxruntime = import_onnxruntime()
        self._onnxruntime.set_default_logger_severity(self._severity)
        if [provider.name for provider in self._providers] == ["auto"]:
            session, used = self._open_best(source)
        else:
            session, used = self._open(source, self._providers)
        self._session: Any = session
        inputs = [_tensor_info(arg) for arg in session.get_inputs()]
        inputs += [_tensor_info(arg, required=False) for arg in session.get_overridable_initializers()]
        outputs = [_tensor_info(arg) for arg in session.get_outputs()]
        if any(info.shape == () for info in (*inputs, *outputs)):
            ranks = _unknown_ranks(source)
            inputs, outputs = ([_forget_rank(info, ranks) for info in infos] for infos in (inputs, outputs))
        self._foreign_inputs = {info.name: _FOREIGN[info.dtype] for info in inputs if info.dtype in _FOREIGN}
        self._foreign_outputs = {info.name: info.dtype for info in outputs if info.dtype in _FOREIGN}
        return LoadedModel(
            inputs=tuple(sorted(inputs, key=lambda info: not info.required)),
            outputs=tuple(outputs),
            providers=used,
            metadata=dict(session.get_modelmeta().custom_metadata_map),
        )

    def execute(self, feed: dict[str, np.ndarray], names: list[str]) -> Sequence[np.ndarray]:
        session = self._session
        if session is None:
            raise InferenceError("this engine is closed; make a new one to run the model again")
        if self._foreign_inputs:
            feed = {name: self._typed(name, array) for name, array in feed.items()}
        if self._foreign_outputs and not self._foreign_outputs.keys().isdisjoint(names):
            return self._execute_foreign(session, feed, names)
        return session.run(names, feed)

    def _execute_foreign(self, session: Any, feed: dict[str, Any], names: list[str]) -> list[np.ndarray]:
        """Fetch outputs for which onnxruntime has no numpy dtype, through their memory."""
        make = self._onnxruntime.OrtValue
        for name, array in feed.items():
            if isinstance(array, np.ndarray):
                if array.dtype.kind == "O":
                    foreign = [output for output in names if output in self._foreign_outputs]
                    raise InferenceError(
                        f"onnxruntime cannot take strings (input {name!r}) and give {foreign} in one run, "
                        f"as numpy has no {self._foreign_outputs[foreign[0]].name}; export them as float32"
                    )
                feed[name] = make.ortvalue_from_numpy(np.asarray(array, order="C"))
        results = session.run_with_ort_values(names, feed)
        return [
            _copy_memory(value, self._foreign_outputs[name])
            if name in self._foreign_outputs
            else value.numpy()
            for name, value in zip(names, results, strict=True)
        ]

    def _typed(self, name: str, array: np.ndarray) -> Any:
        if name not in self._foreign_inputs:
            return array
        # Contiguous, because onnxruntime ignores the strides here.
        return self._onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(
            np.asarray(array, order="C"), self._foreign_inputs[name]
        )

    def unload(self) -> None:
        self._session = None

    def _open_best(self, source: ModelSource) -> tuple[Any, tuple[str, ...]]:
        """CUDA where it can be used, else the CPU."""
        problem: object = cuda.cuda_problem(self._onnxruntime)
        if problem is None:
            try:
                return self._open(source, (Provider("cuda"), Provider("cpu")))
            except ProviderError as error:
                problem = error
        _LOG.info("running on the CPU: %s", problem)
        return self._open(source, (Provider("cpu"),))

    def _open(self, source: ModelSource, providers: Sequence[Provider]) -> tuple[Any, tuple[str, ...]]:
        """A session that has every one of `providers`, and the names of those that execute nodes."""
        names = [provider.name for provider in providers]
        for provider in providers:
            self._require(provider)
        session = self._session_of(source, providers)
        registered = session.get_providers()
        for provider in providers:
            if provider.execution_provider not in registered:
                reason = cuda.library_problem(self._onnxruntime, provider.execution_provider)
                said = cuda.preload_libraries(self._onnxruntime) if provider.name != "openvino" else ""
                raise ProviderError(_refusal(provider.name, reason or f"onnxruntime dropped it. {said}"))
        placed = _placement(session)
        if "cpu" not in names:
            _refuse_stray(names, placed)
        running = [name for name in registered if _computing(placed.get(name, ()))]
        used = running or [name for name in registered if placed.get(name)] or registered[:1]
        return session, tuple(_SHORT_NAMES.get(name, name) for name in used)

    def _require(self, provider: Provider) -> None:
        """Fail early, with the reason, where a provider cannot work."""
        problem: cuda.Problem | None = None
        if provider.name in ("cuda", "tensorrt"):
            problem = (
                cuda.build_problem(self._onnxruntime, provider.execution_provider) or cuda.driver_problem()
            )
            if problem is None:
                cuda.preload_libraries(self._onnxruntime)
        elif provider.execution_provider not in self._onnxruntime.get_available_providers():
            problem = cuda.Problem(
                f"the installed onnxruntime {self._onnxruntime.__version__} is a build without "
                f"{provider.execution_provider}",
                f"pip uninstall onnxruntime && pip install onnxruntime-{provider.name}",
            )
        if problem is not None:
            raise ProviderError(_refusal(provider.name, problem))

    def _session_of(self, source: ModelSource, providers: Sequence[Provider], extended: bool = False) -> Any:
        options = self._onnxruntime.SessionOptions()
        options.log_severity_level = self._severity
        options.intra_op_num_threads = self._threads or usable_cpus()
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if extended:
            try:
                import onnxruntime_extensions
            except ImportError:
                raise MissingDependencyError(EXTENSIONS_PACKAGE, "strings", f"running {source}") from None
            options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
        requested = [(provider.execution_provider, dict(provider.options)) for provider in providers]
        try:
            with source.loadable() as model:
                # Without enable_fallback=0 onnxruntime goes on with the CPU when a provider fails.
                session = self._onnxruntime.InferenceSession(
                    model, options, providers=requested, enable_fallback=0
                )
        except Exception as error:  # onnxruntime's classes come straight from Exception
            text = " ".join(str(error).split())
            if type(error).__name__ in ("InvalidProtobuf", "NoModel") or "No graph was found" in text:
                raise ArchiveError(f"{source} is not an ONNX model: {text}") from error
            for provider in providers:
                # What a model does wrong comes as a class of its own, what a provider does as one of these.
                at_fault = type(error) is RuntimeError or type(error).__name__ == "EPFail"
                if at_fault and provider.name != "cpu" and provider.name in text.lower():
                    raise ProviderError(_refusal(provider.name, text)) from error
            if EXTENSIONS_DOMAIN in text and not extended:
                return self._session_of(source, providers, extended=True)
            raise InferenceError(f"onnxruntime refuses {source}: {text}") from error
        session._model_bytes = (
            None  # kept for the fallback that is switched off: a second copy of the weights
        )
        return session


def import_onnxruntime() -> ModuleType:
    """The onnxruntime module.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError("onnxruntime", "cpu", "Running an ONNX model") from error
    return onnxruntime


def _refusal(name: str, problem: object) -> str:
    return f"provider {name!r} cannot be used here: {problem}"


def _placement(session: Any) -> dict[str, list[tuple[str, str]]]:
    """(name, op type) of the nodes of each execution provider; empty where onnxruntime does not tell."""
    placed: dict[str, list[tuple[str, str]]] = {}
    if hasattr(session, "get_provider_graph_assignment_info"):
        for part in session.get_provider_graph_assignment_info():
            placed.setdefault(part.ep_name, []).extend((node.name, node.op_type) for node in part.get_nodes())
    return placed


def _computing(nodes: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [node for node in nodes if node[1] not in _SHAPE_ARITHMETIC]


def _refuse_stray(names: Sequence[str], placed: dict[str, list[tuple[str, str]]]) -> None:
    """Raise when the CPU got nodes that it was not asked to run."""
    on_cpu = placed.get(EXECUTION_PROVIDERS["cpu"], [])
    elsewhere = any(nodes for name, nodes in placed.items() if name != EXECUTION_PROVIDERS["cpu"])
    stray = _computing(on_cpu) if elsewhere else on_cpu
    if stray:
        raise ProviderError(
            f"{' and '.join(map(repr, names))} cannot run {len(stray)} of the model's nodes: "
            f"{_listed(stray)}. Fix: allow the CPU for them with providers={[*names, 'cpu']}"
        )


def _listed(nodes: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join(f"{name or '(unnamed)'} ({op})" for name, op in nodes[:10])
    return shown + (f" and {len(nodes) - 10} more" if len(nodes) > 10 else "")


def _tensor_info(arg: Any, required: bool = True) -> TensorInfo:
    kind: str = arg.type
    if kind.startswith("optional("):
        kind, required = kind.removeprefix("optional(").removesuffix(")"), False
    element = kind.removeprefix("tensor(").removesuffix(")")
    if element not in _ELEMENT_TYPES:
        raise InferenceError(f"{arg.name!r} has type {arg.type}, which the engine cannot pass on")
    shape: Shape = tuple(dim if isinstance(dim, str) or (dim or 0) >= 0 else None for dim in arg.shape)
    return TensorInfo(arg.name, dtype_of(_ELEMENT_TYPES[element], arg.name), shape, required)


def _unknown_ranks(source: ModelSource) -> frozenset[str]:
    """Names whose rank the model does not give; onnxruntime reports them like scalars."""
    try:
        graph = source.proto(weights=False).graph
    except ArchiveError:  # onnxruntime's own format
        return frozenset()
    return frozenset(
        value.name for value in (*graph.input, *graph.output) if not value.type.tensor_type.HasField("shape")
    )


def _forget_rank(info: TensorInfo, unknown: frozenset[str]) -> TensorInfo:
    if info.name in unknown and info.shape == ():
        return TensorInfo(info.name, info.dtype, None, info.required)
    return info


def _copy_memory(value: Any, dtype: np.dtype) -> np.ndarray:
    """The content of an OrtValue in host memory whose element type numpy does not know."""
    size = value.tensor_size_in_bytes()
    raw = ctypes.string_at(value.data_ptr(), size) if size else b""
    return np.frombuffer(bytearray(raw), dtype).reshape(value.shape())
