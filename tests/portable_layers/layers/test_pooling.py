"""Pooling against Keras, over all options and many shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import FORMATS, assert_close, assert_like_keras, few, in_format, noise, some, twin

import portable_layers as pl
from portable_layers import layers

WINDOWS = ["MaxPooling", "AveragePooling"]


@st.composite
def windows(draw, kind):
    """A layer, and the shape of an input that it takes."""
    rank = draw(st.integers(1, 3))
    padding = draw(st.sampled_from(["valid", "same"]))
    data_format = draw(FORMATS)
    sizes = draw(st.lists(st.integers(1, 8), min_size=rank, max_size=rank))
    # With `same` a window may be larger than the input.
    pool = [draw(st.integers(1, n if padding == "valid" else 6)) for n in sizes]
    strides = draw(st.none() | st.integers(1, 4) | st.tuples(*[st.integers(1, 4)] * rank))
    dtype = draw(st.sampled_from(["float32", "float32", "float16", "float64"] if rank < 3 else ["float32"]))
    arguments = {"strides": strides, "padding": padding, "data_format": data_format, "dtype": dtype}
    layer = getattr(layers, f"{kind}{rank}D")(tuple(pool), **arguments)
    return layer, (2, *in_format(data_format, sizes, draw(st.integers(1, 3))))


@pytest.mark.parametrize("kind", WINDOWS)
@some
@given(data=st.data(), is_open=st.booleans())
def test_windows(keras, kind, data, is_open):
    layer, shape = data.draw(windows(kind))
    axes = [1, 2, 3][: layer.rank] if layer.data_format == "channels_last" else [2, 3, 4][: layer.rank]
    assert_like_keras(keras, layer, noise(shape, layer.compute_dtype), tuple(axes) if is_open else None)


@few
@given(
    dtype=st.sampled_from(["int8", "uint8", "int16", "int32", "int64"]),
    padding=st.sampled_from(["valid", "same"]),
    strides=st.integers(1, 3),
    open_axes=st.sampled_from([None, (1, 2)]),
)
def test_the_largest_of_integers(keras, dtype, padding, strides, open_axes):
    layer = layers.MaxPooling2D((2, 3), strides, padding)
    assert_like_keras(keras, layer, noise((2, 5, 4, 2), dtype), open_axes)


@pytest.mark.parametrize("kind", ["GlobalMaxPooling", "GlobalAveragePooling"])
@few
@given(
    rank=st.integers(1, 3),
    data_format=FORMATS,
    keepdims=st.booleans(),
    dtype=st.sampled_from(["float32", "float16", "float64", "int32", "uint8"]),
)
def test_global(keras, kind, rank, data_format, keepdims, dtype):
    policy = dtype if dtype.startswith("float") else None
    layer = getattr(layers, f"{kind}{rank}D")(data_format, keepdims, dtype=policy)
    assert_like_keras(keras, layer, noise((2, *[3, 4, 2][:rank], 5), dtype))


@few
@given(
    data_format=FORMATS,
    keepdims=st.booleans(),
    dtype=st.sampled_from(["float32", "float16", "int32"]),
    mask_dtype=st.sampled_from(["bool", "int32"]),
)
def test_the_mean_of_what_a_mask_keeps(keras, data_format, keepdims, dtype, mask_dtype):
    policy = dtype if dtype.startswith("float") else None
    layer = layers.GlobalAveragePooling1D(data_format, keepdims, dtype=policy)
    x = noise((3, 4, 4), dtype)
    mask = np.array([[1, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]], mask_dtype)  # no step: 0 / 0
    assert_close(layer(x, mask=mask), twin(keras, layer)(x, mask=mask))


@pytest.mark.parametrize("kind", ["AdaptiveMaxPooling", "AdaptiveAveragePooling"])
@some
@given(data=st.data())
def test_adaptive(keras, kind, data):
    rank = data.draw(st.integers(1, 3))
    data_format = data.draw(FORMATS)
    sizes = data.draw(st.lists(st.integers(2, 9), min_size=rank, max_size=rank))
    # TensorFlow itself dies where one window would cover an axis.
    output = tuple(data.draw(st.integers(2, 9)) for _ in sizes)
    layer = getattr(layers, f"{kind}{rank}D")(output, data_format)
    assert_like_keras(keras, layer, noise((2, *in_format(data_format, sizes, 2))))


def test_one_adaptive_window_is_the_whole():
    x = noise((2, 4, 6, 3))
    assert_close(layers.AdaptiveMaxPooling2D(1)(x), x.max((1, 2), keepdims=True))
    assert_close(layers.AdaptiveAveragePooling2D((1, 2))(x), x.reshape(2, 4, 2, 3, 3).mean((1, 3))[:, None])


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: layers.MaxPooling1D(0), None),
        (lambda: layers.MaxPooling2D((2, 2, 2)), None),
        (lambda: layers.AveragePooling2D(2, padding="causal"), None),
        (lambda: layers.GlobalMaxPooling2D(data_format="last"), None),
        (lambda: layers.AdaptiveMaxPooling2D((1, 2, 3)), None),
        (lambda: layers.MaxPooling1D(5), (4, 3)),
        (lambda: layers.MaxPooling1D(2), (4, 3, 2)),
        (lambda: layers.AdaptiveMaxPooling1D(2), (None, 3)),
    ],
)
def test_what_is_refused(make, shape):
    with pytest.raises(ValueError, match="Received"):
        make()(pl.Input(shape))
