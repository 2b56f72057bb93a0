"""TimeDistributed against Keras: layers and models inside, unknown times, masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import few, noise
from recurrent_pair import PATTERNS, assert_exported_like_keras

import portable_layers as pl
from converters import from_keras
from portable_layers import layers
from runtime import InferenceEngine

# Makes a layer of Keras, and the shape of one step that it takes.
INSIDE = {
    "Dense": (lambda k: k.layers.Dense(3, activation="relu"), (4,)),
    "Dense on rows": (lambda k: k.layers.Dense(3), (2, 4)),
    "Conv2D": (lambda k: k.layers.Conv2D(2, 3, padding="same"), (5, 4, 3)),
    "Flatten": (lambda k: k.layers.Flatten(), (2, 3)),
    "LayerNormalization": (lambda k: k.layers.LayerNormalization(), (4,)),
    "BatchNormalization": (lambda k: k.layers.BatchNormalization(), (4,)),
    "GRU": (lambda k: k.layers.GRU(3, return_sequences=True), (3, 2)),
    "LSTM in both directions": (lambda k: k.layers.Bidirectional(k.layers.LSTM(2)), (3, 2)),
    "TimeDistributed": (lambda k: k.layers.TimeDistributed(k.layers.Dense(2)), (3, 2)),
    "Model": (lambda k: k.Model(x := k.Input((4,)), k.layers.Dense(3)(k.layers.Dense(2)(x))), (4,)),
    "Sequential": (lambda k: k.Sequential([k.Input((4,)), k.layers.Dense(3), k.layers.Dense(2)]), (4,)),
}


@pytest.mark.parametrize("inside", INSIDE)
@pytest.mark.parametrize("open_time", [False, True])
def test_layers_and_models_inside(keras, inside, open_time):
    make, shape = INSIDE[inside]
    layer = keras.layers.TimeDistributed(make(keras))
    # Until a model is saved, Keras says of it that it is not compiled, and has Sequential's name in paths.
    described = inside not in ("Model", "Sequential")
    assert_exported_like_keras(keras, layer, (5, 5, *shape), open_time=open_time, described=described)


@few
@given(steps=st.integers(1, 6), batch=st.integers(1, 4), open_time=st.booleans())
def test_any_number_of_steps(keras, steps, batch, open_time):
    layer = keras.layers.TimeDistributed(keras.layers.Dense(2))
    assert_exported_like_keras(keras, layer, (batch, steps, 3), open_time=open_time)


def test_masks_go_to_the_layer_inside_and_on(keras):
    """Steps of sequences: the inner mask is for the sequences, the outer one for what comes behind."""
    x, mask = keras.Input((5, 5, 2), name="x"), keras.Input((5, 5), dtype="bool", name="mask")
    y = keras.layers.TimeDistributed(keras.layers.LSTM(3))(x, mask=mask)
    theirs = keras.Model([x, mask], y)
    feed = {"x": noise((2, 5, 5, 2)), "mask": np.stack([PATTERNS, PATTERNS[::-1]])}
    engine = InferenceEngine(from_keras(theirs).to_onnx(), providers="cpu", threads=1)
    (found,) = engine.run(feed).values()
    np.testing.assert_allclose(found, np.asarray(theirs(list(feed.values()))), rtol=1e-5, atol=1e-6)


def test_a_mask_of_steps_reaches_the_layer_behind(keras):
    theirs = keras.Sequential(
        [
            keras.Input((5, 2)),
            keras.layers.Masking(),
            keras.layers.TimeDistributed(keras.layers.Dense(3)),
            keras.layers.LSTM(2),
        ]
    )
    x = noise((5, 5, 2)) * PATTERNS[..., None]
    engine = InferenceEngine(from_keras(theirs).to_onnx(), providers="cpu", threads=1)
    np.testing.assert_allclose(engine.run(x), np.asarray(theirs(x)), rtol=1e-5, atol=1e-6)


def test_several_inputs():
    inner = pl.Model(inputs := [pl.Input((2,)), pl.Input((3,))], layers.Concatenate()(inputs))
    a, b = noise((2, 4, 2)), noise((2, 4, 3))
    np.testing.assert_array_equal(layers.TimeDistributed(inner)([a, b]), np.concatenate([a, b], -1))


def test_a_stateful_layer_inside_goes_step_by_step(keras):
    data = noise((2, 4, 3, 2))
    inner = layers.GRU(2, stateful=True)
    layer = layers.TimeDistributed(inner)
    outputs = layer(data)
    alone = layers.GRU(2, stateful=True)
    alone.build((2, 3, 2))
    alone.set_weights(inner.get_weights())
    for step in range(4):
        np.testing.assert_allclose(outputs[:, step], alone(data[:, step]), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="known number of steps"):
        layers.TimeDistributed(layers.GRU(2, stateful=True))(pl.Input((None, 3, 2)))


def test_errors_say_what_was_received():
    with pytest.raises(ValueError, match="layer=3"):
        layers.TimeDistributed(3)
    with pytest.raises(ValueError, match="rank 3"):
        layers.TimeDistributed(layers.Dense(2))(pl.Input((4,)))
    with pytest.raises(ValueError, match="batch, time"):
        layers.TimeDistributed(layers.Dense(2))(noise((2, 4, 3)), mask=np.ones((2, 5), bool))
