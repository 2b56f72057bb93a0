"""Resizing, cropping and evening out images against Keras, and the other parts of the data with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import FORMATS, assert_close, assert_like_keras, few, in_format, noise, some, twin

import portable_layers as pl
from portable_layers import layers
from portable_layers.layers.preprocessing.bounding_boxes import FORMATS as BOX_FORMATS
from portable_layers.ops.image.filters import METHODS
from runtime import InferenceEngine

SIZES = st.integers(1, 12)
# Keras resizes float64 in float32, so that it is no more exact.
DTYPES = st.sampled_from(["float32", "float16", "uint8", "int32"])


def policy(dtype: str) -> str | None:
    return dtype if dtype.startswith("float") else None


def images(data: st.DataObject, dtype: str, data_format: str, channels: int = 2) -> np.ndarray:
    """One image or a batch of them, with sizes of their own."""
    height, width = data.draw(SIZES), data.draw(SIZES)
    x = noise((2, *in_format(data_format, [height, width], channels)), dtype)
    return x if data.draw(st.booleans()) else x[0]


def spatial(x: np.ndarray, data_format: str) -> tuple[int, ...]:
    """The axes that an export may leave open; those of one image include the first, always open."""
    first = x.ndim - 3 if data_format == "channels_last" else x.ndim - 2
    return tuple(a for a in (first, first + 1) if a)


@some
@given(
    data=st.data(),
    size=st.tuples(SIZES, SIZES),
    method=st.sampled_from(METHODS),
    antialias=st.booleans(),
    ratio=st.sampled_from([None, "crop", "pad"]),
    data_format=FORMATS,
    dtype=DTYPES,
)
def test_resizing(keras, data, size, method, antialias, ratio, data_format, dtype):
    """Every method from any size to any other, sizes of the input known or not."""
    floating = dtype.startswith("float")
    if not floating:
        # Keras pads integers with nothing; filters other than these may be off by a last digit at halves.
        ratio = None if ratio == "pad" else ratio
        method, antialias = ("nearest" if method == "nearest" else "bilinear"), False
    x = images(data, dtype, data_format)
    layer = layers.Resizing(
        *size,
        interpolation=method,
        antialias=antialias,
        crop_to_aspect_ratio=ratio == "crop",
        pad_to_aspect_ratio=ratio == "pad",
        fill_value=0.5,
        data_format=data_format,
        dtype=policy(dtype),
    )
    is_open = x.ndim == 4 and data.draw(st.booleans())
    assert_like_keras(keras, layer, x, spatial(x, data_format) if is_open else None)


@some
@given(data=st.data(), size=st.tuples(SIZES, SIZES), data_format=FORMATS, dtype=DTYPES)
def test_center_crop(keras, data, size, data_format, dtype):
    """Images that are larger than the crop, smaller, or both; sizes known or not."""
    x = images(data, dtype, data_format)
    layer = layers.CenterCrop(*size, data_format=data_format, dtype=policy(dtype))
    is_open = dtype == "float32" and data.draw(st.booleans())
    assert_like_keras(keras, layer, x, spatial(x, data_format) if is_open else None)


def test_one_export_crops_and_resizes(keras):
    layer = layers.CenterCrop(4, 5)
    model = pl.Model(inputs := pl.Input((None, None, 2), name="x"), layer(inputs))
    engine, theirs = InferenceEngine(model.to_onnx(), providers="cpu", threads=1), twin(keras, layer)
    for height, width in [(4, 5), (9, 8), (3, 9), (9, 2), (1, 1)]:
        x = noise((2, height, width, 2))
        assert_close(engine.run(x), theirs(x))


def boxes_of(box_format: str, height: int, width: int) -> np.ndarray:
    """Boxes on an image, over its edges, and beyond; the last two fill up the list."""
    corners = np.array([[1, 2, 5, 6], [-2, 0, 3, 40], [30, 30, 35, 36], [2, 3, 4, 7]], np.float32)
    x1, y1, x2, y2 = corners.T
    w, h = x2 - x1, y2 - y1
    sides = {
        "xyxy": (x1, y1, x2, y2),
        "yxyx": (y1, x1, y2, x2),
        "xywh": (x1, y1, w, h),
        "center_xywh": (x1 + w / 2, y1 + h / 2, w, h),
        "center_yxhw": (y1 + h / 2, x1 + w / 2, h, w),
    }[box_format.removeprefix("rel_")]
    boxes = np.stack(sides, -1)
    if box_format.startswith("rel_"):
        flipped = box_format == "rel_yxyx"
        boxes = boxes / np.array([height, width] * 2 if flipped else [width, height] * 2, np.float32)
    return np.concatenate([boxes, np.full((1, 4), -1.0), np.zeros((1, 4))]).astype(np.float32)


@pytest.mark.parametrize("box_format", BOX_FORMATS)
@pytest.mark.parametrize(
    "make",
    [
        lambda **k: layers.Resizing(6, 5, **k),
        lambda **k: layers.Resizing(6, 5, crop_to_aspect_ratio=True, **k),
        lambda **k: layers.Resizing(6, 5, pad_to_aspect_ratio=True, **k),
        lambda **k: layers.CenterCrop(6, 5, **k),
        lambda **k: layers.CenterCrop(12, 5, **k),
        lambda **k: layers.MaxNumBoundingBoxes(4, **k),
        lambda **k: layers.MaxNumBoundingBoxes(8, **k),
        lambda **k: layers.RandomFlip(**k),
    ],
    ids=["stretch", "crop", "pad", "center", "center-larger", "fewer", "more", "identity"],
)
def test_boxes_labels_and_masks_follow_the_images(keras, make, box_format):
    layer = make(bounding_box_format=box_format)
    boxes = boxes_of(box_format, 10, 8)
    data = {
        "images": noise((2, 10, 8, 3)),
        "bounding_boxes": {
            "boxes": np.stack([boxes, boxes[::-1]]),
            "labels": np.array([[1, 2, 3, 4, -1, 0], [0, -1, 4, 3, 2, 1]]),
        },
        "labels": noise((2, 7)),
        "segmentation_masks": noise((2, 10, 8, 1), "uint8"),
    }
    copied = {**data, "bounding_boxes": dict(data["bounding_boxes"])}
    expected, found = twin(keras, layer)(copied, training=False), layer(data, training=False)
    assert found.keys() == expected.keys()
    for key in ("images", "labels", "segmentation_masks"):
        assert_close(found[key], expected[key])
    for key in ("boxes", "labels"):
        assert_close(found["bounding_boxes"][key], expected["bounding_boxes"][key])


@few
@given(data=st.data(), low=st.sampled_from([0, -1, 20]), dtype=DTYPES, data_format=FORMATS)
def test_auto_contrast(keras, data, low, dtype, data_format):
    x = images(data, dtype, data_format)
    x[..., :1] = 3  # what has no contrast stays
    value_range = (low, low + 100) if data.draw(st.booleans()) else (0, 255)
    layer = layers.AutoContrast(value_range=value_range, data_format=data_format, dtype=policy(dtype))
    if dtype != "float16":
        assert_like_keras(keras, layer, x)
        return
    # Keras rounds `x * scale` and the offset to float16 before it adds them, so that their difference
    # is as exact as the larger one: where the contrast is low, that is little.
    axes = (-3, -2) if data_format == "channels_last" else (-2, -1)
    contrast = np.ptp(x.astype("float64"), axis=axes)
    terms = 255 * np.abs(x).max() / contrast[contrast > 0].min(initial=255)
    ours, theirs = (np.asarray(f(x)).astype("float32") for f in (layer, twin(keras, layer)))
    np.testing.assert_allclose(ours, theirs, rtol=5e-3, atol=max(0.6, 2**-9 * float(terms)))


@few
@given(data=st.data(), limit=st.sampled_from([0.0, 1.5, 4.0]), dtype=DTYPES, data_format=FORMATS)
def test_contrast_limited_equalization(keras, data, limit, dtype, data_format):
    sizes = [data.draw(st.integers(5, 20)), data.draw(st.integers(5, 20))]
    shape = (2, *in_format(data_format, sizes, 2))
    x = np.random.default_rng(0).uniform(0, 255, shape).astype(dtype)
    layer = layers.ContrastLimitedAdaptiveHistogramEqualization(
        value_range=data.draw(st.sampled_from([(0, 255), (10, 200)])),
        clip_limit=limit,
        tile_grid_size=data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        data_format=data_format,
        dtype=policy(dtype),
    )
    theirs = np.asarray(twin(keras, layer)(x))
    ours = np.asarray(layer(x))
    if dtype.startswith("float"):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=0.2 if dtype == "float16" else 1e-3)
    else:  # cut off to integers, a last digit can be worth 1
        assert ours.dtype == theirs.dtype
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Resizing(0, 4), "height=0"),
        (lambda: layers.Resizing(4, 4, interpolation="cubic"), "cubic"),
        (lambda: layers.Resizing(4, 4, fill_mode="reflect"), "reflect"),
        (lambda: layers.Resizing(4, 4, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "only one"),
        (lambda: layers.CenterCrop(4, 2.5), "width=2.5"),
        (lambda: layers.CenterCrop(4, 4, bounding_box_format="xxyy"), "xxyy"),
        (lambda: layers.CenterCrop(4, 4)(noise((4, 4))), "rank 3 or 4"),
        (lambda: layers.AutoContrast(value_range=3), "value_range=3"),
        (lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(0, 2)), "0, 2"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_boxes_need_a_format():
    data = {
        "images": noise((1, 4, 4, 1)),
        "bounding_boxes": {"boxes": noise((1, 2, 4)), "labels": noise((1, 2), "int32")},
    }
    with pytest.raises(ValueError, match="bounding_box_format"):
        layers.Resizing(2, 2)(data)
