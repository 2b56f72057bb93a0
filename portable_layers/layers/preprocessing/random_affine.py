"""Layers that move, turn or stretch images at random in training."""

from __future__ import annotations

import math
from typing import Any

from portable_layers import ops
from portable_layers.cases import Case, case
from portable_layers.layers.preprocessing.image_layer import _RandomLayer, span
from portable_layers.ops.dispatch import cast_to
from portable_layers.ops.image.sampling import FILL_MODES, INTERPOLATIONS


class _RandomAffine(_RandomLayer):
    """A random affine transform of each image in training; a subclass says its `matrix`."""

    trains = True
    images_only = False

    def __init__(self, fill_mode: str, interpolation: str, fill_value: float, **kwargs: Any):
        super().__init__(**kwargs)
        if fill_mode not in FILL_MODES:
            raise NotImplementedError(
                f"fill_mode must be one of {', '.join(FILL_MODES)}. Received: fill_mode={fill_mode!r}"
            )
        if interpolation not in INTERPOLATIONS:
            raise NotImplementedError(
                f"interpolation must be one of {', '.join(INTERPOLATIONS)}. "
                f"Received: interpolation={interpolation!r}"
            )
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value

    def matrix(self, images: Any, height: Any, width: Any) -> list[Any]:
        """The numbers `a0, a1, a2, b0, b1, b2`, each a float or `(batch, 1)`, of sizes as float32."""
        raise NotImplementedError

    def numbers(self, images: Any, low: float, high: float) -> Any:
        """A number from `[low, high)` for each image, `(batch, 1)`."""
        return ops.squeeze(self.per_image(images, low, high), (2, 3))

    def draw(self, images: Any) -> Any:
        height, width = self.float_size(images)
        rest = self.matrix(images, height, width)
        zero = ops.full((images.shape[0], 1), 0.0, "float32")
        return ops.concatenate([zero + n for n in (*rest, 0.0, 0.0)], axis=1)

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        return self._moved(cast_to(images, self.compute_dtype), transformation, self.interpolation)

    def transform_masks(self, masks: Any, transformation: Any, training: bool) -> Any:
        return self._moved(masks, transformation, "nearest")

    def _moved(self, x: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return x
        return ops.image.affine_transform(
            x, transformation, interpolation, self.fill_mode, self.fill_value, self.data_format
        )


class RandomTranslation(_RandomAffine):
    """Images moved by a random share of their size in training.

    Args:
        height_factor, width_factor: a share, or the lowest and the highest; negative is up and left.
        fill_mode: what comes in at the edges: `reflect`, `wrap`, `constant` or `nearest`.
        interpolation: `bilinear` or `nearest`.
        seed: an integer makes the draws repeatable.
        fill_value: of `constant`.
    """

    cases: tuple[Case, ...] = (
        case(
            (6, 8, 3), height_factor=0.2, width_factor=(-0.1, 0.3), ops="Identity", dtypes=("mixed_float16",)
        ),
        case(
            (3, 6, 8), height_factor=0.5, width_factor=0, seed=1, data_format="channels_first", ops="Identity"
        ),
    )

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self._down = span(height_factor, "height_factor", -1.0, 1.0, strict=True)
        self._across = span(width_factor, "width_factor", -1.0, 1.0, strict=True)

    def matrix(self, images: Any, height: Any, width: Any) -> list[Any]:
        down = self.numbers(images, *self._down) * height
        across = self.numbers(images, *self._across) * width
        return [1.0, 0.0, -across, 0.0, 1.0, -down]


class RandomRotation(_RandomAffine):
    """Images turned about their middle by a random angle in training.

    Args:
        factor: a share of a whole turn, or the lowest and the highest; positive is counter-clockwise.
        fill_mode, interpolation, seed, fill_value: as of `RandomTranslation`.
    """

    cases = (
        case((6, 8, 3), factor=(-0.2, 0.4), ops="Identity"),
        case((6, 8, 3), factor=0.1, seed=2, ops="Identity"),
    )

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor or 0.0, "factor", -1, 1)

    def matrix(self, images: Any, height: Any, width: Any) -> list[Any]:
        low, high = self.factor
        angle = self.numbers(images, low * 2 * math.pi, high * 2 * math.pi)
        cos, sin = ops.cos(angle), ops.sin(angle)
        x, y = 0.5 * (width - 1.0), 0.5 * (height - 1.0)
        return [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos]


class RandomZoom(_RandomAffine):
    """Images zoomed about their middle by a random factor in training.

    Args:
        height_factor: how much larger or smaller (positive: zoomed out), or the lowest and the highest.
        width_factor: of the width; None is that of the height.
        fill_mode, interpolation, seed, fill_value: as of `RandomTranslation`.
    """

    cases = (
        case((6, 8, 3), height_factor=-0.4, width_factor=-0.6, ops="Identity"),
        case(
            (6, 8, 3), height_factor=(0.1, 0.2), fill_mode="constant", interpolation="nearest", ops="Identity"
        ),
    )

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        # -1 would be a zoom into a single point.
        lowest = math.nextafter(-1.0, 0.0)
        self._tall = span(height_factor, "height_factor", lowest, 1.0, strict=True)
        self._wide = (
            None if width_factor is None else span(width_factor, "width_factor", lowest, 1.0, strict=True)
        )

    def matrix(self, images: Any, height: Any, width: Any) -> list[Any]:
        tall = 1.0 + self.numbers(images, *self._tall)
        wide = tall if self._wide is None else 1.0 + self.numbers(images, *self._wide)
        return [
            wide,
            0.0,
            0.5 * (width - 1.0) * (1.0 - wide),
            0.0,
            tall,
            0.5 * (height - 1.0) * (1.0 - tall),
        ]


class RandomShear(_RandomAffine):
    """Images slanted by a random factor in training.

    Args:
        x_factor, y_factor: how far a row or column moves per pixel, or the lowest and the highest; the
            direction is random.
        fill_mode, interpolation, seed, fill_value: as of `RandomTranslation`.
    """

    cases = (case((6, 8, 3), x_factor=(0.0, 0.3), y_factor=(0.1, 0.2), ops="Identity"),)

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        # Keras takes no negative ones, but writes them into the config of a single number.
        self.x_factor = span(x_factor, "x_factor", -1, 1, strict=True)
        self.y_factor = span(y_factor, "y_factor", -1, 1, strict=True)

    def matrix(self, images: Any, height: Any, width: Any) -> list[Any]:
        direction = ops.where(ops.greater(self.numbers(images, 0.0, 1.0), 0.5), -1.0, 1.0)
        down = self.numbers(images, *self.y_factor) * direction
        across = self.numbers(images, *self.x_factor) * direction
        return [1.0, across, 0.0, down, 1.0, 0.0]
