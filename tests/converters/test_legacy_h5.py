"""Whole-model `.h5` files that Keras wrote are read to the bit, others are refused with one line."""

from __future__ import annotations

import contextlib
import json

import h5py
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.legacy_h5 import LegacyH5
from portable_layers.errors import ArchiveError, WeightsError

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


def write(path, layers, config='{"class_name": "Sequential"}', **attrs):
    """A file in the layout of Keras 2, by hand: `layers` maps names to `{weight name: array}`."""
    with h5py.File(path, "w") as file:
        if config is not None:
            file.attrs["model_config"] = config
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in layers]
        for name, weights in layers.items():
            layer = group.create_group(name)
            layer.attrs["weight_names"] = np.array([weight.encode() for weight in weights], dtype="S")
            for weight, value in weights.items():
                layer[weight] = value
        for key, value in attrs.items():
            file.attrs[key] = value
    return path


def test_a_model_saved_by_keras(keras, tmp_path):
    layers = keras.layers
    inner = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.BatchNormalization()], name="inner")
    model = keras.Sequential([keras.Input((4,)), inner, layers.ReLU(), layers.Dense(2, name="head")])
    model.compile("adam", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)
    model.save(tmp_path / "model.h5")
    with LegacyH5.open(tmp_path / "model.h5") as file:
        assert file.keras_version == keras.__version__
        assert file.backend == keras.backend.backend()
        assert file.config["class_name"] == "Sequential"
        assert file.layer_names == [layer.name for layer in model.layers]
        assert file.layer_weights("top_level_model_weights") == []
        for layer in model.layers:
            variables = layer.trainable_weights + layer.non_trainable_weights
            assert list(file.layer_variables(layer.name)) == [variable.path for variable in variables]
            for read, variable in zip(file.layer_weights(layer.name), variables, strict=True):
                np.testing.assert_array_equal(read, np.asarray(variable), strict=True)


def test_bfloat16_saved_by_keras(keras, tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, dtype="bfloat16", name="d")])
    model.save(tmp_path / "model.h5")
    with LegacyH5.open(tmp_path / "model.h5") as file:
        kernel, _ = file.layer_weights("d")
    assert kernel.dtype == ml_dtypes.bfloat16
    assert kernel.tobytes() == np.asarray(model.layers[0].kernel).tobytes()


def test_names_as_keras_2_wrote_them(tmp_path):
    path = write(
        tmp_path / "model.h5",
        {"dense": {"dense/kernel:0": VALUES, "dense/bias:0": VALUES[0]}, "block/conv": {"k:0": VALUES}},
        keras_version=np.bytes_(b"2.4.0"),
    )
    with LegacyH5.open(path) as file:
        assert file.keras_version == "2.4.0"
        assert file.backend is None
        assert list(file.layer_variables("dense")) == ["dense/kernel:0", "dense/bias:0"]
        np.testing.assert_array_equal(file.layer_weights("block/conv")[0], VALUES)


def test_a_list_of_names_in_parts(tmp_path):
    path = write(tmp_path / "model.h5", {"a": {}, "b": {"w": VALUES}})
    with h5py.File(path, "a") as file:
        del file["model_weights"].attrs["layer_names"]
        file["model_weights"].attrs["layer_names0"] = [b"a"]
        file["model_weights"].attrs["layer_names1"] = [b"b"]
    with LegacyH5.open(path) as file:
        assert file.layer_names == ["a", "b"]
        assert file.layer_weights("a") == []


def test_a_config_of_many_megabytes(tmp_path):
    config = {"class_name": "Sequential", "words": ["word"] * 1_000_000}
    with LegacyH5.open(write(tmp_path / "model.h5", {}, json.dumps(config))) as file:
        assert file.config == config


def test_a_layer_that_is_not_there(tmp_path):
    path = write(tmp_path / "model.h5", {"a": {"w": VALUES}})
    with LegacyH5.open(path) as file:
        with pytest.raises(WeightsError, match="has no weights for a layer 'b'"):
            file.layer_weights("b")
        lazy = file.layer_variables("a")["w"]
    with pytest.raises(ArchiveError, match="has been closed"):
        lazy.read()


def read_all(path):
    with LegacyH5.open(path) as file:
        for name in file.layer_names:
            file.layer_weights(name)


def refused(path, pattern):
    with pytest.raises(ArchiveError, match=pattern) as caught:
        read_all(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        ([b"other"], "lists the weight 'other', which is not in the file"),
        ([b"w", b"w"], "lists the weight 'w', twice"),
        ([b"../../x"], "which is not in the file"),
        ([1, 2], "'weight_names' of model_weights/a is not a text or a list of texts"),
    ],
)
def test_lists_of_weights_that_are_wrong(tmp_path, names, pattern):
    path = write(tmp_path / "model.h5", {"a": {"w": VALUES}})
    with h5py.File(path, "a") as file:
        file["model_weights/a"].attrs["weight_names"] = names
    refused(path, pattern)


def test_files_of_another_kind(keras, tmp_path):
    path = tmp_path / "model.h5"
    refused(path, "does not exist")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    refused(tmp_path / "model.keras", r"is a zip archive; a Keras \.h5 model \(HDF5\) was expected")
    model.save_weights(tmp_path / "a.weights.h5")
    refused(tmp_path / "a.weights.h5", r"is a Keras 3 weights file without a model; a whole model")
    refused(write(path, {}, config=None), "is an HDF5 file without a Keras model; a whole model")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"a"]
    refused(path, "is a Keras 2 weights file without a model")
    refused(write(path, {}, config="{"), "model_config is not valid JSON")
    refused(write(path, {}, config='{"a": NaN}'), "NaN is not allowed")


def test_a_link_to_another_file(tmp_path):
    path = write(tmp_path / "model.h5", {"a": {}})
    with h5py.File(path, "a") as file:
        file["model_weights/a/w"] = h5py.ExternalLink("/etc/passwd", "/x")
    refused(path, "is a link to another place or another file")


@settings(
    max_examples=200,
    derandomize=True,
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8), st.floats(0, 1)
)
def test_a_damaged_file_is_read_or_refused(tmp_path, places, keep):
    path = write(tmp_path / "model.h5", {"a": {"w": VALUES, "v": np.array(1)}, "b": {}}, backend="tensorflow")
    data = bytearray(path.read_bytes())
    for place, value in places:
        data[int(place * len(data))] = value
    path.write_bytes(data[: int(keep * 2 * len(data))])
    with contextlib.suppress(ArchiveError, WeightsError):
        read_all(path)
