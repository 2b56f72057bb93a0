"""From ONNX: a file that portable-layers exported becomes the portable model that it was made of."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from converters.file_kinds import UNKNOWN, describe
from portable_layers import dtypes
from portable_layers.errors import ArchiveError, SerializationError, WeightsError
from portable_layers.layer import Layer
from portable_layers.metadata import METADATA_KEY, METADATA_VERSION
from portable_layers.model import Model, layer_paths, model_from_config
from portable_layers.packing import Packing, unpack
from portable_layers.variable import Variable


def from_onnx(source: str | os.PathLike[str] | onnx.ModelProto) -> Model:
    """The portable model that an exported ONNX model was made of, weights bit for bit.

    Args:
        source: an ONNX file or a ModelProto that `Model.save` or `Model.to_onnx` made.

    Raises:
        ArchiveError: for a file that is missing, broken, or was not exported by portable-layers.
        WeightsError: for initializers that do not fit the metadata.
        SerializationError, UnsupportedLayerError: for metadata that cannot be read.
    """
    name, proto, folder = _read(source)
    document = _metadata(proto, name)
    model = model_from_config(document["model"])
    _restore(model, proto, folder, document, name)
    learned = document.get("learned", {})
    for path, layer in layer_paths(model):
        if path in learned:
            _relearn(layer, learned[path], name)
    return model


def _read(source: Any) -> tuple[str, onnx.ModelProto, Path]:
    if isinstance(source, onnx.ModelProto):
        return "the model", source, Path()
    path = Path(source)
    if (kind := describe(path)) != UNKNOWN:
        raise ArchiveError(f"{path} is {kind}; an .onnx file was expected")
    try:
        proto = onnx.load(str(path), load_external_data=False)
        if not proto.HasField("graph"):
            raise ValueError("it has no graph")
    except OSError:
        raise
    except Exception as error:  # protobuf's own exception, which is no ValueError
        raise ArchiveError(f"{path} is not an ONNX model: {error}") from None
    return str(path), proto, path.parent


def _metadata(proto: onnx.ModelProto, name: str) -> dict[str, Any]:
    found = [p.value for p in proto.metadata_props if p.key == METADATA_KEY]
    if not found:
        if proto.producer_name == "portable-layers":
            reason = "has lost the metadata that portable-layers wrote into it"
        else:
            producer = f" (its producer is {proto.producer_name})" if proto.producer_name else ""
            reason = f"was not exported by portable-layers{producer}"
        raise ArchiveError(f"{name} {reason}: it carries no Keras config, so there is no way back to Keras")
    try:
        document = json.loads(found[0])
        version = document["version"]
        parts = {"model": dict, "weights": dict, "unused": dict, "variables": list}
        if not all(isinstance(document[key], kind) for key, kind in parts.items()):
            raise ValueError("a part of it is of another type")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArchiveError(f"{name} has metadata of portable-layers that cannot be read: {error}") from None
    if version != METADATA_VERSION:
        raise ArchiveError(
            f"{name} has metadata of version {version}; this release reads version {METADATA_VERSION}"
        )
    return document


def _restore(
    model: Model, proto: onnx.ModelProto, folder: Path, document: Mapping[str, Any], name: str
) -> None:
    names, made = document["variables"], model.variables
    if len(names) != len(made):
        raise WeightsError(f"{name} has {len(names)} variables; its model has {len(made)}")
    variables: dict[str, Variable] = {
        str(key): v for key, v in zip(names, made, strict=True) if key is not None
    }
    for key, variable in variables.items():
        variable.path = key  # a config does not tell all of a path
    initializers = {t.name: t for t in proto.graph.initializer}
    values = {id(v): np.empty(v.shape, dtypes.to_numpy(v.dtype)) for v in made}
    filled = {id(v): np.zeros(v.shape, bool) for v in made}
    for initializer, form in document["weights"].items():
        packing = Packing.from_json(form, variables)
        packed = _array(initializers, initializer, folder, name)
        if packed.shape != packing.shape or packed.dtype != dtypes.to_numpy(packing.dtype):
            raise WeightsError(
                f"{name}: initializer {initializer} is {packed.dtype}{packed.shape}; "
                f"the metadata says {packing.dtype}{packing.shape}"
            )
        unpack(packing, packed, values)
        unpack(packing, np.ones(packed.shape, bool), filled)
    for place, stored in document["unused"].items():
        if not place.isdecimal() or int(place) >= len(made):
            raise WeightsError(f"{name} holds a variable at {place}; its model has {len(made)}")
        variable = made[int(place)]
        value = _decode(stored, name)
        if value.shape != variable.shape:
            raise WeightsError(
                f"{name}: variable {variable.path} has shape {value.shape}; expected: {variable.shape}"
            )
        values[id(variable)][...] = value
        filled[id(variable)][...] = True
    for variable in made:
        if not filled[id(variable)].all():
            raise WeightsError(f"{name} lacks the variable {variable.path} or a part of it")
        variable.assign(values[id(variable)])


def _relearn(layer: Layer, values: Any, name: str) -> None:
    try:
        layer.relearn(values)
    except (KeyError, TypeError, ValueError) as error:
        raise SerializationError(
            f"{name}: what layer {layer.name} learned cannot be read from the metadata: {error}"
        ) from None


def _array(
    initializers: Mapping[str, onnx.TensorProto], initializer: str, folder: Path, name: str
) -> np.ndarray:
    tensor = initializers.get(initializer)
    if tensor is None:
        raise WeightsError(f"{name} lacks the initializer {initializer}")
    try:
        return onnx.numpy_helper.to_array(tensor, base_dir=str(folder))
    except Exception as error:  # truncated or missing data, in onnx's many ways of saying so
        raise WeightsError(f"{name}: initializer {initializer} cannot be read: {error}") from None


def _decode(stored: Any, name: str) -> np.ndarray:
    try:
        dtype = dtypes.to_numpy(stored["dtype"])
        return np.frombuffer(base64.b64decode(stored["data"], validate=True), dtype).reshape(stored["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise SerializationError(f"{name}: a variable in the metadata cannot be read: {error}") from None
