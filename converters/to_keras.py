"""To Keras: a portable model, or an ONNX file that was made of one, becomes a live model or a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from converters.from_onnx import from_onnx
from converters.keras_archive import write_keras_archive
from converters.keras_weights import walk
from converters.live_variables import pair_variables, pair_vocabularies
from portable_layers.errors import MissingDependencyError
from portable_layers.layer import Layer
from portable_layers.model import Model
from portable_layers.serialization import object_sharing, serialize_object


def to_keras(source: Any) -> Any:
    """A built, compilable, trainable `keras.Model` with the same names, config and weights.

    Args:
        source: a portable model, or an ONNX file or ModelProto that was exported from one.

    Raises:
        MissingDependencyError: where Keras is not installed.
        ArchiveError: for an ONNX model that portable-layers did not export.
    """
    model = source if isinstance(source, Model) else from_onnx(source)
    try:
        from keras import saving
    except ImportError:
        raise MissingDependencyError("keras", "tensorflow", "to_keras") from None
    made = saving.deserialize_keras_object(_config(model))
    for our, their in pair_variables(model, made):
        their.assign(our.numpy())
    for ours, theirs in pair_vocabularies(model, made):
        learned = ours.learned()
        if learned is not None:
            terms, weights = learned["vocabulary"], learned.get("idf_weights")
            theirs.set_vocabulary(terms, None if weights is None else weights[: len(terms)])
    layers = {layer.path: layer for layer in made._flatten_layers()}
    for layer in model._flatten_layers():
        if getattr(layer, "lora_enabled", False):
            # Most of Keras's layers forget the alpha of their config when they are built.
            layers[layer.path].lora_alpha = layer.lora_alpha
    return made


def to_keras_file(source: Any, path: str | os.PathLike[str]) -> None:
    """Write a `.keras` file that Keras loads; neither Keras nor TensorFlow is needed for it.

    Args:
        source: as for `to_keras`.
        path: where to write; the file appears when it is whole.
    """
    model = source if isinstance(source, Model) else from_onnx(source)
    weights: dict[str, dict[str, np.ndarray]] = {}
    names: dict[str, str] = {}
    assets: dict[str, bytes] = {}
    for place, item, variables in walk(model):
        names[place] = item.name
        if variables:
            stored = (
                item.stored_values()
                if isinstance(item, Layer)
                else {k: v.numpy() for k, v in variables.items()}
            )
            weights[place] = stored
        if isinstance(item, Layer):
            assets |= {f"{place}/{name}": data for name, data in item.save_assets().items()}
    write_keras_archive(Path(path), _config(model), weights, names, assets)


def _config(model: Model) -> dict[str, Any]:
    with object_sharing():
        return serialize_object(model)
