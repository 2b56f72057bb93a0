"""SimpleRNN, LSTM, GRU and RNN against Keras: options, masks of any pattern, states, cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import assert_close, few, noise, some
from recurrent_pair import (
    BATCH,
    MASKS,
    PATTERNS,
    STEPS,
    assert_exported_like_keras,
    operators,
    recurrent_arguments,
)

import portable_layers as pl
from converters import from_keras, to_keras
from portable_layers import layers, ops
from portable_layers.errors import InputError, UnsupportedLayerError
from portable_layers.registry import classes
from runtime import InferenceEngine

OPERATORS = {"SimpleRNN": "RNN", "GRU": "GRU", "LSTM": "LSTM"}
SHAPE = (BATCH, STEPS, 3)


def states_of(kind: str, units: int) -> tuple[tuple[int, ...], ...]:
    return ((units,),) * (2 if kind == "LSTM" else 1)


@pytest.mark.parametrize("kind", OPERATORS)
@some
@given(data=st.data(), mask=MASKS, has_states=st.booleans(), is_open=st.booleans())
def test_every_option_with_any_mask(keras, kind, data, mask, has_states, is_open):
    arguments = data.draw(recurrent_arguments(kind))
    states = states_of(kind, arguments["units"]) if has_states else ()
    layer = getattr(keras.layers, kind)(**arguments)
    open_time = is_open and not arguments["unroll"]
    assert_exported_like_keras(keras, layer, SHAPE, mask, states, open_time)


@pytest.mark.parametrize("kind", OPERATORS)
@pytest.mark.parametrize("backwards", [False, True])
def test_masks_stay_on_the_fused_operator(keras, kind, backwards):
    layer = getattr(keras.layers, kind)(3, return_sequences=True, go_backwards=backwards)
    proto = assert_exported_like_keras(keras, layer, SHAPE, PATTERNS, states_of(kind, 3), open_time=True)
    assert operators(proto).count(OPERATORS[kind]) == 1
    assert not {"Scan", "Loop", "If"} & set(operators(proto))


@pytest.mark.parametrize("kind", OPERATORS)
def test_weights_come_back_bit_for_bit(keras, kind):
    for use_bias in (True, False):
        layer = getattr(keras.layers, kind)(3, use_bias=use_bias)
        inputs = keras.Input((4, 2))
        theirs = keras.Model(inputs, layer(inputs))
        theirs.set_weights([noise(w.shape, seed=i) for i, w in enumerate(theirs.weights)])
        proto = from_keras(theirs).to_onnx()
        fused = next(n for n in proto.graph.node if n.op_type == OPERATORS[kind])
        initializers = {t.name for t in proto.graph.initializer}
        # The gates are in ONNX's order in the file itself; no node arranges them.
        assert {n for n in fused.input[1:4] if n} <= initializers
        back = to_keras(proto)
        assert [v.path for v in back.weights] == [v.path for v in theirs.weights]
        for ours, their in zip(back.weights, theirs.weights, strict=True):
            assert np.asarray(ours).tobytes() == np.asarray(their).tobytes()


@pytest.mark.parametrize("source", ["Masking", "Embedding"])
def test_masks_of_layers_before(keras, source):
    if source == "Masking":
        first = [keras.Input((None, 3)), keras.layers.Masking()]
        x = noise(SHAPE) * PATTERNS[..., None]
    else:
        first = [keras.Input((None,), dtype="int32"), keras.layers.Embedding(9, 3, mask_zero=True)]
        x = (np.arange(1, 26).reshape(5, 5) % 8 + 1).astype("int32") * PATTERNS
    last = [keras.layers.GRU(3, return_sequences=True), keras.layers.LSTM(2)]
    theirs = keras.Sequential([*first, *last])
    engine = InferenceEngine(from_keras(theirs).to_onnx(), providers="cpu", threads=1)
    np.testing.assert_allclose(engine.run(x), np.asarray(theirs(x)), rtol=1e-5, atol=1e-6)


def test_an_encoder_hands_its_states_to_a_decoder(keras):
    source, target = keras.Input((None, 3), name="source"), keras.Input((None, 2), name="target")
    _, h, c = keras.layers.LSTM(4, return_state=True)(source)
    decoded, *states = keras.layers.LSTM(4, return_sequences=True, return_state=True)(
        target, initial_state=[h, c]
    )
    theirs = keras.Model([source, target], [keras.layers.Dense(5)(decoded), *states])
    feed = {"source": noise((2, 6, 3)), "target": noise((2, 4, 2), seed=1)}
    proto = from_keras(theirs).to_onnx()
    found = InferenceEngine(proto, providers="cpu", threads=1).run(feed)
    for our, their in zip(found.values(), theirs(list(feed.values())), strict=True):
        np.testing.assert_allclose(our, np.asarray(their), rtol=1e-5, atol=1e-6)
    back = to_keras(proto)
    np.testing.assert_array_equal(back(list(feed.values()))[0], theirs(list(feed.values()))[0])


@few
@given(
    kinds=st.lists(st.sampled_from(["SimpleRNNCell", "GRUCell", "LSTMCell"]), min_size=1, max_size=3),
    options=st.fixed_dictionaries(
        {
            n: st.booleans()
            for n in ("return_sequences", "return_state", "go_backwards", "zero_output_for_mask")
        }
    ),
    mask=MASKS,
)
def test_cells_and_stacks_of_cells(keras, kinds, options, mask):
    cells = [getattr(keras.layers, kind)(i + 2) for i, kind in enumerate(kinds)]
    layer = keras.layers.RNN(cells if len(cells) > 1 else cells[0], **options)
    assert_exported_like_keras(keras, layer, SHAPE, mask, open_time=True)


class DecayCell(layers.Layer):
    """A cell of one's own: two states, of which none is the output."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units, self.state_size, self.output_size = units, [units, 1], units + 1

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), "ones", name="kernel")

    def call(self, inputs, states):
        total, count = states
        total = ops.add(ops.multiply(total, 0.5), ops.matmul(inputs, self.kernel))
        return ops.concatenate([total, count], axis=-1), [total, ops.add(count, 1.0)]


@few
@given(mask=MASKS, zero=st.booleans(), sequences=st.booleans())
def test_a_cell_of_ones_own(mask, zero, sequences):
    layer = layers.RNN(DecayCell(2), return_sequences=sequences, return_state=True, zero_output_for_mask=zero)
    x = noise(SHAPE)
    outputs, total, count = layer(x, mask=mask)
    valid = np.ones((BATCH, STEPS), bool) if mask is None else mask
    expected, state = np.zeros((BATCH, STEPS, 3), "float32"), np.zeros((BATCH, 3), "float32")
    before = np.zeros((BATCH, 3), "float32")
    for t in range(STEPS):
        new = np.concatenate([state[:, :2] * 0.5 + x[:, t].sum(-1, keepdims=True), state[:, 2:]], -1)
        rows = valid[:, t : t + 1]
        before = expected[:, t] = np.where(rows, new, np.zeros_like(new) if zero else before)
        state = np.where(rows, np.concatenate([new[:, :2], state[:, 2:] + 1], -1), state)
    np.testing.assert_allclose(outputs, expected if sequences else expected[:, -1], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([total, count], -1), state, rtol=1e-5, atol=1e-5)


def test_a_registered_cell_makes_a_file_with_one_work(keras, tmp_path):
    """A file that names a class of the user's is read once a portable class has that name."""

    class ScaledCell(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

        def call(self, inputs, states):
            output = keras.ops.matmul(inputs, self.kernel) + 0.5 * states[0]
            return output, [output]

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    x, path = noise((2, 4, 3)), tmp_path / "model.keras"
    theirs = keras.Sequential([keras.Input((4, 3)), keras.layers.RNN([ScaledCell(3), ScaledCell(2)])])
    theirs.save(path)
    with pytest.raises(UnsupportedLayerError, match="ScaledCell"):
        from_keras(path)

    class ScaledCell(layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

        def call(self, inputs, states):
            output = ops.matmul(inputs, self.kernel) + 0.5 * states[0]
            return output, [output]

    try:
        engine = InferenceEngine(from_keras(path).to_onnx(), providers="cpu", threads=1)
        np.testing.assert_allclose(engine.run(x), np.asarray(theirs(x)), rtol=1e-5, atol=1e-6)
    finally:
        for name in ("ScaledCell", "Custom>ScaledCell"):
            classes().pop(name)


def test_integers_are_taken_as_numbers(keras):
    layer = layers.LSTM(2)
    x = noise((2, 3, 2), "int32") // 20
    theirs = keras.layers.LSTM(2)
    theirs.build((None, 3, 2))
    layer.build((None, 3, 2))
    layer.set_weights([np.asarray(w) for w in theirs.weights])
    assert_close(layer(x), theirs(x))


@pytest.mark.parametrize("kind", OPERATORS)
@pytest.mark.parametrize("dropout", [(0.5, 0.0), (0.0, 0.5)])
def test_dropout_is_drawn_in_training_only(kind, dropout):
    options = dict(zip(("dropout", "recurrent_dropout"), dropout, strict=True))
    x = pl.Input((6, 3), name="x")
    model = pl.Model(x, getattr(layers, kind)(4, **options)(x))
    data = noise((3, 6, 3))

    def run(training: bool) -> np.ndarray:
        proto = model.to_onnx(training=training)
        return InferenceEngine(proto, providers="cpu", threads=1).run(data)

    assert "Dropout" not in operators(model.to_onnx())
    np.testing.assert_array_equal(run(False), run(False))
    assert np.abs(run(True) - run(False)).max() > 1e-3


def test_errors_say_what_was_received():
    with pytest.raises(ValueError, match="units=0"):
        layers.GRU(0)
    with pytest.raises(ValueError, match="state_size"):
        layers.RNN(layers.Dense(3))
    with pytest.raises(ValueError, match="use_cudnn='yes'"):
        layers.LSTM(2, use_cudnn="yes")
    with pytest.raises(ValueError, match="unroll=True"):
        layers.GRU(2, unroll=True)(pl.Input((None, 3)))
    with pytest.raises(InputError, match=r"takes 2 initial states\. Received: 1"):
        layers.LSTM(2)(pl.Input((4, 3)), initial_state=[pl.Input((2,))])
    with pytest.raises(InputError, match="ndim=3"):
        layers.SimpleRNN(2)(pl.Input((3,)))
