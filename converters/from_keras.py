"""From Keras: a live model or a file becomes a portable model with the same names and weights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from converters.keras_archive import KerasArchive
from converters.keras_weights import load_assets, load_weights
from converters.legacy_h5 import LegacyH5
from converters.live_variables import pair_variables, pair_vocabularies
from portable_layers import dtypes
from portable_layers.errors import ArchiveError, SerializationError, WeightsError
from portable_layers.model import Model, model_from_config


def from_keras(source: Any) -> Model:
    """The portable model of a Keras model.

    Args:
        source: a live `keras.Model`, or the path of a `.keras` file, or of a whole-model `.h5` file;
            files are read without Keras and without TensorFlow.

    Returns:
        A model with Keras's names, config and weights. The weights of a file are read when they are
        first needed.

    Raises:
        ArchiveError: for a file that is missing, broken, of another kind or unsafe.
        UnsupportedLayerError: listing every layer of a class that is not known.
        SerializationError: for a config that its class does not take.
        WeightsError: for a weight store that does not match the model.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return from_h5(path) if path.suffix in (".h5", ".hdf5") else from_archive(path)
    if hasattr(source, "get_config") and hasattr(source, "variables"):
        return from_live(source)
    raise ArchiveError(
        f"expected a Keras model or the path of a .keras file. Received: {type(source).__name__}"
    )


def from_archive(path: Path) -> Model:
    """The portable model of a `.keras` file."""
    with KerasArchive.open(path) as archive:
        model = archived_model(archive)
        for variable in model.variables:
            variable.numpy()  # the file is closed below
    return model


def archived_model(archive: KerasArchive) -> Model:
    """The model of an open `.keras` file; its weights are known to fit, and read at the first use."""
    model = _model(archive.config, archive.path)
    load_weights(model, archive.weights, str(archive.path))
    load_assets(model, archive.assets)
    return model


def _model(config: dict[str, Any], path: Path) -> Model:
    try:
        return model_from_config(config)
    except SerializationError as error:
        raise SerializationError(f"{path}: {error}") from error


def from_h5(path: Path) -> Model:
    """The portable model of a whole-model `.h5` file (Keras 2, or Keras 3's legacy format)."""
    with LegacyH5.open(path) as file:
        model = _model(file.config, path)
        layers = [x for x in model.layers if x.weights]
        stored = {name: file.layer_variables(name) for name in file.layer_names}
        names = [name for name, variables in stored.items() if variables]
        if len(layers) != len(names):
            raise WeightsError(
                f"{path} holds weights of {len(names)} layers; the model has {len(layers)} with weights"
            )
        for layer, name in zip(layers, names, strict=True):
            arrays = list(stored[name].values())
            # The format's order: all trainable weights of the layer, then the others.
            variables = [*layer.trainable_weights, *layer.non_trainable_weights]
            if [v.shape for v in variables] != [tuple(a.shape) for a in arrays]:
                raise WeightsError(
                    f"{path} holds weights of shapes {[tuple(a.shape) for a in arrays]} for layer {name}; "
                    f"expected: {[v.shape for v in variables]}"
                )
            for variable, array in zip(variables, arrays, strict=True):
                variable.assign(array.read())
    return model


def from_live(keras_model: Any) -> Model:
    """The portable model of a live Keras model; weights and their paths are Keras's."""
    from keras import saving

    model = model_from_config(saving.serialize_keras_object(keras_model))
    for our, their in pair_variables(model, keras_model):
        our.assign(_value(their))
        # A name scope around the layers, which no config tells, is part of Keras's path.
        our.path = their.path
    for ours, theirs in pair_vocabularies(model, keras_model):
        lookup = getattr(theirs, "_lookup_layer", theirs)
        terms = lookup.get_vocabulary()
        if terms:
            weights = getattr(lookup, "idf_weights_const", None)
            ours.set_vocabulary(terms, None if weights is None else np.asarray(weights)[: len(terms)])
    return model


def _value(variable: Any) -> np.ndarray:
    array = np.asarray(variable)
    dtype = dtypes.standardize(variable.dtype) if not isinstance(variable.dtype, str) else variable.dtype
    return array.view(dtypes.to_numpy(dtype)) if array.dtype.kind == "V" else array
