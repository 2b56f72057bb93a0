"""A layer here and the same layer of Keras, side by side on random data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import portable_layers as pl
from portable_layers.serialization import serialize_object
from runtime import InferenceEngine

TOLERANCES = {"float16": 5e-3, "float32": 1e-5, "float64": 1e-12}
FORMATS = st.sampled_from(["channels_last", "channels_first"])

few = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
some = settings(few, max_examples=24)


def json_form(config: Any) -> Any:
    return json.loads(json.dumps(config))


def in_format(data_format: str, spatial: list[int], channels: int) -> tuple[int, ...]:
    """A shape without the batch."""
    return (*spatial, channels) if data_format == "channels_last" else (channels, *spatial)


def noise(shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(2, size=shape).astype(bool)
    if dtype.startswith(("int", "uint")):
        return rng.integers(0 if dtype[0] == "u" else -50, 50, shape).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def twin(keras: Any, layer: Any) -> Any:
    """Keras's layer of the config of ours; its config is checked against ours."""
    theirs = keras.layers.deserialize(json_form(serialize_object(layer)))
    expected = json_form(keras.saving.serialize_keras_object(theirs.get_config()))
    assert json_form(serialize_object(layer.get_config())) == expected
    return theirs


def assert_like_keras(keras: Any, layer: Any, inputs: Any, open_axes: tuple[int, ...] | None = None) -> None:
    """The layer gives what Keras's gives.

    Args:
        layer: one of ours without weights, not called yet.
        inputs: an array, or a list of them for a merging layer.
        open_axes: None to call the layer on arrays; else it is exported with these axes of the
            inputs (and the batch) unknown.
    """
    expected = twin(keras, layer)(inputs)
    if open_axes is None:
        found = layer(inputs)
    else:
        arrays = inputs if isinstance(inputs, list) else [inputs]
        shapes = [tuple(None if a in open_axes else n for a, n in enumerate(x.shape)) for x in arrays]
        names = [f"x{i}" for i in range(len(arrays))]
        tensors = [
            pl.Input(shape[1:], dtype=x.dtype.name, name=n)
            for shape, x, n in zip(shapes, arrays, names, strict=True)
        ]
        model = pl.Model(tensors, layer(tensors if isinstance(inputs, list) else tensors[0]))
        engine = InferenceEngine(model.to_onnx(), providers="cpu", threads=1)
        (found,) = engine.run(dict(zip(names, arrays, strict=True))).values()
    assert_close(found, expected)


def assert_close(found: Any, expected: Any) -> None:
    """Equal dtypes and shapes; numbers equal up to the dtype's rounding, all else exactly."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if found.dtype.name not in TOLERANCES:
        np.testing.assert_array_equal(found, expected)
        return
    tolerance = TOLERANCES[found.dtype.name]
    wide = np.abs(expected.astype(np.float64))
    largest = wide[np.isfinite(wide)].max(initial=1.0)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * largest)
