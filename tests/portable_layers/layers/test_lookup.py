"""IntegerLookup and StringLookup against Keras: vocabularies, files, both directions."""

from __future__ import annotations

import numpy as np
import pytest
from text_models import (
    assert_adapts_like_keras,
    assert_every_way,
    assert_same,
    exported,
    given_by_keras,
    model_of,
    strings,
)

import portable_layers as pl
from portable_layers import layers
from portable_layers.errors import InferenceError, PortableLayersError, SerializationError

INTEGERS = np.array([[12, 7, 42], [0, 12, 12], [-5, 36, 10**15]], np.int64)
WORDS = strings(["a", "x", ""], ["c", "c", "a"])
IDF = {"output_mode": "tf_idf", "idf_weights": [0.5, 0.25, 2.0]}


@pytest.mark.parametrize(
    "arguments",
    [
        {"mask_token": 0, "output_mode": "multi_hot"},
        {"output_mode": "count", "pad_to_max_tokens": True, "max_tokens": 9},
        {"num_oov_indices": 3, "oov_method": "farmhash"},
        {"num_oov_indices": 4, "oov_method": "farmhash", "salt": [133, 137], "mask_token": 0},
        {"num_oov_indices": 2, "output_mode": "one_hot"},
        {**IDF, "mask_token": 0},
        {**IDF, "pad_to_max_tokens": True, "max_tokens": 6},
    ],
)
def test_integers_are_looked_up_as_in_keras(keras, arguments):
    arguments = {"vocabulary": [12, 36, 42], **arguments}
    expected = given_by_keras(keras, keras.layers.IntegerLookup(**arguments), INTEGERS)
    assert_same(exported(model_of(pl, layers.IntegerLookup(**arguments), INTEGERS), INTEGERS), expected)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"mask_token": ""}, {"mask_token": "", "output_mode": "count"}, IDF, {"output_mode": "one_hot"}],
)
def test_strings_are_looked_up_as_in_keras(keras, arguments):
    arguments = {"vocabulary": ["a", "b", "c"], **arguments}
    expected = given_by_keras(keras, keras.layers.StringLookup(**arguments), WORDS)
    assert_same(exported(model_of(pl, layers.StringLookup(**arguments), WORDS), WORDS), expected)


@pytest.mark.parametrize("mode", ["int", "multi_hot", "tf_idf"])
def test_an_adapted_vocabulary_survives_every_way(keras, mode, tmp_path):
    layer = keras.layers.StringLookup(output_mode=mode, mask_token="")
    layer.adapt(WORDS.tolist())
    assert_every_way(keras, layer, WORDS, tmp_path)


def test_adapted_integers_survive_every_way(keras, tmp_path):
    layer = keras.layers.IntegerLookup(output_mode="count")
    layer.adapt(INTEGERS)
    assert_every_way(keras, layer, INTEGERS, tmp_path)


@pytest.mark.parametrize("arguments", [{}, {"max_tokens": 3}, {"output_mode": "tf_idf"}, {"mask_token": ""}])
def test_strings_are_counted_as_in_keras(keras, arguments):
    assert_adapts_like_keras(keras, "StringLookup", WORDS, **arguments)


def test_integers_are_counted_as_in_keras(keras):
    assert_adapts_like_keras(keras, "IntegerLookup", INTEGERS, num_oov_indices=2)


def test_an_unknown_term_is_an_error_where_nothing_stands_for_it():
    model = model_of(pl, layers.StringLookup(vocabulary=["a", "c"], num_oov_indices=0), WORDS)
    assert_same(exported(model, strings(["c", "a", "c"])), np.array([[1, 0, 1]]))
    with pytest.raises(InferenceError, match="out of data bounds"):
        exported(model, WORDS)


def test_a_file_may_not_name_another_file(tmp_path):
    path = tmp_path / "terms.txt"
    path.write_text("a\nb\n")
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    for cls in (layers.StringLookup, layers.TextVectorization):
        with pytest.raises(SerializationError, match="must not read other files"):
            cls.from_config({**cls().get_config(), "vocabulary": str(path)})


def test_what_cannot_be_exported_says_why():
    with pytest.raises(PortableLayersError, match="no vocabulary"):
        model_of(pl, layers.StringLookup(), WORDS).to_onnx()
    layer = layers.StringLookup(vocabulary=["a"], output_mode="count", sparse=True)
    with pytest.raises(PortableLayersError, match="sparse"):
        model_of(pl, layer, WORDS).to_onnx()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocabulary": ["a", "a"]}, "repeated"),
        ({"vocabulary": ["a", "", "b"], "mask_token": ""}, "reserved"),
        ({"vocabulary": ["a", "b"], "max_tokens": 2}, "exceeds max_tokens"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "idf_weights"),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.StringLookup(**arguments)
