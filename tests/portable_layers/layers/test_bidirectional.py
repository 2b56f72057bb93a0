"""Bidirectional against Keras: merge modes, masks of any pattern, states, layers inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import few, noise, some
from recurrent_pair import (
    BATCH,
    MASKS,
    MERGES,
    PATTERNS,
    STEPS,
    assert_exported_like_keras,
    operators,
    recurrent_arguments,
)

from converters import from_keras, to_keras
from portable_layers import layers

KINDS = {"SimpleRNN": "RNN", "GRU": "GRU", "LSTM": "LSTM"}
SHAPE = (BATCH, STEPS, 3)


@pytest.mark.parametrize("kind", KINDS)
@some
@given(data=st.data(), merge=MERGES, mask=MASKS, has_states=st.booleans())
def test_every_option_with_any_mask(keras, kind, data, merge, mask, has_states):
    arguments = data.draw(recurrent_arguments(kind)) | {"go_backwards": False}
    states = ((arguments["units"],),) * (4 if kind == "LSTM" else 2) if has_states else ()
    layer = keras.layers.Bidirectional(getattr(keras.layers, kind)(**arguments), merge_mode=merge)
    assert_exported_like_keras(keras, layer, SHAPE, mask, states)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", [None, PATTERNS], ids=["whole", "masked"])
@pytest.mark.parametrize("sequences", [True, False])
def test_both_directions_are_one_node(keras, kind, mask, sequences):
    layer = keras.layers.Bidirectional(getattr(keras.layers, kind)(3, return_sequences=sequences))
    found = operators(assert_exported_like_keras(keras, layer, SHAPE, mask, open_time=True))
    assert found.count(KINDS[kind]) == 1
    assert "Scan" not in found
    if mask is None:
        # The directions come out side by side: nothing is split and joined again.
        assert found == ["Transpose", KINDS[kind], "Transpose", "Reshape"]


@few
@given(
    forward=st.sampled_from(["SimpleRNN", "GRU", "LSTM"]),
    backward=st.sampled_from(["SimpleRNN", "GRU", "LSTM"]),
    swapped=st.booleans(),
    sequences=st.booleans(),
    merge=MERGES,
    mask=MASKS,
)
def test_a_backward_layer_of_its_own(keras, forward, backward, swapped, sequences, merge, mask):
    first = getattr(keras.layers, forward)(2, return_sequences=sequences, go_backwards=swapped)
    second = getattr(keras.layers, backward)(
        2, return_sequences=sequences, go_backwards=not swapped, activation="relu"
    )
    layer = keras.layers.Bidirectional(first, merge_mode=merge, backward_layer=second)
    assert_exported_like_keras(keras, layer, SHAPE, mask)


@pytest.mark.parametrize("mask", [None, PATTERNS], ids=["whole", "masked"])
def test_other_layers_inside(keras, mask):
    stack = keras.layers.RNN([keras.layers.GRUCell(2), keras.layers.LSTMCell(3)], return_sequences=True)
    assert_exported_like_keras(keras, keras.layers.Bidirectional(stack), SHAPE, mask)
    images = keras.layers.ConvLSTM1D(2, 2, return_sequences=True)
    layer = keras.layers.Bidirectional(images, merge_mode="sum")
    assert_exported_like_keras(keras, layer, (BATCH, STEPS, 4, 2), mask)


def test_weights_come_back_bit_for_bit(keras):
    x = keras.Input((4, 2))
    forward = keras.layers.LSTM(3, use_bias=False, return_sequences=True)
    backward = keras.layers.LSTM(3, return_sequences=True, go_backwards=True)
    layer = keras.layers.Bidirectional(forward, backward_layer=backward)
    theirs = keras.Model(x, layer(x))
    theirs.set_weights([noise(w.shape, seed=i) for i, w in enumerate(theirs.weights)])
    proto = from_keras(theirs).to_onnx()
    assert operators(proto).count("LSTM") == 1
    back = to_keras(proto)
    for ours, their in zip(back.weights, theirs.weights, strict=True):
        assert np.asarray(ours).tobytes() == np.asarray(their).tobytes()
    data = noise((2, 4, 2))
    np.testing.assert_array_equal(back(data), theirs(data))


def test_errors_say_what_was_received():
    with pytest.raises(ValueError, match="merge_mode='max'"):
        layers.Bidirectional(layers.GRU(2), merge_mode="max")
    with pytest.raises(ValueError, match="layer=3"):
        layers.Bidirectional(3)
    with pytest.raises(ValueError, match="go_backwards"):
        layers.Bidirectional(layers.GRU(2), backward_layer=layers.GRU(2))
    with pytest.raises(ValueError, match="same return_state"):
        layers.Bidirectional(
            layers.GRU(2), backward_layer=layers.GRU(2, go_backwards=True, return_state=True)
        )
    with pytest.raises(AttributeError, match="not stateful"):
        layers.Bidirectional(layers.GRU(2)).reset_state()
