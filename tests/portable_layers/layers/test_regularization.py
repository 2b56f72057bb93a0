"""What the dropout family does in training; at inference its declared cases are the identity."""

from __future__ import annotations

import numpy as np
import pytest

import portable_layers as pl
from portable_layers import layers
from runtime import InferenceEngine

ONES = np.ones((40, 50, 60), np.float32)
ALPHA = -1.7580993408473766


def train(layer, x=ONES, opset=None):
    inputs = pl.Input(x.shape[1:], dtype=x.dtype)
    model = pl.Model(inputs, layer(inputs))
    proto = model.to_onnx(opset, training=True)
    return InferenceEngine(proto, providers="cpu", threads=1).run(x)


def test_dropout_zeroes_its_share_and_scales_the_rest():
    y = train(layers.Dropout(0.25))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.01)


def test_dropout_of_everything_and_of_nothing():
    assert not train(layers.Dropout(1)).any()
    np.testing.assert_array_equal(train(layers.Dropout(0)), ONES)


@pytest.mark.parametrize(
    ("layer", "shared"),
    [
        (layers.Dropout(0.5, noise_shape=(None, 1, None)), (1,)),
        (layers.Dropout(0.5, noise_shape=(1, 50, 1)), (0, 2)),
        (layers.SpatialDropout1D(0.5), (1,)),
    ],
)
def test_a_noise_shape_drops_whole_slices(layer, shared):
    y = train(layer)
    first = np.take(y, [0], shared[0]) if len(shared) == 1 else y[:1, :, :1]
    np.testing.assert_array_equal(y, np.broadcast_to(first, y.shape))
    assert (first == 0).mean() == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", [2, 3])
def test_spatial_dropout_drops_channels(rank, data_format):
    spatial = (3,) * rank
    sizes = (*spatial, 200) if data_format == "channels_last" else (200, *spatial)
    layer = getattr(layers, f"SpatialDropout{rank}D")(0.5, data_format=data_format)
    y = train(layer, np.ones((10, *sizes), np.float32))
    y = np.moveaxis(y, -1 if data_format == "channels_last" else 1, 1).reshape(10, 200, -1)
    np.testing.assert_array_equal(y, np.broadcast_to(y[..., :1], y.shape))
    assert (y == 0).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("opset", [17, 21, 24])
@pytest.mark.parametrize(
    ("layer", "deviation"), [(layers.GaussianDropout(0.2), 0.5), (layers.GaussianNoise(0.3), 0.3)]
)
def test_gaussian_layers_have_the_moments_of_their_distribution(layer, deviation, opset):
    """Also in opsets in which ONNX Runtime lacks the operators."""
    z = (train(layer, opset=opset) - 1) / deviation
    for power, moment in enumerate((0, 1, 0, 3), 1):
        assert (z**power).mean() == pytest.approx(moment, abs=0.1)
    assert (np.abs(z) > 2).mean() == pytest.approx(0.0455, abs=0.005)


@pytest.mark.parametrize("opset", [17, 21, 24])
def test_dropout_acts_in_the_middle_of_a_network(opset):
    """ONNX Runtime removes Dropout operators whose mask is not used."""
    model = pl.Sequential([pl.Input((300,)), layers.Dropout(0.5), layers.Activation("relu")])
    y = InferenceEngine(model.to_onnx(opset, training=True), providers="cpu", threads=1).run(
        np.ones((20, 300), np.float32)
    )
    assert (y == 0).mean() == pytest.approx(0.5, abs=0.05)


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).normal(size=ONES.shape).astype(np.float32)
    y = train(layers.AlphaDropout(0.3, noise_shape=(None, None, None)), x)
    assert y.mean() == pytest.approx(0, abs=0.02)
    assert y.std() == pytest.approx(1, abs=0.02)
    scale = ((1 - 0.3) * (1 + 0.3 * ALPHA**2)) ** -0.5
    dropped = np.isclose(y, scale * ALPHA * (1 - 0.3), atol=1e-5)
    assert dropped.mean() == pytest.approx(0.3, abs=0.01)


def test_stochastic_depth_drops_whole_elements():
    y = train(layers.StochasticDepth(0.4), np.ones((5000, 3), np.float32))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert (y[:, 0] == 0).mean() == pytest.approx(0.4, abs=0.03)
    assert y.mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("make", [layers.Dropout, layers.GaussianDropout, layers.AlphaDropout])
def test_a_seed_makes_a_session_repeatable(make):
    def once(seed):
        return train(make(0.5, seed=seed))

    np.testing.assert_array_equal(once(3), once(3))
    assert not np.array_equal(once(3), once(4))


def test_without_a_seed_sessions_differ():
    assert not np.array_equal(train(layers.Dropout(0.5)), train(layers.Dropout(0.5)))


def test_each_call_of_a_layer_draws_for_itself():
    layer = layers.Dropout(0.5, seed=1)
    inputs = pl.Input(ONES.shape[1:])
    model = pl.Model(inputs, [layer(inputs), layer(inputs)])
    first, second = (
        InferenceEngine(model.to_onnx(training=True), providers="cpu", threads=1).run(ONES).values()
    )
    assert not np.array_equal(first, second)


def test_training_may_be_said_in_the_call():
    """`layer(x, training=True)` is active at inference too (Monte Carlo dropout), also inside a model."""
    inputs = pl.Input(ONES.shape[1:])
    inner = pl.Sequential([layers.Dropout(0.5)])
    assert (train(inner) == 0).any()
    for layer in (layers.Dropout(0.5), inner):
        model = pl.Model(inputs, layer(inputs, training=True))
        y = InferenceEngine(model.to_onnx(), providers="cpu", threads=1).run(ONES)
        assert (y == 0).mean() == pytest.approx(0.5, abs=0.01)
        model = pl.Model(inputs, layer(inputs, training=False))
        y = InferenceEngine(model.to_onnx(training=True), providers="cpu", threads=1).run(ONES)
        np.testing.assert_array_equal(y, ONES)


@pytest.mark.parametrize("policy", ["float16", "mixed_float16", "float64"])
def test_noise_has_the_compute_dtype(policy):
    layer = layers.GaussianNoise(0.5, dtype=policy)
    y = train(layer, ONES)
    assert y.dtype == np.dtype(layer.compute_dtype)
    assert y.astype(np.float32).std() == pytest.approx(0.5, abs=0.02)


def test_activity_regularization_is_a_loss(keras):
    ours, theirs = layers.ActivityRegularization(0.1, 0.2), keras.layers.ActivityRegularization(0.1, 0.2)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_array_equal(ours(x), x)
    theirs(x)
    np.testing.assert_allclose(ours.losses, [float(v) for v in theirs.losses], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Dropout(1.5), "rate must be from 0 to 1. Received: rate=1.5"),
        (lambda: layers.GaussianNoise(-1), "stddev must be from 0 to 1"),
        (lambda: layers.Dropout(0.5, noise_shape="ab"), "noise_shape must be"),
        (lambda: layers.Dropout(0.5, noise_shape=(0, None)), "noise_shape must be"),
        (
            lambda: train(layers.Dropout(0.5, noise_shape=(1, 2))),
            "noise_shape must have a size for each axis",
        ),
        (lambda: train(layers.GaussianDropout(1)), "cannot act in training. Received: rate=1"),
        (lambda: layers.SpatialDropout2D(0.5, data_format="x"), "data_format must be"),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
