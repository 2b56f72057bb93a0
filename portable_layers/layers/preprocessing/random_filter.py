"""Layers that blur, sharpen, bend or cover images at random in training; at inference they change nothing."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.image_layer import _RandomLayer, sorted_range, span
from portable_layers.ops.image.sampling import INTERPOLATIONS

_ELASTIC_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise NotImplementedError(f"{name} must be one of {', '.join(choices)}. Received: {name}={value!r}")


class RandomSharpness(_RandomLayer):
    """In training, images made smoother or sharper by a random factor.

    Args:
        factor: 0 is smooth, 0.5 unchanged, 1 sharp; or the lowest and the highest.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    cases = (
        case((6, 8, 3), factor=0.5, ops="Identity"),
        case(Array((6, 8, 3), "uint8", 0, 256), factor=(0.2, 0.3), seed=1, ops="Cast"),
    )

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor, "factor", 0, 1)
        self.value_range = sorted_range(value_range)


class RandomGaussianBlur(_RandomLayer):
    """In training, some images blurred.

    Args:
        factor: the chance of an image, or the lowest and the highest.
        kernel_size: odd, or the height and the width.
        sigma: the standard deviation, from 0 to 1, or the lowest and the highest.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    cases = (
        case((6, 8, 3), ops="Identity"),
        case((6, 8, 3), factor=(0.1, 0.2), kernel_size=(3, 5), sigma=0.5, seed=1, ops="Identity"),
    )

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        sizes = tuple(kernel_size) if isinstance(kernel_size, list | tuple) else (kernel_size, kernel_size)
        if len(sizes) != 2 or any(n % 2 == 0 for n in sizes):
            raise ValueError(
                f"kernel_size must be an odd number, or two of them. Received: kernel_size={kernel_size!r}"
            )
        self.kernel_size = sizes
        self.factor = span(factor, "factor", 0, 1)
        self.sigma = span(sigma, "sigma", 0, 1)


class RandomElasticTransform(_RandomLayer):
    """In training, some images bent as if printed on rubber.

    Args:
        factor: the chance of an image, or the lowest and the highest.
        scale: how strongly, or the lowest and the highest.
        interpolation: `bilinear` or `nearest`.
        fill_mode: what comes in at the edges: `reflect`, `wrap`, `constant`, `nearest` or `mirror`.
        fill_value: of `constant`.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    cases = (
        case((6, 8, 3), ops="Identity"),
        case((6, 8, 3), factor=0.5, scale=(0.1, 0.5), interpolation="nearest", seed=1, ops="Identity"),
    )

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        _check_choice("interpolation", interpolation, INTERPOLATIONS)
        _check_choice("fill_mode", fill_mode, _ELASTIC_FILL_MODES)
        self.factor = span(factor, "factor", 0, 1)
        self.scale = span(scale, "scale", 0, 1)


class RandomPerspective(_RandomLayer):
    """In training, some images seen from a random side.

    Args:
        factor: the chance of an image, or the lowest and the highest.
        scale: how far the corners move, from 0 to 1.
        interpolation: `bilinear` or `nearest`.
        fill_value: what lies beyond the edges.
        seed: an integer makes the draws repeatable.
    """

    cases = (
        case((6, 8, 3), ops="Identity"),
        case(
            (6, 8, 3), factor=0.5, scale=0.2, interpolation="nearest", fill_value=1.0, seed=1, ops="Identity"
        ),
    )

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        _check_choice("interpolation", interpolation, INTERPOLATIONS)
        if not 0 <= scale <= 1:
            raise ValueError(f"scale must be from 0 to 1. Received: scale={scale}")
        self.factor = span(factor, "factor", 0, 1)


class RandomErasing(_RandomLayer):
    """In training, a random rectangle of some images covered.

    Args:
        factor: the chance of an image, or the lowest and the highest.
        scale: the share of an image that is covered, or the lowest and the highest.
        fill_value: a number or one for each of three channels; None for noise.
        value_range: the lowest and highest value of a pixel.
        seed: an integer makes the draws repeatable.
    """

    cases = (
        case((6, 8, 3), ops="Identity"),
        case(Array((6, 8, 3), "uint8", 0, 256), factor=0.5, fill_value=7, seed=1, ops="Cast"),
    )

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor, "factor", 0, 1)
        self.scale = span(scale, "scale", 0, 1)
