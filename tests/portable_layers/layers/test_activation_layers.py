"""Activation layers against Keras, at the points where their pieces meet too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import assert_close, assert_like_keras, few, noise, some, twin

import portable_layers as pl
from portable_layers import layers

FLOATS = st.sampled_from(["float32", "float16", "float64"])
# Both sides of every threshold that is drawn, the thresholds themselves, and what is no number.
POINTS = np.array([[-7, -1, -0.5, -0.0, 0, 0.25, 0.5, 1, 2, 6, 7, np.inf, -np.inf, np.nan]], np.float32)


@some
@given(
    max_value=st.sampled_from([None, 0.0, 0.5, 1, 6, 6.5]),
    negative_slope=st.sampled_from([0.0, 0.25, 1, 1.5]),
    threshold=st.sampled_from([0.0, 0.5, 2, 7]),
    dtype=FLOATS,
)
def test_relu(keras, max_value, negative_slope, threshold, dtype):
    layer = layers.ReLU(max_value, negative_slope, threshold, dtype=dtype)
    assert_like_keras(keras, layer, POINTS[:, :-3].astype(dtype))


@few
@given(slope=st.sampled_from([0, 0.3, 1, 2.5]), alpha=st.sampled_from([1.0, 0.7, 2]), dtype=FLOATS)
def test_leaky_relu_and_elu(keras, slope, alpha, dtype):
    x = POINTS[:, :-3].astype(dtype)
    assert_like_keras(keras, layers.LeakyReLU(slope, dtype=dtype), x)
    assert_like_keras(keras, layers.ELU(alpha, dtype=dtype), x)


def test_relu_keeps_infinity_and_what_is_no_number(keras):
    for layer in (layers.ReLU(), layers.ReLU(6.0), layers.LeakyReLU(), layers.ELU()):
        assert_like_keras(keras, layer, POINTS)


def test_the_old_name_of_the_slope():
    assert layers.LeakyReLU(alpha=0.1).get_config()["negative_slope"] == 0.1
    assert layers.LeakyReLU.from_config({"alpha": 0.2}).negative_slope == 0.2


@some
@given(
    shared=st.none() | st.integers(1, 3) | st.lists(st.integers(1, 3), min_size=1, unique=True), dtype=FLOATS
)
def test_prelu(keras, shared, dtype):
    layer = layers.PReLU("uniform", alpha_regularizer="l2", shared_axes=shared, dtype=dtype)
    x = noise((2, 3, 4, 2), dtype)
    theirs = twin(keras, layer)
    theirs.build(x.shape)
    layer.build(x.shape)
    layer.set_weights([noise(w.shape, dtype) for w in theirs.get_weights()])
    theirs.set_weights(layer.get_weights())
    assert_close(layer(x), theirs(x))


@some
@given(
    axis=st.integers(-3, 2) | st.lists(st.integers(0, 2), min_size=1, unique=True),
    dtype=FLOATS,
    is_open=st.booleans(),
)
def test_softmax(keras, axis, dtype, is_open):
    assert_like_keras(
        keras, layers.Softmax(axis, dtype=dtype), noise((2, 3, 4), dtype), (1, 2) if is_open else None
    )


@some
@given(
    axis=st.sampled_from([-1, 1, [1, 2]]),
    shape=st.sampled_from([(2, 3, 4), (1, 3, 4), (2, 1, 4), (3, 1), (4,)]),
    mask_dtype=st.sampled_from(["bool", "float32", "int32"]),
    dtype=FLOATS,
    seed=st.integers(0, 3),
)
def test_softmax_of_what_a_mask_keeps(keras, axis, shape, mask_dtype, dtype, seed):
    layer = layers.Softmax(axis, dtype=dtype)
    x, mask = noise((2, 3, 4), dtype), noise(shape, "bool", seed).astype(mask_dtype)
    assert_close(layer(x, mask=mask), twin(keras, layer)(x, mask=mask))


@pytest.mark.parametrize("name", ["relu", "gelu", "softmax", "hard_silu", "log_softmax", "linear", None])
def test_activation(keras, name):
    assert_like_keras(keras, layers.Activation(name), noise((2, 5)))


def test_an_activation_layer_passes_its_mask_on():
    steps = pl.Input((3, 1))
    for layer in (layers.ReLU(), layers.Activation("tanh"), layers.LeakyReLU(), layers.ELU()):
        masked = layer(layers.Masking()(steps))
        assert masked.mask_dims is not None


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.ReLU(max_value=-1),
        lambda: layers.ReLU(negative_slope=None),
        lambda: layers.ReLU(threshold=-0.5),
        lambda: layers.LeakyReLU(-0.1),
        lambda: layers.PReLU()(pl.Input((None, 3))),
        lambda: layers.Softmax()(noise((2, 3)), mask=noise((2, 4), "bool")),
        lambda: layers.Softmax()(noise((3,)), mask=noise((2, 3), "bool")),
    ],
)
def test_what_is_refused(make):
    with pytest.raises(ValueError, match="Received"):
        make()
