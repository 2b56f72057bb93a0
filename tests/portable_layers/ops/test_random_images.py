"""Elastic distortion draws its own numbers: what must hold for any of them."""

from __future__ import annotations

import numpy as np
import pytest

from portable_layers import ops

_IMAGES = np.random.default_rng(0).uniform(size=(2, 16, 12, 3)).astype("float32")


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_no_movement_changes_nothing(interpolation: str) -> None:
    result = ops.image.elastic_transform(_IMAGES, alpha=0.0, sigma=1.0, interpolation=interpolation)
    np.testing.assert_allclose(result, _IMAGES, atol=1e-6)


def test_movement_is_drawn_anew_and_smooth() -> None:
    ramp = np.broadcast_to(np.arange(32, dtype="float32")[None, None, :, None], (1, 32, 32, 1))
    moved = ops.image.elastic_transform(ramp, alpha=3.0, sigma=3.0, fill_mode="nearest")
    assert moved.shape == ramp.shape
    shift = (moved - ramp)[0, 8:-8, 8:-8, 0]
    assert 0.05 < np.abs(shift).max() < 8
    assert np.abs(np.diff(shift, axis=0)).max() < 1  # neighbours move together
    assert not np.array_equal(
        moved, ops.image.elastic_transform(ramp, alpha=3.0, sigma=3.0, fill_mode="nearest")
    )


def test_channels_first_and_one_image() -> None:
    first = np.moveaxis(_IMAGES, -1, 1)
    result = ops.image.elastic_transform(first, alpha=0.0, sigma=1.0, data_format="channels_first")
    np.testing.assert_allclose(result, first, atol=1e-6)
    one = ops.image.elastic_transform(_IMAGES[0], alpha=0.0, sigma=1.0)
    np.testing.assert_allclose(one, _IMAGES[0], atol=1e-6)
