"""Layers that mix images, or several augmentations, in training; at inference they change nothing."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.image_layer import _RandomLayer, span


class MixUp(_RandomLayer):
    """In training, each image mixed with another one of the batch, and their labels.

    Args:
        alpha: of the beta distribution of the shares.
        seed: an integer makes the draws repeatable.
    """

    casts = False
    cases = (
        case((6, 8, 3), ops="Identity"),
        case(Array((6, 8, 3), "uint8", 0, 256), alpha=0.5, seed=1, ops="Identity"),
    )

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)


class CutMix(_RandomLayer):
    """In training, a rectangle of each image replaced by that of another one, and labels mixed likewise.

    Args:
        factor: of the beta distribution of the shares, or the lowest and the highest.
        seed: an integer makes the draws repeatable.
    """

    cases = (
        case((6, 8, 3), ops="Identity"),
        case(Array((6, 8, 3), "uint8", 0, 256), factor=0.5, seed=1, ops="Cast"),
    )

    def __init__(
        self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor, "factor", 0, 1)


class AugMix(_RandomLayer):
    """In training, images mixed with what chains of random augmentations make of them.

    Args:
        value_range: the lowest and highest value of a pixel.
        num_chains, chain_depth: how many chains, of how many augmentations.
        factor: how strong these are, or the lowest and the highest.
        alpha: of the distributions of the shares.
        all_ops: whether augmentations that need care are among them.
        interpolation: `bilinear` or `nearest`.
        seed: an integer makes the draws repeatable.
    """

    cases = (
        case((6, 8, 3), ops="Identity"),
        case(
            Array((6, 8, 3), "uint8", 0, 256),
            num_chains=2,
            all_ops=False,
            factor=(0.1, 0.2),
            seed=1,
            ops="Cast",
        ),
    )

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor, "factor", 0, 1)


class RandAugment(_RandomLayer):
    """In training, some random augmentations of each batch.

    Args:
        value_range: the lowest and highest value of a pixel.
        num_ops: how many.
        factor: how strong, or the lowest and the highest.
        interpolation: `bilinear` or `nearest`.
        seed: an integer makes the draws repeatable.
    """

    cases = (
        case((6, 8, 3), ops="Identity"),
        case(Array((6, 8, 3), "uint8", 0, 256), num_ops=3, factor=(0.1, 0.2), seed=1, ops="Cast"),
    )

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = span(factor, "factor", 0, 1)
