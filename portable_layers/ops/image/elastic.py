"""Random elastic distortion of images (`keras.ops.image`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.ops.dispatch import cast_to, graph, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.image.blurring import gaussian_blur
from portable_layers.ops.image.color import images_of
from portable_layers.ops.image.coordinates import sample
from portable_layers.ops.image.sampling import INTERPOLATIONS, check_options, on_batch
from portable_layers.ops.random import random_normal
from portable_layers.ops.reduction import positions
from portable_layers.ops.shaping import expand_dims, reshape, squeeze
from portable_layers.tensor import Tensor


@op("image.ElasticTransform", "images")
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Images whose pixels are moved by smooth random amounts.

    The random numbers are not those of TensorFlow, their distribution is.

    Args:
        alpha: how far pixels move.
        sigma: how smooth the movement is.

    Raises:
        ValueError: for another interpolation or fill_mode.
    """
    check_options("elastic_transform", interpolation, fill_mode)
    x, _ = images_of("elastic_transform", images, data_format)
    size = 6 * int(sigma) | 1

    def moves(batch: Tensor) -> Tensor:
        noise = random_normal(batch.shape[:3], 0.0, float(sigma), "float32", seed)
        blurred = gaussian_blur(expand_dims(noise, -1), (size, size), (sigma, sigma))
        return graph().add("Mul", squeeze(blurred, -1), np.asarray(alpha, np.float32))

    def distorted(batch: Tensor) -> Tensor:
        wide = as_float(batch)
        rows, columns = (
            reshape(cast_to(positions(n), "float32"), shape)
            for n, shape in ((batch.shape[1], (1, -1, 1)), (batch.shape[2], (1, 1, -1)))
        )
        places = [graph().add("Add", base, moves(batch)) for base in (rows, columns)]
        order = INTERPOLATIONS.index(interpolation)
        return cast_to(sample(wide, places, order, fill_mode, scalar(fill_value, wide), 1), batch.dtype)

    return on_batch(x, data_format, distorted)
