"""`to_keras` and `to_keras_file`: trainable Keras models of portable ones and of exported files."""

import json
import os

import numpy as np
import onnx
import pytest
from keras_files import small_model

import portable_layers as pl
from converters import from_onnx, to_keras, to_keras_file, verify
from portable_layers.errors import ArchiveError, WeightsError


def sources(tmp_path):
    model = small_model()
    model.save(tmp_path / "small.onnx")
    return [model, tmp_path / "small.onnx", onnx.load(tmp_path / "small.onnx")]


def test_every_source_gives_the_same_trainable_model(keras, tmp_path):
    for source in sources(tmp_path):
        made = to_keras(source)
        assert isinstance(made, keras.Model)
        for a, b in zip(made.get_weights(), small_model().get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        made.compile(optimizer="sgd", loss="mse")
        before = made.get_weights()[0].copy()
        made.fit(np.ones((8, 4), "float32"), np.zeros((8, 3), "float32"), verbose=0)
        assert (made.get_weights()[0] != before).any()


def test_a_file_is_what_keras_would_have_saved(keras, tmp_path):
    for i, source in enumerate(sources(tmp_path)):
        to_keras_file(source, tmp_path / f"{i}.keras")
        loaded = keras.saving.load_model(tmp_path / f"{i}.keras")
        assert [v.path for v in loaded.variables] == [v.path for v in small_model().variables]
        assert verify(loaded, small_model()).passed


def test_non_trainable_layers_stay_so(keras, tmp_path):
    model = small_model()
    model.get_layer("hidden").trainable = False
    assert [v.path for v in to_keras(model).trainable_weights] == ["classes/kernel", "classes/bias"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "mixed_bfloat16"])
def test_dtypes_come_back(keras, tmp_path, dtype):
    model = pl.Sequential([pl.Input((4,)), pl.layers.Dense(3, dtype=dtype)])
    model.save(tmp_path / "m.onnx")
    made = to_keras(tmp_path / "m.onnx")
    assert made.layers[0].dtype_policy.name == dtype
    assert made.layers[0].kernel.dtype == model.layers[0].kernel.dtype
    for a, b in zip(from_onnx(tmp_path / "m.onnx").weights, model.weights, strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()


def test_nothing_is_written_for_what_cannot_be(tmp_path):
    proto = small_model().to_onnx()
    document = json.loads(proto.metadata_props[0].value)
    first = next(iter(document["weights"]))
    del document["weights"][first]
    proto.metadata_props[0].value = json.dumps(document)
    with pytest.raises(WeightsError, match=f"lacks the variable {first}"):
        to_keras_file(proto, tmp_path / "m.keras")
    with pytest.raises(ArchiveError, match=r"only names that end in \.keras"):
        to_keras_file(small_model(), tmp_path / "m.h5")
    with pytest.raises(ArchiveError, match="does not exist"):
        to_keras(tmp_path / "nope.onnx")
    assert os.listdir(tmp_path) == []
