"""The sequence models: one definition, two worlds."""

from __future__ import annotations

import json

import numpy as np
import pytest

import portable_layers
from converters import from_keras, to_keras
from models import causal_decoder, forecaster, text_classifier, transformer, translator, video
from runtime import InferenceEngine

MODELS = {
    "transformer": (transformer, {"length": None, "width": 32, "blocks": 2, "heads": 4}),
    "causal_decoder": (causal_decoder, {"width": 32}),
    "translator": (translator, {}),
    "forecaster": (forecaster, {}),
    "text_classifier": (text_classifier, {}),
    "video": (video, {"height": 6, "width": 5, "filters": 3}),
}


@pytest.fixture(scope="module", params=MODELS)
def twins(request, keras):
    """The model of both worlds with the same random weights, and the one that is read from Keras's."""
    module, sizes = MODELS[request.param]
    theirs, ours = module.build(keras, **sizes), module.build(portable_layers, **sizes)
    rng = np.random.default_rng(3)
    theirs.set_weights([w + rng.normal(0, 0.05, w.shape).astype("float32") for w in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def described(model):
    """Every layer with its config, in JSON's types."""
    return json.loads(json.dumps([(type(x).__name__, x.get_config()) for x in model.layers]))


def data_of(model, batch, length):
    """Tokens, padding among them, or numbers; each input of a length of its own."""
    rng = np.random.default_rng([batch, length])
    feed = {}
    for i, t in enumerate(model.inputs):
        shape = (batch, length + i, *t.shape[2:])
        drawn = rng.integers(0, 4, shape) if t.dtype == "int32" else rng.normal(size=shape)
        feed[t.name] = drawn.astype(t.dtype)
    return feed


def test_both_modules_build_the_same_network(twins):
    theirs, ours = twins
    assert described(ours) == described(theirs)
    assert [(v.path, v.shape) for v in ours.weights] == [(v.path, tuple(v.shape)) for v in theirs.weights]


@pytest.mark.parametrize(("batch", "length"), [(3, 9), (1, 4)])
def test_outputs_agree(twins, batch, length):
    """Also with padding (0) in any place, of both models: built here, and read from Keras's."""
    theirs, ours = twins
    feed = data_of(ours, batch, length)
    data = list(feed.values())
    expected = np.asarray(theirs(data if len(data) > 1 else data[0], training=False))
    for model in (ours, from_keras(theirs)):
        (got,) = InferenceEngine(model.to_onnx(), providers="cpu", threads=1).run(feed).values()
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_the_way_back_is_bit_exact(twins, tmp_path):
    theirs, _ = twins
    from_keras(theirs).save(tmp_path / "model.onnx")
    back = to_keras(tmp_path / "model.onnx")
    # Keras itself builds the layers inside of Bidirectional under shorter paths when it reads a config.
    assert [v.name for v in back.weights] == [v.name for v in theirs.weights]
    for ours, their in zip(back.get_weights(), theirs.get_weights(), strict=True):
        assert ours.tobytes() == their.tobytes()
