"""Normalization layers where a single declared case does not say enough."""

from __future__ import annotations

import numpy as np
import pytest

import portable_layers as pl
from converters import from_keras
from portable_layers import layers
from portable_layers.errors import WeightsError
from runtime import InferenceEngine


def exported(model, x, **options):
    return InferenceEngine(model.to_onnx(**options), providers="cpu", threads=1).run(x)


def randomize(keras_layer, rng):
    for v in keras_layer.weights:
        low = 0.5 if "variance" in v.name or "stddev" in v.name else -1.0
        v.assign(rng.uniform(low, 1.5, v.shape))


@pytest.mark.parametrize(
    "arguments",
    [{}, {"axis": 1}, {"center": False, "scale": False}, {"renorm": True}, {"trainable": False}]
    + [{"renorm": True, "renorm_clipping": {"rmax": 1.5, "rmin": 0.5, "dmax": 0.1}, "center": False}],
)
def test_batch_normalization_in_training_uses_the_batch(keras, arguments):
    rng = np.random.default_rng(0)
    layer = keras.layers.BatchNormalization(**arguments)
    model = keras.Sequential([keras.Input((4, 3)), layer])
    randomize(layer, rng)
    x = rng.normal(3, 2, (6, 4, 3)).astype(np.float32)
    ours = from_keras(model)
    np.testing.assert_allclose(
        exported(ours, x, training=True), model(x, training=True), rtol=1e-4, atol=1e-5
    )


def test_batch_normalization_in_training_leaves_masked_steps_out(keras):
    rng = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Masking(), keras.layers.BatchNormalization()])
    x = rng.normal(3, 2, (6, 5, 3)).astype(np.float32)
    x[:, 3:] = 0
    ours = from_keras(model)
    np.testing.assert_allclose(
        exported(ours, x, training=True), model(x, training=True), rtol=1e-4, atol=1e-5
    )
    # At inference a mask changes nothing.
    np.testing.assert_allclose(exported(ours, x), model(x, training=False), rtol=1e-5)


def test_batch_normalization_reads_configs_of_keras_2():
    config = layers.BatchNormalization(name="bn").get_config()
    old = config | {"axis": [3], "fused": True, "virtual_batch_size": None, "adjustment": None}
    assert layers.BatchNormalization.from_config(old).axis == 3


def test_batch_normalization_along_the_first_axis(keras):
    layer = keras.layers.BatchNormalization(axis=0)
    model = keras.Sequential([keras.Input(batch_shape=(4, 3)), layer])
    rng = np.random.default_rng(0)
    randomize(layer, rng)
    x = rng.normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(exported(from_keras(model), x), model(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [[-1, 1], [1, -1], (-2, -1), [1, 2]])
def test_layer_normalization_takes_axes_in_any_notation(keras, axis):
    layer = keras.layers.LayerNormalization(axis=axis)
    model = keras.Sequential([keras.Input((2, 3, 4)), layer])
    rng = np.random.default_rng(0)
    randomize(layer, rng)
    x = rng.normal(size=(5, 2, 3, 4)).astype(np.float32)
    ours = from_keras(model)
    assert ours.layers[0].get_config()["axis"] == layer.get_config()["axis"]
    np.testing.assert_allclose(exported(ours, x), model(x), rtol=1e-5, atol=1e-5)


def test_layer_normalization_of_integers_gives_what_keras_rounds(keras):
    model = keras.Sequential([keras.Input((4,), dtype="int32"), keras.layers.LayerNormalization()])
    x = np.random.default_rng(0).integers(-50, 50, (5, 4)).astype(np.int32)
    np.testing.assert_array_equal(exported(from_keras(model), x), model(x))


@pytest.mark.parametrize("shape", [(8,), (6, 8)])
@pytest.mark.parametrize("groups", [2, -1])
def test_group_normalization_keeps_its_precision_far_from_zero(shape, groups):
    """What ONNX's own operator loses: the variance of numbers around 1,000."""
    rng = np.random.default_rng(0)
    x = rng.normal(1000, 1, (3, *shape)).astype(np.float32)
    model = pl.Sequential([pl.Input(shape), layers.GroupNormalization(groups)])
    count = 8 if groups == -1 else groups
    wide = x.astype(np.float64).reshape(3, -1, count, 8 // count)
    centred = wide - wide.mean((1, 3), keepdims=True)
    expected = (centred / np.sqrt((centred**2).mean((1, 3), keepdims=True) + 1e-3)).reshape(x.shape)
    np.testing.assert_allclose(exported(model, x), expected, atol=2e-3)


@pytest.mark.parametrize("arguments", [{}, {"axis": None}, {"axis": (1, 2)}, {"axis": 1, "invert": True}])
def test_normalization_adapts_as_keras_does(keras, arguments, tmp_path):
    rng = np.random.default_rng(0)
    data = rng.normal(5, 3, (64, 3, 4)).astype(np.float32)
    theirs = keras.layers.Normalization(**arguments)
    theirs.adapt(data)
    ours, batched = layers.Normalization(**arguments), layers.Normalization(**arguments)
    ours.adapt(data)
    batched.adapt([data[:10], data[10:50], data[50:]])
    x = data[:5]
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(batched(x), theirs(x), rtol=1e-4, atol=1e-5)
    keras.Sequential([keras.Input((3, 4)), theirs]).save(tmp_path / "model.keras")
    np.testing.assert_allclose(exported(from_keras(tmp_path / "model.keras"), x), theirs(x), rtol=1e-6)


def test_normalization_says_what_does_not_fit():
    with pytest.raises(WeightsError, match=r"was built for \(1, 4\)"):
        layer = layers.Normalization()
        layer.build((None, 4))
        layer.adapt(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="cannot be adapted"):
        layers.Normalization(mean=1.0, variance=2.0).adapt(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="given together"):
        layers.Normalization(mean=1.0)
    with pytest.raises(ValueError, match="one shape"):
        layers.Normalization(mean=[1.0], variance=[1.0, 2.0])
    with pytest.raises(ValueError, match="must be known"):
        layers.Normalization(axis=1).build((None, None, 3))


def test_spectral_normalization_in_training(keras):
    rng = np.random.default_rng(0)
    layer = keras.layers.SpectralNormalization(keras.layers.Dense(3), power_iterations=2)
    model = keras.Sequential([keras.Input((5,)), layer])
    randomize(layer, rng)
    ours = from_keras(model)
    x = rng.normal(size=(4, 5)).astype(np.float32)
    np.testing.assert_allclose(exported(ours, x), model(x), rtol=1e-5)
    # Keras keeps what it found, so the call in training comes last.
    np.testing.assert_allclose(
        exported(ours, x, training=True), model(x, training=True), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.GroupNormalization(groups=0), "groups must be a positive integer or -1"),
        (lambda: layers.GroupNormalization(groups=3)(np.zeros((2, 4), np.float32)), "must divide"),
        (lambda: layers.LayerNormalization(axis="x"), "axis must be an int"),
        (lambda: layers.UnitNormalization(axis=None), "axis must be an int"),
        (
            lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"r": 1}),
            "takes rmax, rmin and dmax",
        ),
        (
            lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": 1, "rmin": 2}),
            "not be below rmin",
        ),
        (lambda: layers.SpectralNormalization(layers.Dense(2), power_iterations=0), "must be positive"),
        (lambda: layers.SpectralNormalization(layers.Identity())(np.zeros((2, 4))), "neither a kernel"),
        (lambda: layers.SpectralNormalization("dense"), "takes a layer"),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
