"""Augmentation: nothing at inference, as in Keras; in training, the distributions of Keras."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import assert_close, few, noise, twin

import portable_layers as pl
from portable_layers import layers, ops
from portable_layers.errors import UnsupportedLayerError
from portable_layers.ops.image.sampling import FILL_MODES, INTERPOLATIONS
from runtime import InferenceEngine


def in_training(layer, x: np.ndarray) -> InferenceEngine:
    model = pl.Model(inputs := pl.Input(x.shape[1:], dtype=x.dtype.name, name="x"), layer(inputs))
    return InferenceEngine(model.to_onnx(training=True), providers="cpu", threads=1)


def ramps(count: int, height: int, width: int) -> np.ndarray:
    """Images whose pixel `(x, y)` is `(x, y)`, so that an output shows where it was read."""
    down, across = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return np.tile(np.stack([across, down], -1).astype(np.float32), (count, 1, 1, 1))


def assert_uniform(values: np.ndarray, low: float, high: float) -> None:
    """Values spread evenly from low to high: by their ends, mean and variance, to five deviations."""
    span, count = high - low, values.size
    assert low - 1e-3 * span <= values.min() < low + 0.1 * span
    assert high + 1e-3 * span >= values.max() > high - 0.1 * span
    assert abs(values.mean() - (low + high) / 2) < 5 * span / np.sqrt(12 * count)
    assert abs(values.var() / (span**2 / 12) - 1) < 5 * np.sqrt(0.8 / count)


@few
@given(
    numbers=st.lists(st.floats(-1.5, 1.5, width=32), min_size=6, max_size=6),
    fill_mode=st.sampled_from(FILL_MODES),
    interpolation=st.sampled_from(INTERPOLATIONS),
    data=st.data(),
)
def test_affine_transform(keras, numbers, fill_mode, interpolation, data):
    """A transform for each image or one for all, one image or a batch, either data format."""
    x = noise((2, 5, 6, 3))
    # Off the grid, where a last digit would decide what a place is rounded to.
    transform = np.array([[*numbers, 0, 0], [1, 0, 7.3, 0, 1, -8.4, 0, 0]], np.float32)
    transform[:, [2, 5]] += np.float32(0.0137)
    data_format = data.draw(st.sampled_from(["channels_last", "channels_first"]))
    if data.draw(st.booleans()):
        x, transform = x[0], transform[0]
    arguments = (interpolation, fill_mode, 0.5, data_format)
    found = np.asarray(ops.image.affine_transform(x, transform, *arguments))
    expected = np.asarray(keras.ops.image.affine_transform(x, transform, *arguments))
    # Where a coordinate lies on a boundary to the last digit, the two may fall on different sides.
    wrong = ~np.isclose(found, expected, rtol=1e-4, atol=1e-4)
    assert wrong.mean() <= 0.02


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize(
    "make",
    [
        lambda **k: layers.RandomTranslation((0.23, 0.23), (-0.41, -0.41), **k),
        lambda **k: layers.RandomRotation((0.13, 0.13), **k),
        lambda **k: layers.RandomZoom((0.37, 0.37), (-0.29, -0.29), **k),
        lambda **k: layers.RandomZoom((-0.37, -0.37), data_format="channels_first", **k),
    ],
    ids=["translation", "rotation", "zoom", "zoom-first"],
)
def test_a_factor_without_choice_moves_images_as_keras_does(keras, make, fill_mode):
    layer, x = make(fill_mode=fill_mode, fill_value=0.5), noise((3, 7, 9, 7))
    expected = twin(keras, layer)(x, training=True)
    np.testing.assert_allclose(in_training(layer, x).run(x), expected, rtol=1e-3, atol=1e-3)
    assert_close(layer(x, training=True), in_training(layer, x).run(x))


def test_brightness_and_contrast_without_choice(keras):
    x = noise((3, 5, 6, 2))
    for layer in (
        layers.RandomBrightness((0.2, 0.2), value_range=(-1, 1)),
        layers.RandomContrast((0.0, 0.0), value_range=(-1, 1)),
    ):
        assert_close(in_training(layer, x).run(x), twin(keras, layer)(x, training=True))


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
def test_flips_half_of_the_images(mode):
    x = noise((600, 4, 5, 2))
    y = in_training(layers.RandomFlip(mode, seed=3), x).run(x)
    axes = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (1, 2)}[mode]
    same, flipped = ((y == z).all((1, 2, 3)) for z in (x, np.flip(x, axes)))
    assert (same ^ flipped).all()
    assert 0.4 < flipped.mean() < 0.6


def test_brightness_is_spread_evenly():
    x = noise((2000, 2, 2, 1))
    y = in_training(layers.RandomBrightness((-0.1, 0.3), value_range=(-100, 100), seed=1), x).run(x)
    added = (y - x).reshape(len(x), -1)
    assert np.ptp(added, axis=1).max() < 1e-4  # one number an image
    assert_uniform(added[:, 0], -20, 60)


def test_brightness_stays_in_the_value_range():
    x = noise((50, 2, 2, 1))
    y = in_training(layers.RandomBrightness(1.0, value_range=(-0.5, 0.5), seed=1), x).run(x)
    assert (y.min(), y.max()) == (-0.5, 0.5)


def test_contrast_is_spread_evenly():
    x = noise((2000, 3, 3, 1))
    y = in_training(layers.RandomContrast((0.4, 0.8), value_range=(-100, 100), seed=1), x).run(x)
    assert_uniform((np.ptp(y, axis=(1, 2)) / np.ptp(x, axis=(1, 2)))[:, 0], 0.6, 1.8)
    np.testing.assert_allclose(y.mean((1, 2)), x.mean((1, 2)), atol=1e-5)


def test_translation_is_spread_evenly():
    x = ramps(2000, 9, 11)
    y = in_training(layers.RandomTranslation((-0.1, 0.3), 0.2, seed=1), x).run(x)
    across, down = (y[:, 4, 5] - x[:, 4, 5]).T
    assert_uniform(-down, -0.9, 2.7)
    assert_uniform(-across, -2.2, 2.2)


def test_rotation_is_spread_evenly_about_the_middle():
    x = ramps(2000, 9, 9)
    y = in_training(layers.RandomRotation((-0.1, 0.2), seed=1), x).run(x)
    np.testing.assert_allclose(y[:, 4, 4], x[:, 4, 4], atol=1e-4)
    step = y[:, 4, 5] - y[:, 4, 4]  # where a step to the right leads
    assert_uniform(np.arctan2(step[:, 1], step[:, 0]) / (2 * np.pi), -0.1, 0.2)
    np.testing.assert_allclose(np.hypot(*step.T), 1, atol=1e-4)


def test_zoom_is_spread_evenly_about_the_middle():
    x = ramps(2000, 9, 9)
    y = in_training(layers.RandomZoom((-0.4, 0.2), seed=1), x).run(x)
    np.testing.assert_allclose(y[:, 4, 4], x[:, 4, 4], atol=1e-4)
    assert_uniform(y[:, 4, 5, 0] - y[:, 4, 4, 0], 0.6, 1.2)
    np.testing.assert_allclose(y[:, 5, 4, 1] - y[:, 4, 4, 1], y[:, 4, 5, 0] - y[:, 4, 4, 0], atol=1e-4)


def test_crops_begin_everywhere():
    x = ramps(2, 7, 6)
    engine = in_training(layers.RandomCrop(4, 3, seed=1), x)
    found = set()
    for _ in range(200):
        y = engine.run(x)
        across, down = y[0, 0, 0].astype(int)
        np.testing.assert_array_equal(y, x[:, down : down + 4, across : across + 3])
        found.add((down, across))
    assert found == {(i, j) for i in range(4) for j in range(4)}


@pytest.mark.parametrize(("height", "width"), [(8, 4), (7, 6), (9, 9), (3, 8)])
def test_crops_that_do_not_fit_are_keras_crops(keras, height, width):
    layer, x = layers.RandomCrop(height, width, seed=1), noise((2, 7, 6, 2))
    assert_close(in_training(layer, x).run(x), twin(keras, layer)(x, training=True))


def test_a_seed_repeats_the_draws():
    x = noise((50, 4, 4, 1))

    def draw(seed):
        return in_training(layers.RandomBrightness(0.5, seed=seed), x).run(x)

    np.testing.assert_array_equal(draw(5), draw(5))
    assert not np.array_equal(draw(5), draw(6))
    assert np.abs(draw(None) - x).max() > 0  # one of the runtime's own


def test_masks_move_with_the_images():
    x = ramps(20, 6, 6)
    for layer in (layers.RandomFlip(seed=1), layers.RandomCrop(3, 3, seed=1)):
        y = layer({"images": x, "segmentation_masks": x}, training=True)
        np.testing.assert_array_equal(y["images"], y["segmentation_masks"])
        assert not np.array_equal(y["images"], x)


@pytest.mark.parametrize("name", ["RandomHue", "RandomInvert", "MixUp", "RandAugment", "Equalization"])
def test_what_cannot_be_drawn_is_refused(name):
    layer = getattr(layers, name)(**({"factor": 0.2} if name == "RandomHue" else {}), name="augment")
    model = pl.Model(inputs := pl.Input((4, 4, 3)), layer(inputs))
    assert [n.op_type for n in model.to_onnx().graph.node] == ["Identity"]
    with pytest.raises(UnsupportedLayerError, match=f"augment .{name}: its augmentation in training"):
        model.to_onnx(training=True)


def test_boxes_in_training_are_refused():
    data = {
        "images": noise((1, 4, 4, 1)),
        "bounding_boxes": {"boxes": noise((1, 2, 4)), "labels": noise((1, 2), "int32")},
    }
    with pytest.raises(UnsupportedLayerError, match="bounding boxes in training"):
        layers.RandomFlip(bounding_box_format="xyxy")(data, training=True)


def test_an_export_is_for_inference_whatever_a_model_recorded(keras):
    """A layer called with training=True is active in `model(x)`, but not where Keras predicts."""
    x = noise((2, 4, 4, 1))
    layer = layers.RandomBrightness((0.2, 0.2))
    model = pl.Model(inputs := pl.Input((4, 4, 1), name="x"), layer(inputs, training=True))
    np.testing.assert_array_equal(InferenceEngine(model.to_onnx(), providers="cpu").run(x), x)
    np.testing.assert_array_equal(model(x, training=False), x)
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(twin(keras, layer)(x, training=True)))


def test_equalization_at_inference(keras):
    layer, x = layers.Equalization(value_range=(1, 0), bins=16), noise((2, 4, 4, 3))
    assert_close(layer(x), twin(keras, layer)(x, training=False))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RandomBrightness(1.5), "factor=1.5"),
        (lambda: layers.RandomContrast(-0.5), "factor=-0.5"),
        (lambda: layers.RandomTranslation(0.1, (0.2, 1.2)), "width_factor="),
        (lambda: layers.RandomZoom(-1.0), "height_factor=-1.0"),
        (lambda: layers.RandomFlip("diagonal"), "diagonal"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "kernel_size=4"),
        (lambda: layers.RandomGrayscale(2), "factor=2"),
        (lambda: layers.RandomPerspective(scale=2), "scale=2"),
        (lambda: layers.Solarization(addition_factor="much"), "much"),
        (lambda: layers.RandomColorJitter(hue_factor=-1), "hue_factor=-1"),
        (lambda: layers.RandomCrop(4, -4), "width=-4"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("argument", ["fill_mode", "interpolation"])
def test_unknown_modes_are_refused_as_in_keras(argument):
    with pytest.raises(NotImplementedError, match="cubic"):
        layers.RandomRotation(0.1, **{argument: "cubic"})
