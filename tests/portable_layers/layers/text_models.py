"""Models of one lookup, hashing or text layer, here and in Keras, by every way a model goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import portable_layers as pl
from converters import from_keras
from converters.from_onnx import from_onnx
from converters.to_keras import to_keras, to_keras_file
from runtime import InferenceEngine


def strings(*rows: Any) -> np.ndarray:
    return np.array(rows, object)


def model_of(framework: Any, layer: Any, data: np.ndarray) -> Any:
    """A model of one layer; the size of a rank 2 input's last axis is fixed."""
    dtype = "string" if data.dtype == object else data.dtype.name
    x = framework.Input(data.shape[1:], dtype=dtype, name="x")
    return framework.Model(x, layer(x), name="model")


def exported(model: Any, data: np.ndarray) -> np.ndarray:
    """What the ONNX model gives."""
    return next(iter(InferenceEngine(model.to_onnx(), providers="cpu", threads=1).run({"x": data}).values()))


def given_by_keras(keras: Any, layer: Any, data: np.ndarray) -> np.ndarray:
    found = np.asarray(layer(keras.ops.convert_to_tensor(data.tolist() if data.dtype == object else data)))
    if found.dtype != object:
        return found
    return np.array([s.decode() for s in found.ravel()], object).reshape(found.shape)


def assert_same(found: Any, expected: Any) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)


def assert_every_way(keras: Any, layer: Any, data: np.ndarray, tmp_path: Path) -> None:
    """A layer of Keras as a file, live, through ONNX and back to Keras gives the same each time."""
    expected = given_by_keras(keras, layer, data)
    theirs = model_of(keras, layer, data)
    theirs.save(tmp_path / "model.keras")
    ours = from_keras(tmp_path / "model.keras")
    assert_same(exported(ours, data), expected)
    assert_same(exported(from_keras(theirs), data), expected)
    again = from_onnx(ours.to_onnx())
    assert_same(exported(again, data), expected)
    to_keras_file(again, tmp_path / "back.keras")
    back = keras.models.load_model(tmp_path / "back.keras")
    assert_same(given_by_keras(keras, back.layers[-1], data), expected)
    assert_same(given_by_keras(keras, to_keras(again).layers[-1], data), expected)


def assert_adapts_like_keras(keras: Any, name: str, data: Any, **arguments: Any) -> None:
    theirs = getattr(keras.layers, name)(**arguments)
    ours = getattr(pl.layers, name)(**arguments)
    theirs.adapt(data.tolist() if data.dtype == object else data)
    ours.adapt(data)
    assert ours.get_vocabulary() == list(theirs.get_vocabulary())
    assert ours.vocabulary_size() == theirs.vocabulary_size()
    assert_same(ours(data), given_by_keras(keras, theirs, data))
