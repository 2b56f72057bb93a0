"""RandomCrop: in training, a part of the images at a random place."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.image_layer import _RandomLayer
from portable_layers.layers.preprocessing.resizing import check_size
from portable_layers.ops.aspect_ratio import crop_window, window_of
from portable_layers.ops.dispatch import cast_to
from portable_layers.ops.random import random_uniform
from portable_layers.random import make_default_seed
from portable_layers.tensor import KerasTensor


class RandomCrop(_RandomLayer):
    """In training, a part of the images at a place that is random for the batch; the images at inference.

    Images that are not larger than the crop are cropped where Keras crops them, and resized.

    Args:
        height, width: of the crop.
        seed: an integer makes the draws repeatable.

    Input shape:  `(batch, height, width, channels)` or `(height, width, channels)`, or channels first
    Output shape: in training the same with the crop's height and width. At inference nothing is
        cropped, though a model's `output_shape` says the crop's, as in Keras.
    """

    casts = False
    convert_inputs = False
    trains = True
    images_only = False
    cases = (
        case((6, 8, 3), height=6, width=8, seed=3, ops="Identity", dtypes=("mixed_float16",)),
        case(
            Array((3, 6, 8), "uint8", 0, 256),
            height=6,
            width=8,
            seed=1,
            data_format="channels_first",
            ops="Identity",
        ),
    )

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, name=name, **kwargs)
        check_size(height, width)
        self.seed = make_default_seed() if seed is None else seed

    def compute_output_shape(self, input_shape: Any, *args: Any, **kwargs: Any) -> Any:
        shape = list(input_shape)
        height, width = self.axes(len(shape))
        shape[height], shape[width] = self.height, self.width
        return tuple(shape)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        found = super().compute_output_spec(*args, **kwargs)
        if not isinstance(found, KerasTensor):
            return found
        # What follows is built for the crop, whose weights the file has.
        return KerasTensor(self.compute_output_shape(found.dims), found.dtype)

    def draw(self, images: Any) -> Any:
        sizes, wanted = self._known_size(images), (self.height, self.width)
        if all(n > m for n, m in zip(sizes, wanted, strict=True)):
            return [
                cast_to(random_uniform((1,), 0, n - m + 1, seed=self.generator), "int64")
                for n, m in zip(sizes, wanted, strict=True)
            ]
        return crop_window(images, self.axes(images.ndim), wanted)[0]

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        return self._cropped(images, transformation) if training else images

    def transform_masks(self, masks: Any, transformation: Any, training: bool) -> Any:
        if training:
            return self._cropped(masks, transformation)
        # Keras crops them at inference too.
        self._known_size(masks)
        return self._cropped(masks, crop_window(masks, self.axes(masks.ndim), (self.height, self.width))[0])

    def _cropped(self, x: Any, begins: Any) -> Any:
        x = cast_to(x, self.compute_dtype)
        # A window that begins at a known place may reach over the end.
        sizes = [
            min(m, n - begin) if isinstance(begin, int) else m
            for begin, n, m in zip(begins, self._known_size(x), (self.height, self.width), strict=True)
        ]
        window = window_of(x, self.axes(x.ndim), begins, sizes)
        return ops.image.resize(window, (self.height, self.width), data_format=self.data_format)

    def _known_size(self, images: Any) -> tuple[int, int]:
        height, width = self.size(images)
        if not isinstance(height, int) or not isinstance(width, int):
            raise ValueError(
                f"layer {self.name}: RandomCrop needs images of known height and width. Received: {images!r}"
            )
        return height, width
