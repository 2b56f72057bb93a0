"""ONNX files: metadata for the way back, and writing without a second copy of the weights.

The metadata property `portable_layers` is JSON: the model's Keras config, and for each initializer
how it is made of Keras variables. Variables that the graph does not use (the seeds of Dropout) are
kept there as well.
"""

from __future__ import annotations

import base64
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
import onnx

from portable_layers import dtypes
from portable_layers.errors import GraphError, SerializationError
from portable_layers.graph import Graph, ir_to_proto
from portable_layers.metadata import (
    EXTENSIONS_DOMAIN,
    EXTENSIONS_PACKAGE,
    METADATA_KEY,
    METADATA_VERSION,
    REQUIRES_KEY,
    STATES_KEY,
)
from portable_layers.packing import Packing
from portable_layers.serialization import object_sharing, serialize_object
from portable_layers.tensor import Tensor
from portable_layers.variable import Variable

if TYPE_CHECKING:
    from portable_layers.model import Model

# An initializer in a file: its tensor, where its bytes start, and how many they are.
Place: TypeAlias = tuple[Tensor, int, int]

# protobuf refuses messages of 2 GiB; larger weights go into a file beside the model.
PROTO_LIMIT = 2**31 - 2**20
# Larger files are checked without a copy of the weights in memory.
_READ_BACK_BELOW = 2**24
# Below this size, tensors stay in the model file even when the weights go beside it.
_EXTERNAL_FROM = 1024


_GENERATOR_NUMBER = re.compile(r"(?<=seed_generator)_\d+(?=/seed_generator_state$)")


def unique_names(variables: Sequence[Variable]) -> dict[int, str]:
    """A name for each variable by its `id`: its path, or `path_1`, ... where paths repeat.

    Seed generators without a name of their own count on in a process: the model that is made of a file
    would call them otherwise, so their numbers are left out.
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    for variable in variables:
        path = _GENERATOR_NUMBER.sub("", variable.path)
        name, count = path, 0
        while name in taken:
            count += 1
            name = f"{path}_{count}"
        taken.add(name)
        names[id(variable)] = name
    return names


def metadata_of(model: Model) -> dict[str, Any] | None:
    """What the way back to Keras needs, but for the initializers, which the graph knows.

    None, with a warning, for a model whose config cannot be written (a lambda in it, a layer without
    `get_config`): it can be exported all the same.
    """
    from portable_layers.model import layer_paths

    try:
        with object_sharing():
            config = serialize_object(model)
    except SerializationError as error:
        warnings.warn(
            f"the export of model {model.name} cannot be turned into a Keras model again: {error}",
            stacklevel=3,
        )
        return None
    learned = {path: layer.learned() for path, layer in layer_paths(model)}
    return {
        "version": METADATA_VERSION,
        "model": config,
        "variables": model.variables,
        "learned": {path: values for path, values in learned.items() if values is not None},
    }


def to_proto(graph: Graph, metadata: dict[str, Any] | None = None) -> onnx.ModelProto:
    """A finished graph as a ModelProto with all weights in it.

    Raises:
        GraphError: for a model of 2 GB and more, which no ModelProto can hold: `save` it.
    """
    initializers, model = _finish(graph, metadata)
    if _payload(initializers) > PROTO_LIMIT:
        raise GraphError("a model of 2 GB and more cannot be one ModelProto; save it to a file instead")
    return ir_to_proto(model)


def save(graph: Graph, path: str | Path, metadata: dict[str, Any] | None = None) -> None:
    """Write a finished graph to `path`, check the file and load it; only a good file appears there.

    Raises:
        GraphError: where the ONNX checker or ONNX Runtime refuses the model (a bug: please report).
        OSError: where the file cannot be written.
    """
    from runtime.files import atomic_write

    path = Path(path)
    initializers, model = _finish(graph, metadata)
    external = _payload(initializers) > PROTO_LIMIT
    for tensor in initializers:
        del model.graph.initializers[tensor.value.name]
    skeleton = ir_to_proto(model)
    with atomic_write(path) as temporary:
        temporary = Path(temporary)
        if external:
            _write_external(skeleton, initializers, temporary, f"{path.name}.data")
            check_file(temporary)
            return
        with open(temporary, "wb") as file:
            places = _write(skeleton, initializers, file)
        if _payload(initializers) < _READ_BACK_BELOW:
            check_file(temporary)
        else:
            check_large_file(temporary, skeleton, places)


def check_file(path: Path) -> None:
    """Run the ONNX checker on a file and load it in ONNX Runtime, where that is installed.

    Raises:
        GraphError: with the reason of the one that refuses it.
    """
    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError as error:
        raise GraphError(f"the ONNX checker refuses the exported model: {error}") from None
    _load(str(path), path.parent)


def check_large_file(path: Path, skeleton: onnx.ModelProto, places: Sequence[Place]) -> None:
    """Like `check_file`, without reading the weights into memory.

    The checker sees the large weights as inputs of their type; ONNX Runtime maps their bytes from
    where they lie in the file.

    Args:
        skeleton: the model without its initializers.
        places: where each initializer lies.
    """
    shown = onnx.ModelProto()
    shown.CopyFrom(skeleton)
    for tensor, _, _ in places:
        kind = onnx.helper.make_tensor_type_proto(dtypes.to_onnx(tensor.dtype), _sizes(tensor))
        shown.graph.input.add(name=tensor.value.name, type=kind)
    try:
        onnx.checker.check_model(shown)
    except onnx.checker.ValidationError as error:
        raise GraphError(f"the ONNX checker refuses the exported model: {error}") from None
    del shown.graph.input[len(skeleton.graph.input) :]
    for tensor, offset, size in places:
        if tensor.dtype == "string" or size < _EXTERNAL_FROM:
            _add_inline(shown, tensor)
        else:
            _add_external(shown, tensor, path.name, offset, size)
    _load(shown.SerializeToString(), path.parent)


def _load(model: str | bytes, folder: Path, extended: bool = False) -> None:
    try:
        import onnxruntime
    except ImportError:
        return
    options = onnxruntime.SessionOptions()
    # Whether it loads is the question, not how fast it would run.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    if isinstance(model, bytes):
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    options.log_severity_level = 4
    if extended:
        try:
            import onnxruntime_extensions
        except ImportError:
            return  # the file says that it needs the package, which is not here to load it with
        options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    try:
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base class
        if EXTENSIONS_DOMAIN in str(error) and not extended:
            _load(model, folder, extended=True)
            return
        raise GraphError(f"ONNX Runtime refuses the exported model: {error}") from None


def _finish(graph: Graph, metadata: dict[str, Any] | None) -> tuple[list[Tensor], Any]:
    initializers = graph.used_initializers()
    weights = [t for t in initializers if t.packing is not None]
    variables: list[Variable] = list((metadata or {}).get("variables", ()))
    known = {id(v) for v in variables}
    for tensor in weights:
        for leaf in tensor.packing.leaves():  # type: ignore[union-attr]
            if id(leaf) not in known:
                known.add(id(leaf))
                variables.append(leaf)  # type: ignore[arg-type]
    names = unique_names(variables)
    model = graph.to_ir(names, initializers)
    model.producer_name = "portable-layers"
    pairs = {s.start.value.name: s.end for s in graph.states.values() if s.end is not None}
    if pairs:
        model.metadata_props[STATES_KEY] = json.dumps(pairs)
    if EXTENSIONS_DOMAIN in graph.domains:
        model.metadata_props[REQUIRES_KEY] = EXTENSIONS_PACKAGE
    if metadata is not None:
        used = {id(v) for t in weights for v in t.packing.leaves()}  # type: ignore[union-attr]
        document = {
            "version": metadata["version"],
            "model": metadata["model"],
            # By place in the model: paths depend on how, and after what else, a model was built.
            "variables": [names[id(v)] if id(v) in used else None for v in variables],
            "weights": {t.value.name: t.packing.to_json(names) for t in weights},  # type: ignore[union-attr]
            "learned": metadata["learned"],
            "unused": {i: _encode(v.numpy()) for i, v in enumerate(variables) if id(v) not in used},
        }
        model.metadata_props[METADATA_KEY] = json.dumps(document, separators=(",", ":"))
    return initializers, model


def _encode(array: np.ndarray) -> dict[str, Any]:
    return {
        "dtype": dtypes.standardize(array.dtype),
        "shape": list(array.shape),
        "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    }


def _bytes_of(tensor: Tensor) -> int:
    if tensor.dtype == "string":
        assert tensor.constant is not None
        return sum(len(str(s)) for s in tensor.constant.ravel())
    count = int(np.prod(_sizes(tensor), dtype=np.int64))
    return count * dtypes.to_numpy(tensor.dtype).itemsize


def _payload(initializers: Sequence[Tensor]) -> int:
    return sum(_bytes_of(t) for t in initializers)


# Writing. The weights are streamed into the file one by one, so that never more than one of them is
# copied: https://protobuf.dev/programming-guides/encoding


def _write(skeleton: onnx.ModelProto, initializers: Sequence[Tensor], file: BinaryIO) -> list[Place]:
    """Write the model with its initializers, whose bytes come last in the graph; gives their places."""
    graph = skeleton.graph.SerializeToString()
    shell = onnx.ModelProto()
    shell.CopyFrom(skeleton)
    shell.ClearField("graph")
    records = [_record(t) for t in initializers]
    total = len(graph) + sum(len(head) + size for head, size, _ in records)
    file.write(shell.SerializeToString())
    file.write(_key(onnx.ModelProto.GRAPH_FIELD_NUMBER) + _varint(total))
    file.write(graph)
    places = []
    for tensor, (head, size, data) in zip(initializers, records, strict=True):
        file.write(head)
        places.append((tensor, file.tell(), size))
        for part in data():
            file.write(part)
    return places


def _record(tensor: Tensor) -> tuple[bytes, int, Any]:
    """An initializer as the bytes before its data, the size of the data, and a source of the data."""
    proto = _header(tensor)
    field = _key(onnx.GraphProto.INITIALIZER_FIELD_NUMBER)
    if tensor.dtype == "string":
        assert tensor.constant is not None
        proto.string_data.extend(str(s).encode() for s in tensor.constant.ravel())
        body = proto.SerializeToString()
        return field + _varint(len(body)) + body, 0, lambda: ()
    size = _bytes_of(tensor)
    body = proto.SerializeToString() + _key(onnx.TensorProto.RAW_DATA_FIELD_NUMBER) + _varint(size)
    return field + _varint(len(body) + size) + body, size, lambda: _data(tensor)


def _header(tensor: Tensor) -> onnx.TensorProto:
    return onnx.TensorProto(
        name=tensor.value.name, data_type=dtypes.to_onnx(tensor.dtype), dims=_sizes(tensor)
    )


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    return tensor.value.const_value.shape.numpy()


def _add_inline(model: onnx.ModelProto, tensor: Tensor) -> None:
    head, _, data = _record(tensor)
    # The record is a field of the graph already; parsing it appends one initializer.
    model.graph.MergeFromString(head + b"".join(data()))


def _add_external(model: onnx.ModelProto, tensor: Tensor, location: str, offset: int, size: int) -> None:
    proto = model.graph.initializer.add()
    proto.CopyFrom(_header(tensor))
    proto.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", size)):
        proto.external_data.add(key=key, value=str(value))


def _data(tensor: Tensor) -> Iterator[Any]:
    """The little-endian bytes of an initializer."""
    array = tensor.constant if tensor.packing is None else tensor.packing.numpy()
    assert array is not None
    yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _write_external(
    skeleton: onnx.ModelProto, initializers: Sequence[Tensor], path: Path, data_name: str
) -> None:
    with open(path.parent / data_name, "wb") as data_file:
        for tensor in initializers:
            size = _bytes_of(tensor)
            if tensor.dtype == "string" or size < _EXTERNAL_FROM:
                _add_inline(skeleton, tensor)
                continue
            # Aligned for memory mapping.
            data_file.write(b"\0" * (-data_file.tell() % 4096))
            _add_external(skeleton, tensor, data_name, data_file.tell(), size)
            for part in _data(tensor):
                data_file.write(part)
    with open(path, "wb") as file:
        file.write(skeleton.SerializeToString())


def _key(number: int) -> bytes:
    """The key of a length-delimited field."""
    return _varint(number << 3 | 2)


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


__all__ = [
    "METADATA_KEY",
    "METADATA_VERSION",
    "STATES_KEY",
    "Packing",
    "check_file",
    "metadata_of",
    "save",
    "to_proto",
    "unique_names",
]
