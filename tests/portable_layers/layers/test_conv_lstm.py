"""ConvLSTM1D, 2D and 3D against Keras: options, masks of any pattern, states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import FORMATS, few, in_format, noise
from recurrent_pair import BATCH, MASKS, PATTERNS, STEPS, assert_exported_like_keras

import portable_layers as pl
from converters import from_keras, to_keras
from portable_layers import layers


@st.composite
def conv_lstms(draw, rank):
    """Arguments, and the shape of one step."""
    flags = ["use_bias", "return_sequences", "return_state", "go_backwards", "zero_output_for_mask"]
    arguments = {name: draw(st.booleans()) for name in flags}
    one = st.integers(1, 2)
    # TensorFlow has no strides that differ from axis to axis.
    strides, dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2)]))
    arguments |= {
        "filters": draw(one),
        "kernel_size": tuple(draw(st.integers(1, 3)) for _ in range(rank)),
        "strides": strides,
        "dilation_rate": dilation,
        "padding": draw(st.sampled_from(["valid", "same"])),
        # TensorFlow on a CPU has these of rank 1 and 2 only.
        "data_format": draw(FORMATS) if rank < 3 else "channels_last",
        "activation": draw(st.sampled_from(["tanh", "relu", "gelu"])),
        "recurrent_activation": draw(st.sampled_from(["sigmoid", "hard_sigmoid"])),
    }
    sizes = [draw(st.integers(5, 6)) for _ in range(rank)]
    return arguments, in_format(arguments["data_format"], sizes, draw(one))


@pytest.mark.parametrize("rank", [1, 2, 3])
@few
@given(data=st.data(), mask=MASKS, has_states=st.booleans(), open_time=st.booleans())
def test_every_option_with_any_mask(keras, rank, data, mask, has_states, open_time):
    arguments, shape = data.draw(conv_lstms(rank))
    layer = getattr(keras.layers, f"ConvLSTM{rank}D")(**arguments)
    states = ()
    if has_states:
        probe = getattr(layers, f"ConvLSTM{rank}D")(**arguments | {"return_sequences": False})
        outputs = probe(pl.Input((STEPS, *shape)))
        output = outputs[0] if arguments["return_state"] else outputs
        states = (output.shape[1:],) * 2
    assert_exported_like_keras(keras, layer, (BATCH, STEPS, *shape), mask, states, open_time, 5e-5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_no_step_transposes(data_format):
    layer = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True, data_format=data_format)
    x = pl.Input((None, *in_format(data_format, [5, 4], 2)))
    graph = pl.Model(x, layer(x)).to_onnx().graph
    (scan,) = (node for node in graph.node if node.op_type == "Scan")
    (body,) = (a.g for a in scan.attribute if a.name == "body")
    inside = [node.op_type for node in body.node]
    assert inside.count("Conv") == 1
    assert "Transpose" not in inside


def test_weights_come_back_bit_for_bit(keras):
    x = keras.Input((3, 5, 4, 2))
    theirs = keras.Model(x, keras.layers.ConvLSTM2D(3, 2, padding="same")(x))
    theirs.set_weights([noise(w.shape, seed=i) for i, w in enumerate(theirs.weights)])
    back = to_keras(from_keras(theirs).to_onnx())
    assert [v.path for v in back.weights] == [v.path for v in theirs.weights]
    for ours, their in zip(back.weights, theirs.weights, strict=True):
        assert np.asarray(ours).tobytes() == np.asarray(their).tobytes()


def test_a_call_on_arrays(keras):
    theirs = keras.layers.ConvLSTM1D(2, 2, return_sequences=True, return_state=True)
    data = noise((BATCH, STEPS, 6, 2))
    expected = theirs(data, mask=PATTERNS)
    ours = layers.ConvLSTM1D(2, 2, return_sequences=True, return_state=True)
    ours.build(data.shape)
    ours.set_weights([np.asarray(w) for w in theirs.weights])
    for our, their in zip(ours(data, mask=PATTERNS), expected, strict=True):
        np.testing.assert_allclose(our, np.asarray(their), rtol=1e-5, atol=1e-6)


def test_errors_say_what_was_received():
    with pytest.raises(ValueError, match="filters=0"):
        layers.ConvLSTM2D(0, 3)
    with pytest.raises(ValueError, match="padding='causal'"):
        layers.ConvLSTM1D(2, 3, padding="causal")
    with pytest.raises(ValueError, match="exclude each other"):
        layers.ConvLSTM1D(2, 3, strides=2, dilation_rate=2)
    with pytest.raises(ValueError, match="known spatial sizes"):
        layers.ConvLSTM1D(2, 3)(pl.Input((4, None, 2)))
