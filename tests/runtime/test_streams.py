"""Stateful models: the states in the graph, in the engine, and in streams of runs."""

from __future__ import annotations

import json
import threading

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_models import identity

import portable_layers as pl
from converters import from_keras, to_keras, verify
from portable_layers import layers
from portable_layers.errors import InferenceError, InputError
from portable_layers.metadata import STATES_KEY
from runtime import InferenceEngine


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def open_batch_engine(**options) -> InferenceEngine:
    """A stateful LSTM that takes any batch."""
    x = pl.Input((None, 3), name="x")
    y = layers.LSTM(4, stateful=True, name="lstm", **options)(x)
    return InferenceEngine(pl.Model(x, y).to_onnx(), providers="cpu", threads=1)


def stateful_model(keras, layer, shape=(2, None, 3)):
    x = keras.Input(batch_shape=shape, name="x")
    model = keras.Model(x, layer(x))
    model.set_weights([noise(*w.shape, seed=i) for i, w in enumerate(model.weights)])
    return model


def test_states_are_named_and_paired(keras):
    theirs = stateful_model(keras, keras.layers.LSTM(4, stateful=True, return_sequences=True, name="lstm"))
    proto = from_keras(theirs).to_onnx()
    onnx.checker.check_model(proto, full_check=True)
    assert [v.name for v in proto.graph.input] == ["x", "lstm/h_in", "lstm/c_in"]
    assert [v.name for v in proto.graph.output] == ["lstm", "lstm/h_out", "lstm/c_out"]
    (text,) = (p.value for p in proto.metadata_props if p.key == STATES_KEY)
    assert json.loads(text) == {"lstm/h_in": "lstm/h_out", "lstm/c_in": "lstm/c_out"}
    engine = InferenceEngine(proto, providers="cpu", threads=1)
    assert engine.states == json.loads(text)
    assert [info.required for info in engine.inputs] == [True, False, False]


STATEFUL = {
    "SimpleRNN": lambda k: k.layers.SimpleRNN(3, stateful=True),
    "GRU": lambda k: k.layers.GRU(3, stateful=True, return_sequences=True, go_backwards=True),
    "LSTM": lambda k: k.layers.LSTM(3, stateful=True, return_state=True),
    "LSTM by Scan": lambda k: k.layers.LSTM(3, stateful=True, activation="gelu"),
    "Bidirectional": lambda k: k.layers.Bidirectional(k.layers.GRU(2, stateful=True)),
    "stacked cells": lambda k: k.layers.RNN([k.layers.LSTMCell(2), k.layers.GRUCell(3)], stateful=True),
}


@pytest.mark.parametrize("kind", STATEFUL)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.integers(1, 5), min_size=2, max_size=4))
def test_a_stream_gives_what_keras_gives_chunk_by_chunk(keras, kind, chunks):
    theirs = stateful_model(keras, STATEFUL[kind](keras))
    ours = from_keras(theirs)
    stream = InferenceEngine(ours.to_onnx(), providers="cpu", threads=1).stream()
    for number, steps in enumerate(chunks):
        x = noise(2, steps, 3, seed=number)
        expected = [np.asarray(y) for y in keras.tree.flatten(theirs(x))]
        for found in (list(stream.run({"x": x}).values()), pl.tree.flatten(ours(x))):
            for our, their in zip(found, expected, strict=True):
                np.testing.assert_allclose(our, their, rtol=1e-5, atol=1e-5)


def test_a_stateful_conv_lstm(keras):
    layer = keras.layers.ConvLSTM1D(2, 2, stateful=True)
    theirs = stateful_model(keras, layer, (2, None, 5, 2))
    stream = InferenceEngine(from_keras(theirs).to_onnx(), providers="cpu", threads=1).stream()
    for seed in range(3):
        x = noise(2, 3, 5, 2, seed=seed)
        np.testing.assert_allclose(stream.run(x), np.asarray(theirs(x)), rtol=1e-5, atol=1e-5)


def test_a_stream_equals_one_long_run():
    engine = open_batch_engine(return_sequences=True)
    x = noise(3, 12, 3)
    whole = engine.run(x)
    stream = engine.stream()
    parts = [stream.run(part) for part in np.split(x, [1, 4, 10], axis=1)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-6, atol=1e-6)


def test_runs_without_states_start_from_zeros():
    engine = open_batch_engine()
    x = noise(2, 5, 3)
    first = engine.run({"x": x})
    assert set(first) == {"lstm", "lstm/h_out", "lstm/c_out"}
    for array in first.values():
        assert array.shape == (2, 4)
    np.testing.assert_array_equal(engine.run(x), first["lstm"])
    zeros = {name: np.zeros((2, 4), "float32") for name in engine.states}
    np.testing.assert_array_equal(engine.run({"x": x, **zeros})["lstm"], first["lstm"])
    carried = {start: first[end] for start, end in engine.states.items()}
    stream = engine.stream()
    stream.run(x)
    np.testing.assert_array_equal(engine.run({"x": x, **carried})["lstm"], stream.run(x))
    np.testing.assert_array_equal(engine.run({"x": x}, outputs=["lstm"])["lstm"], first["lstm"])


def test_streams_know_nothing_of_each_other():
    engine = open_batch_engine()
    chunks = noise(6, 4, 3, 5, 3)  # run, stream, batch, time, features
    alone = []
    for number in range(4):
        stream = engine.stream()
        alone.append([stream.run(chunk[number]) for chunk in chunks])
    streams = [engine.stream() for _ in range(4)]
    for i, chunk in enumerate(chunks):
        for number, stream in enumerate(streams):
            np.testing.assert_array_equal(stream.run(chunk[number]), alone[number][i])


def test_streams_in_threads():
    engine = open_batch_engine()
    chunks = noise(20, 2, 3, 3)
    stream = engine.stream()
    expected = [stream.run(chunk) for chunk in chunks]
    found: dict[int, list[np.ndarray]] = {}

    def work(number: int) -> None:
        own = engine.stream()
        found[number] = [own.run(chunk) for chunk in chunks]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for outputs in found.values():
        np.testing.assert_array_equal(outputs, expected)


def test_reset_starts_anew_with_any_batch():
    engine = open_batch_engine()
    stream = engine.stream()
    assert stream.states == {}
    x = noise(2, 5, 3)
    first = stream.run(x)
    assert set(stream.states) == {"lstm/h_in", "lstm/c_in"}
    assert np.abs(stream.run(x) - first).max() > 1e-4
    stream.reset()
    np.testing.assert_array_equal(stream.run(x), first)
    stream.reset()
    assert stream(noise(7, 5, 3)).shape == (7, 4)


def test_a_failed_call_leaves_the_states_as_they_were():
    engine = open_batch_engine()
    stream = engine.stream()
    stream.run(noise(2, 5, 3))
    before = stream.states
    with pytest.raises(InputError, match=r"received batch=3, expected batch=2"):
        stream.run(noise(3, 5, 3))
    with pytest.raises(InputError, match="float64"):
        stream.run(noise(2, 5, 3).astype("float64"))
    with pytest.raises(InputError, match="missing input 'x'"):
        stream.run({})
    with pytest.raises(InputError, match="states of its own"):
        stream.run({"x": noise(2, 5, 3), "lstm/h_in": before["lstm/h_in"]})
    with pytest.raises(InputError, match="unknown output 'lstm/h_out'"):
        stream.run(noise(2, 5, 3), outputs=["lstm/h_out"])
    for name, array in stream.states.items():
        np.testing.assert_array_equal(array, before[name])


def test_a_fixed_batch_is_an_error_that_says_it(keras):
    theirs = stateful_model(keras, keras.layers.GRU(3, stateful=True))
    engine = InferenceEngine(from_keras(theirs).to_onnx(), providers="cpu", threads=1)
    with pytest.raises(InputError, match="expected 2 at axis 0"):
        engine.stream().run(noise(3, 4, 3))


def test_a_layer_holds_states_between_calls_on_arrays():
    layer = layers.GRU(3, stateful=True)
    assert layer.states is None
    x = noise(2, 4, 3)
    first = layer(x)
    np.testing.assert_array_equal(layer.states[0], first)
    assert np.abs(layer(x) - first).max() > 1e-4
    with pytest.raises(InputError, match=r"a batch of 2\. Received: a batch of 3"):
        layer(noise(3, 4, 3))
    layer.reset_state()
    np.testing.assert_array_equal(layer(x), first)


def test_a_layer_called_twice_in_one_model_goes_on():
    layer = layers.SimpleRNN(3, stateful=True, return_sequences=True, name="rnn")
    x = pl.Input((4, 3), name="x")
    engine = InferenceEngine(pl.Model(x, layer(layer(x))).to_onnx(), providers="cpu", threads=1)
    assert engine.states == {"rnn/h_in": "rnn/h_out"}
    data = noise(2, 4, 3)
    output, state = engine.run({"x": data}).values()
    np.testing.assert_array_equal(output[:, -1], state)
    np.testing.assert_allclose(output, layer(layer(data)), rtol=1e-6, atol=1e-6)


def test_the_way_back_and_verification(keras):
    theirs = stateful_model(keras, keras.layers.LSTM(3, stateful=True, name="lstm"))
    proto = from_keras(theirs).to_onnx()
    back = to_keras(proto)
    x = noise(2, 4, 3)
    np.testing.assert_array_equal(back(x), theirs(x))
    np.testing.assert_array_equal(back(x), theirs(x))
    assert verify(theirs, proto, inputs={"x": x}).passed


def test_a_model_without_states_has_no_streams():
    with pytest.raises(InputError, match="keeps no states"):
        InferenceEngine(identity(), providers="cpu").stream()


@pytest.mark.parametrize("text", ["{", "[]", '{"x": "z"}'])
def test_metadata_that_names_what_is_not_there(text):
    with pytest.raises(InferenceError, match="must be a JSON object"):
        InferenceEngine(identity(metadata={STATES_KEY: text}), providers="cpu")
