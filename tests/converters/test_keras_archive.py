"""`.keras` files that Keras wrote are read to the bit, and files written here open in Keras."""

from __future__ import annotations

import json
import os
import zipfile

import ml_dtypes
import numpy as np
import pytest

from converters.keras_archive import KerasArchive, write_keras_archive
from portable_layers.errors import ArchiveError, WeightsError


@pytest.fixture(scope="module")
def nested(keras):
    """A functional model with a shared layer, a nested model, a cell in a layer, and an optimizer."""
    layers = keras.layers
    inputs = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    inner = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.BatchNormalization()], name="inner")
    x = layers.Reshape((1, 3))(inner(shared(shared(inputs))))
    model = keras.Model(inputs, layers.LSTM(2, name="memory")(x))
    model.compile("adam", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)
    return model


def save(model, folder, name="model.keras"):
    path = folder / name
    model.save(path)
    return path


def test_a_nested_model_is_read_to_the_bit(nested, tmp_path):
    with KerasArchive.open(save(nested, tmp_path)) as archive:
        store = archive.weights
        assert archive.metadata["keras_version"]
        assert archive.config["class_name"] == "Functional"
        assert dict(archive.assets) == {}
        assert store.names["layers/dense"] == "shared"
        assert store.names["layers/sequential"] == "inner"
        assert store.names[""] == nested.name
        assert store.variables("layers/nowhere") == {}
        assert {"layers/dense", "layers/lstm/cell", "layers/sequential/layers/dense", "optimizer"} <= set(
            store.paths()
        )
        owners = {
            "layers/dense": nested.get_layer("shared"),
            "layers/sequential/layers/dense": nested.get_layer("inner").layers[0],
            "layers/sequential/layers/batch_normalization": nested.get_layer("inner").layers[1],
            "layers/lstm/cell": nested.get_layer("memory").cell,
            "optimizer": nested.optimizer,
        }
        for path, owner in owners.items():
            variables = store.variables(path)
            expected = [
                np.asarray(variable) for variable in getattr(owner, "weights", None) or owner.variables
            ]
            assert list(variables) == [str(index) for index in range(len(expected))]
            for lazy, value in zip(variables.values(), expected, strict=True):
                read = lazy.read()
                assert (lazy.shape, lazy.dtype) == (value.shape, value.dtype) == (read.shape, read.dtype)
                assert read.tobytes() == value.tobytes()
                assert read.flags.writeable
                assert read.flags.aligned


def test_variables_are_in_the_order_of_their_numbers(nested, tmp_path):
    with KerasArchive.open(save(nested, tmp_path)) as archive:
        keys = list(archive.weights.variables("optimizer"))
    assert len(keys) > 10
    assert keys == [str(index) for index in range(len(keys))]


def test_bfloat16(keras, tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, dtype="bfloat16")])
    with KerasArchive.open(save(model, tmp_path)) as archive:
        kernel = archive.weights.variables("layers/dense")["0"]
        assert kernel.dtype == ml_dtypes.bfloat16
        assert kernel.read().tobytes() == np.asarray(model.layers[0].kernel).tobytes()


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_quantized_models(keras, tmp_path, mode):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5)])
    model.quantize(mode)
    with KerasArchive.open(save(model, tmp_path)) as archive:
        read = [lazy.read() for lazy in archive.weights.variables("layers/dense").values()]
    kernel = np.asarray(model.layers[0]._kernel)
    assert read[0].tobytes() == kernel.tobytes()
    assert read[0].dtype == kernel.dtype


def test_assets(keras, tmp_path):
    lookup = keras.layers.StringLookup()
    lookup.adapt(np.array(["red", "grün"]))
    model = keras.Sequential([keras.Input((1,), dtype="string"), lookup])
    with KerasArchive.open(save(model, tmp_path)) as archive:
        assert list(archive.assets) == ["layers/string_lookup/vocabulary.txt"]
        words = archive.assets["layers/string_lookup/vocabulary.txt"].decode().split()
        assert {"red", "grün"} <= set(words)
        with pytest.raises(KeyError):
            archive.assets["config.json"]


def test_shards(nested, tmp_path):
    """Keras shards weight files only; in an archive they have the same names."""
    nested.save_weights(tmp_path / "model.weights.json", max_shard_size=3e-7)
    shards = sorted(tmp_path.glob("model_*.weights.h5"))
    assert len(shards) > 2
    whole = save(nested, tmp_path)
    sharded = tmp_path / "sharded.keras"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(sharded, "w") as target:
        target.writestr("config.json", source.read("config.json"))
        for path in [tmp_path / "model.weights.json", *shards]:
            target.write(path, path.name)
    with KerasArchive.open(whole) as one, KerasArchive.open(sharded) as many:
        assert many.metadata == {}
        assert sorted(many.weights.paths()) == sorted(one.weights.paths())
        for path in one.weights.paths():
            left, right = one.weights.variables(path), many.weights.variables(path)
            assert list(left) == list(right)
            assert all(left[key].read().tobytes() == right[key].read().tobytes() for key in left)


def test_a_deflated_archive_reads_the_same(nested, tmp_path):
    stored, deflated = save(nested, tmp_path), tmp_path / "deflated.keras"
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with KerasArchive.open(stored) as one, KerasArchive.open(deflated) as other:
        assert one.config == other.config
        for path in one.weights.paths():
            left, right = one.weights.variables(path), other.weights.variables(path)
            assert all(left[key].read().tobytes() == right[key].read().tobytes() for key in left)


def test_what_is_written_loads_in_keras(keras, nested, tmp_path):
    with KerasArchive.open(save(nested, tmp_path)) as archive:
        store = archive.weights
        weights = {
            path: {key: lazy.read() for key, lazy in store.variables(path).items()} for path in store.paths()
        }
        write_keras_archive(tmp_path / "copy.keras", archive.config, weights, store.names, archive.assets)
        names = dict(store.names)
    copy = keras.models.load_model(tmp_path / "copy.keras")
    for left, right in zip(nested.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    for left, right in zip(nested.optimizer.variables, copy.optimizer.variables, strict=True):
        np.testing.assert_array_equal(left, right)
    with KerasArchive.open(tmp_path / "copy.keras") as again:
        assert again.weights.names == names


def test_written_bfloat16_and_assets_load_in_keras(keras, tmp_path):
    lookup = keras.layers.StringLookup()
    lookup.adapt(np.array(["red", "green"]))
    model = keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            lookup,
            keras.layers.Embedding(4, 3, dtype="bfloat16"),
        ]
    )
    with KerasArchive.open(save(model, tmp_path)) as archive:
        table = archive.weights.variables("layers/embedding")["0"].read()
        write_keras_archive(
            tmp_path / "copy.keras",
            archive.config,
            {"layers/embedding": [table]},
            {"layers/embedding": "embedding"},
            archive.assets,
        )
    copy = keras.models.load_model(tmp_path / "copy.keras")
    assert np.asarray(copy.layers[1].embeddings).tobytes() == table.tobytes()
    assert copy.layers[0].get_vocabulary() == lookup.get_vocabulary()


def test_infinity_in_a_config_is_read_as_keras_writes_it(keras, tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.ReLU(max_value=float("inf"))])
    with KerasArchive.open(save(model, tmp_path)) as archive:
        assert archive.config["config"]["layers"][1]["config"]["max_value"] == float("inf")


@pytest.mark.parametrize(
    "array",
    [
        np.array([True, False]),
        np.array(2**63 - 1),
        np.zeros((0, 3), np.float16),
        np.array([1 + 2j], np.complex64),
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.array([1.5, -0.0, np.nan], ml_dtypes.bfloat16),
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_arrays_survive_a_round_trip(tmp_path, array):
    path = tmp_path / "model.keras"
    write_keras_archive(path, {}, {"": {"a/b": array}, "layers/x": [array, array]})
    with KerasArchive.open(path) as archive:
        read = archive.weights.variables("")["a/b"].read()
        assert archive.weights.paths() == ["layers/x", ""]
    native = array.astype(array.dtype.newbyteorder("="))
    assert (read.dtype, read.shape) == (native.dtype, native.shape)
    assert read.tobytes() == native.tobytes()


def test_the_folders_of_keras_2_13_are_found(tmp_path):
    path = tmp_path / "model.keras"
    write_keras_archive(path, {}, {"_layer_checkpoint_dependencies/dense": [np.ones(3)]})
    with KerasArchive.open(path) as archive:
        assert list(archive.weights.variables("layers/dense")) == ["0"]


def test_an_array_cannot_be_read_after_closing(tmp_path):
    path = tmp_path / "model.keras"
    write_keras_archive(path, {}, {"layers/x": [np.ones(3)]})
    with KerasArchive.open(path) as archive:
        lazy = archive.weights.variables("layers/x")["0"]
    with pytest.raises(ArchiveError, match="has been closed"):
        lazy.read()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.keras"
    write_keras_archive(path, {"a": 1}, {})
    before = path.read_bytes()
    with pytest.raises(WeightsError, match="layers/x/0 is of dtype object"):
        write_keras_archive(path, {}, {"layers/x": [np.array([None])]})
    with pytest.raises(ArchiveError, match="NaN is not allowed"):
        write_keras_archive(path, {"a": float("nan")}, {})
    with pytest.raises(ArchiveError, match="not JSON"):
        write_keras_archive(path, {"a": object()}, {})
    for bad in ("/x", "x//y", "x/../y", "x/vars"):
        with pytest.raises(ArchiveError, match="plain names"):
            write_keras_archive(path, {}, {bad: [np.ones(1)]})
    with pytest.raises(ArchiveError, match="not a plain relative path"):
        write_keras_archive(path, {}, {}, assets={"../x": b""})
    with pytest.raises(ArchiveError, match=r"end in \.keras"):
        write_keras_archive(tmp_path / "model.h5", {}, {})
    with pytest.raises(ArchiveError, match="No such file or directory"):
        write_keras_archive(tmp_path / "nowhere" / "model.keras", {}, {})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.keras"]


def test_the_written_config_is_what_is_read(tmp_path):
    config = {"class_name": "Sequential", "config": {"name": "ü", "rate": 0.1, "big": 2**60}}
    write_keras_archive(tmp_path / "model.keras", config, {}, keras_version="3.15.0")
    with KerasArchive.open(str(tmp_path / "model.keras")) as archive:
        assert archive.config == config == json.loads(json.dumps(config))
        assert archive.metadata["keras_version"] == "3.15.0"
        assert archive.metadata["date_saved"]
