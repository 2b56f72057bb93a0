"""Hashing, HashedCrossing, Discretization and CategoryEncoding against Keras, beyond their cases."""

from __future__ import annotations

import numpy as np
import pytest
from text_models import assert_same, exported, given_by_keras, model_of, strings

import portable_layers as pl
from portable_layers import layers
from portable_layers.errors import UnsupportedLayerError

# Decimal strings of every length, and the ends of the range.
NUMBERS = np.array(
    [0, 9, -1, *(s * (10**k + 7 * k) for k in range(1, 19) for s in (1, -1)), 2**63 - 1, -(2**63)], np.int64
)[:, None]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"salt": [133, 137]},
        {"salt": 7, "mask_value": 9},
        {"output_mode": "one_hot"},
        {"output_mode": "multi_hot", "mask_value": 0},
    ],
)
def test_integers_are_hashed_as_in_keras(keras, arguments):
    expected = given_by_keras(keras, keras.layers.Hashing(97, **arguments), NUMBERS)
    layer = layers.Hashing(97, **arguments)
    assert_same(exported(model_of(pl, layer, NUMBERS), NUMBERS), expected)
    assert layer.get_config() | {"name": ""} == keras.layers.Hashing(97, **arguments).get_config() | {
        "name": "",
        "dtype": layer.get_config()["dtype"],
    }


@pytest.mark.parametrize("mode", ["int", "one_hot"])
def test_integers_are_crossed_as_in_keras(keras, mode):
    pair = [NUMBERS[:, 0], NUMBERS[::-1, 0].copy()]
    expected = np.asarray(keras.layers.HashedCrossing(31, output_mode=mode)(pair))
    assert_same(layers.HashedCrossing(31, output_mode=mode)(pair), expected)


@pytest.mark.parametrize("arguments", [{}, {"salt": 3}])
def test_hashed_strings_are_refused(arguments):
    model = model_of(pl, layers.Hashing(5, **arguments), strings(["a"]))
    with pytest.raises(UnsupportedLayerError, match="no operator hashes strings"):
        model.to_onnx()


def test_crossed_strings_are_refused():
    inputs = [pl.Input((), dtype="string", name="a"), pl.Input((), dtype="int64", name="b")]
    model = pl.Model(inputs, layers.HashedCrossing(5)(inputs))
    with pytest.raises(UnsupportedLayerError, match="no operator hashes strings"):
        model.to_onnx()


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_numbers_fall_into_the_bins_of_keras(keras, mode):
    x = np.array([[-np.inf, -1.0, -0.0], [np.nan, 0.5, np.inf]], np.float32)
    arguments = {"bin_boundaries": [-1.0, 0.0, 0.5], "output_mode": mode}
    expected = given_by_keras(keras, keras.layers.Discretization(**arguments), x)
    assert_same(layers.Discretization(**arguments)(x), expected)


def test_discretization_adapts_as_in_keras(keras):
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(300, 2)).astype(np.float32) for _ in range(3)]
    theirs, ours = (f.layers.Discretization(num_bins=5) for f in (keras, pl))
    theirs.adapt(data)
    ours.adapt(data)
    assert ours.bin_boundaries == theirs.bin_boundaries
    again = layers.Discretization.from_config(ours.get_config())
    assert again.get_config() == ours.get_config()


@pytest.mark.parametrize("mode", ["multi_hot", "count", "one_hot"])
def test_categories_that_are_none_count_for_nothing(keras, mode):
    x = np.array([[[0, 5], [1, 1]], [[2, 0], [2, 2]]], np.int64)
    arguments = {"num_tokens": 3, "output_mode": mode}
    expected = given_by_keras(keras, keras.layers.CategoryEncoding(**arguments), x)
    assert_same(layers.CategoryEncoding(**arguments)(x), expected)


def test_weights_are_counted(keras):
    x, weights = np.array([[0, 1, 1], [2, 2, 0]]), np.array([[0.5, 1, 2], [3, 0.25, 1]], np.float32)
    theirs, ours = (
        f.layers.CategoryEncoding(num_tokens=3, output_mode="count")(x, count_weights=weights)
        for f in (keras, pl)
    )
    assert_same(ours, theirs)
