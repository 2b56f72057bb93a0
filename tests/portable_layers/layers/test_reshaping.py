"""Reshaping layers against Keras."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import FORMATS, assert_close, assert_like_keras, few, in_format, noise, some, twin

import portable_layers as pl
from portable_layers import layers
from portable_layers.ops.image import resize
from runtime import InferenceEngine

DTYPES = st.sampled_from(["float32", "float16", "float64", "int32", "int64", "uint8", "bool"])
METHODS = ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area"]


def policy(dtype: str) -> str | None:
    return dtype if dtype.startswith("float") else None


@some
@given(data=st.data(), dtype=DTYPES)
def test_reshape(keras, data, dtype):
    """Any factors of 24 into any others, one of them -1 perhaps, sizes of the input known or not."""
    factors = st.sampled_from([(24,), (4, 6), (2, 3, 4), (1, 24, 1), (8, 3), (2, 2, 2, 3)])
    shape, target = data.draw(factors), list(data.draw(factors))
    hole = data.draw(st.none() | st.integers(0, len(target) - 1))
    if hole is not None:
        target[hole] = -1
    open_axes = data.draw(st.none() | st.sets(st.integers(1, len(shape)), min_size=1).map(tuple))
    assert_like_keras(
        keras, layers.Reshape(target, dtype=policy(dtype)), noise((3, *shape), dtype), open_axes
    )


@few
@given(rank=st.integers(0, 4), data_format=FORMATS, is_open=st.booleans(), dtype=DTYPES)
def test_flatten(keras, rank, data_format, is_open, dtype):
    x = noise((2, *[3, 2, 4, 1][:rank]), dtype)
    open_axes = tuple(range(1, rank + 1)) if is_open else None
    assert_like_keras(keras, layers.Flatten(data_format, dtype=policy(dtype)), x, open_axes)


@few
@given(dims=st.permutations([1, 2, 3]), n=st.integers(1, 4), dtype=DTYPES, is_open=st.booleans())
def test_permute_and_repeat_vector(keras, dims, n, dtype, is_open):
    open_axes = (1, 2, 3) if is_open else None
    assert_like_keras(keras, layers.Permute(dims, dtype=policy(dtype)), noise((2, 3, 4, 5), dtype), open_axes)
    assert_like_keras(keras, layers.RepeatVector(n, dtype=policy(dtype)), noise((2, 3), dtype), open_axes)


def amounts(rank: int, most: int) -> st.SearchStrategy:
    """What Cropping and ZeroPadding take: an integer, one an axis, or a pair an axis."""
    number = st.integers(0, most)
    pair = st.tuples(number, number)
    return number | pair if rank == 1 else number | st.tuples(*[number] * rank) | st.tuples(*[pair] * rank)


@pytest.mark.parametrize("kind", ["Cropping", "ZeroPadding"])
@some
@given(data=st.data(), rank=st.integers(1, 3), dtype=DTYPES, is_open=st.booleans())
def test_borders(keras, kind, data, rank, dtype, is_open):
    data_format = "channels_last" if (kind, rank) == ("Cropping", 1) else data.draw(FORMATS)
    arguments = {} if (kind, rank) == ("Cropping", 1) else {"data_format": data_format}
    amount = data.draw(amounts(rank, 2))
    layer = getattr(layers, f"{kind}{rank}D")(amount, dtype=policy(dtype), **arguments)
    axes = range(1, rank + 1) if data_format == "channels_last" else range(2, rank + 2)
    x = noise((2, *in_format(data_format, [5, 6, 7][:rank], 2)), dtype)
    assert_like_keras(keras, layer, x, tuple(axes) if is_open else None)


@some
@given(data=st.data(), rank=st.sampled_from([1, 3]), dtype=DTYPES, is_open=st.booleans())
def test_up_sampling_of_sequences_and_volumes(keras, data, rank, dtype, is_open):
    size = st.integers(1, 3)
    if rank == 1:
        layer = layers.UpSampling1D(data.draw(size), dtype=policy(dtype))
        assert_like_keras(keras, layer, noise((2, 4, 3), dtype), (1,) if is_open else None)
    else:
        sizes = data.draw(size | st.tuples(size, size, size))
        layer = layers.UpSampling3D(sizes, data.draw(FORMATS), dtype=policy(dtype))
        assert_like_keras(keras, layer, noise((2, 3, 2, 4, 3), dtype), (1, 2, 3, 4) if is_open else None)


@pytest.mark.parametrize("method", METHODS)
@few
@given(
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    old=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    data_format=FORMATS,
    dtype=st.sampled_from(["float32", "float32", "float16", "uint8", "int32"]),
    is_open=st.booleans(),
)
def test_up_sampling_of_images(keras, method, size, old, data_format, dtype, is_open):
    layer = layers.UpSampling2D(size, data_format, method, dtype=policy(dtype))
    axes = (1, 2) if data_format == "channels_last" else (2, 3)
    x = noise((2, *in_format(data_format, list(old), 2)), dtype)
    if method != "nearest" and not dtype.startswith("float"):
        # Sums in another order may round a half the other way.
        expected = np.asarray(twin(keras, layer)(x), np.int64)
        assert np.abs(np.asarray(layer(x), np.int64) - expected).max() <= 1
    else:
        assert_like_keras(keras, layer, x, axes if is_open else None)


@pytest.mark.parametrize("method", METHODS)
@few
@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    old=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    antialias=st.booleans(),
    data_format=FORMATS,
)
def test_resize_to_any_size(keras, method, size, old, antialias, data_format):
    x = noise((2, *in_format(data_format, list(old), 2)))
    arguments = {"interpolation": method, "antialias": antialias, "data_format": data_format}
    assert_close(resize(x, size, **arguments), keras.ops.image.resize(x, size, **arguments))


@some
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    old=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    data_format=FORMATS,
    crop=st.booleans(),
    fill_value=st.sampled_from([0.0, 1.5]),
)
def test_resize_with_the_aspect_ratio_of_the_result(keras, size, old, data_format, crop, fill_value):
    x = noise((2, *in_format(data_format, list(old), 2)))
    arguments = {
        "crop_to_aspect_ratio": crop,
        "pad_to_aspect_ratio": not crop,
        "fill_value": fill_value,
        "data_format": data_format,
    }
    expected = keras.ops.image.resize(x, size, **arguments)
    assert_close(resize(x, size, **arguments), expected)
    axes = (1, 2) if data_format == "channels_last" else (2, 3)
    assert_close(resize_with_unknown_sizes(axes, x.shape, size, **arguments).run(x), expected)


def resize_with_unknown_sizes(axes, shape, size, **arguments):
    """An engine of a model that is `resize` of images of any size."""

    class Resize(layers.Layer):
        def call(self, inputs):
            return resize(inputs, size, **arguments)

    image = pl.Input(tuple(None if a in axes else n for a, n in enumerate(shape))[1:], name="x")
    return InferenceEngine(pl.Model(image, Resize()(image)).to_onnx(), providers="cpu", threads=1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("antialias", [False, True])
def test_resize_of_unknown_sizes(keras, method, antialias):
    """The weights are computed while the model runs; the sizes are tested in both directions."""
    shape = (2, None, None, 2)
    engine = resize_with_unknown_sizes((1, 2), shape, (6, 5), interpolation=method, antialias=antialias)
    for sizes in ((6, 5), (3, 4), (13, 9), (1, 10)):
        x = noise((2, *sizes, 2))
        expected = keras.ops.image.resize(x, (6, 5), interpolation=method, antialias=antialias)
        assert_close(engine.run(x), expected)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: layers.Reshape((-1, -1)), None),
        (lambda: layers.Reshape((2, -2)), None),
        (lambda: layers.Reshape((5,)), (2, 3)),
        (lambda: layers.Reshape((-1, 4)), (2, 3)),
        (lambda: layers.Permute((0, 1)), None),
        (lambda: layers.RepeatVector(0), None),
        (lambda: layers.Cropping1D((1, 2, 3)), None),
        (lambda: layers.Cropping2D(((1, 2), (3, -4))), None),
        (lambda: layers.Cropping2D(2), (4, 6, 1)),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), None),
        (lambda: layers.ZeroPadding3D("1"), None),
        (lambda: layers.UpSampling2D(interpolation="cubic"), None),
        (lambda: layers.UpSampling2D((2, 0)), None),
    ],
)
def test_what_is_refused(make, shape):
    with pytest.raises(ValueError, match="Received"):
        make()(pl.Input(shape))
