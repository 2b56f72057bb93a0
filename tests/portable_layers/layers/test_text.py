"""TextVectorization against Keras."""

from __future__ import annotations

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
from portable_layers.errors import GraphError, PortableLayersError

TEXTS = strings(
    ["The cat sat, on the mat!"],
    [""],
    ["  ÉTÉ\tà la   'plage'\n--  cat's [x]\\y^_`{|}~ "],
    ["!!! ..."],
    ["the"],
)
TERMS = ["the", "cat", "sat", "été", "la", "cats", "xy", "The", "the cat", "cat sat on", "t"]


@pytest.mark.parametrize("standardize", ["lower_and_strip_punctuation", "lower", "strip_punctuation", None])
@pytest.mark.parametrize("split", ["whitespace", "character", None])
def test_texts_are_standardized_and_split_as_in_keras(keras, standardize, split):
    _assert_like_keras(keras, standardize=standardize, split=split)


@pytest.mark.parametrize(
    "arguments",
    [
        {"ngrams": 2},
        {"ngrams": (3, 1)},
        {"ngrams": (7,)},
        {"ngrams": 2, "output_mode": "count"},
        {"ngrams": 2, "output_sequence_length": 4},
        {"output_sequence_length": 12},
        {"output_mode": "multi_hot", "pad_to_max_tokens": True, "max_tokens": 20},
        {"output_mode": "tf_idf", "idf_weights": [0.25 * i for i in range(len(TERMS))]},
    ],
)
def test_tokens_become_numbers_as_in_keras(keras, arguments):
    _assert_like_keras(keras, **arguments)


def test_rank_1_is_taken_too(keras):
    arguments = {"vocabulary": TERMS}
    expected = given_by_keras(keras, keras.layers.TextVectorization(**arguments), TEXTS[:, 0])
    assert_same(layers.TextVectorization(**arguments)(TEXTS[:, 0]), expected)


@pytest.mark.parametrize("arguments", [{}, {"output_mode": "tf_idf"}, {"max_tokens": 4, "ngrams": 2}])
def test_words_are_counted_as_in_keras(keras, arguments):
    assert_adapts_like_keras(keras, "TextVectorization", TEXTS, **arguments)


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_an_adapted_vocabulary_survives_every_way(keras, mode, tmp_path):
    layer = keras.layers.TextVectorization(output_mode=mode)
    layer.adapt(TEXTS.tolist())
    assert_every_way(keras, layer, TEXTS, tmp_path)


def test_what_cannot_be_exported_says_why():
    with pytest.raises(ValueError, match="a function of your own"):
        layers.TextVectorization(standardize=str.lower)
    with pytest.raises(PortableLayersError, match="ragged"):
        model_of(pl, layers.TextVectorization(vocabulary=["a"], ragged=True), TEXTS).to_onnx()
    with pytest.raises(GraphError, match="opset 20"):
        model_of(pl, layers.TextVectorization(vocabulary=["a"]), TEXTS).to_onnx(17)


def _assert_like_keras(keras, **arguments):
    arguments = {"vocabulary": TERMS, **arguments}
    expected = given_by_keras(keras, keras.layers.TextVectorization(**arguments), TEXTS)
    assert_same(exported(model_of(pl, layers.TextVectorization(**arguments), TEXTS), TEXTS), expected)
