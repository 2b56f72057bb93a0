"""What all layers for images share: data of several parts, factors, value ranges, seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from portable_layers import dtypes, ops
from portable_layers.errors import UnsupportedLayer, UnsupportedLayerError
from portable_layers.layer import Layer
from portable_layers.layers.preprocessing.bounding_boxes import FORMATS, checked_boxes
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.ops.layout import standardize_data_format
from portable_layers.ops.random import random_uniform
from portable_layers.random import SeedGenerator

# The parts of the data that a layer may be called on together.
PARTS = ("images", "bounding_boxes", "labels", "segmentation_masks")


class _ImageLayer(Layer):
    """A layer for images; by default one that does nothing at inference and cannot be drawn in training.

    A subclass that acts overrides `draw` (what is random) and the `transform_...` functions, which are
    called on a batch.

    Args:
        bounding_box_format: what the numbers of boxes mean, one of `FORMATS`.
        data_format: `channels_last` (default) or `channels_first`.

    Input shape:  `(batch, height, width, channels)` or `(height, width, channels)`, or channels first;
        or a dict of `images` with `bounding_boxes` (a dict of `boxes` and `labels`), `labels` and
        `segmentation_masks`.
    Output shape: that of the input
    """

    # Whether the images come out in the compute dtype at inference, or as they came in.
    casts = True
    # Whether something happens at inference.
    acts_at_inference = False
    # Whether the exported graph of a model in training has the layer's random operators.
    trains = False
    # Whether labels, boxes and masks stay what they are in training.
    images_only = True

    def __init__(self, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if bounding_box_format is not None and str(bounding_box_format).lower() not in FORMATS:
            raise ValueError(
                f"bounding_box_format must be one of {', '.join(FORMATS)}. "
                f"Received: bounding_box_format={bounding_box_format!r}"
            )
        self.bounding_box_format: Any = bounding_box_format
        self.data_format = standardize_data_format(data_format)

    # What subclasses say

    def draw(self, images: Any) -> Any:
        """The random numbers for a batch of images, in training."""

    def transform_images(self, images: Any, transformation: Any, training: bool) -> Any:
        """The images of a batch; by default, and at inference, what they are."""
        return cast_to(images, self.compute_dtype) if self.casts else images

    def transform_masks(self, masks: Any, transformation: Any, training: bool) -> Any:
        """The segmentation masks of a batch."""
        return masks

    def transform_boxes(self, boxes: dict[str, Any], images: Any, transformation: Any, training: bool) -> Any:
        """The bounding boxes of a batch, a dict of `boxes` and `labels`, given the images that came in."""
        return boxes

    # The data

    def call(self, data: Any, training: bool | None = None) -> Any:
        parts = dict(data) if isinstance(data, dict) else {"images": data}
        if "images" not in parts:
            raise ValueError(f"layer {self.name} needs images. Received: a dict of {', '.join(parts)}")
        images = parts["images"]
        if images.ndim not in (3, 4):
            raise ValueError(f"layer {self.name} takes images of rank 3 or 4. Received: {images!r}")
        # The random operators matter to nobody who only asks for shapes.
        training = bool(training) and not graph().scratch
        if training and not self.acts_at_inference:
            self._check_trains(parts)
        single = images.ndim == 3
        acts = training or self.acts_at_inference
        batch = ops.expand_dims(images, 0) if single and acts else images
        transformation = self.draw(batch) if training else None

        def on_batch(transform: Callable[..., Any], x: Any) -> Any:
            if not acts or not single:
                return transform(x, transformation, training)
            return ops.squeeze(transform(ops.expand_dims(x, 0), transformation, training), 0)

        parts["images"] = on_batch(self.transform_images, images)
        if "segmentation_masks" in parts:
            parts["segmentation_masks"] = on_batch(self.transform_masks, parts["segmentation_masks"])
        if "bounding_boxes" in parts:
            parts["bounding_boxes"] = self._boxes(
                parts["bounding_boxes"], batch, single, transformation, training
            )
        return parts if isinstance(data, dict) else parts["images"]

    def _boxes(self, given: Any, images: Any, single: bool, transformation: Any, training: Any) -> Any:
        if self.bounding_box_format is None:
            raise ValueError(
                f"layer {self.name} was given bounding boxes; say what their numbers mean with "
                f"bounding_box_format, one of {', '.join(FORMATS)}"
            )
        boxes = checked_boxes(given)
        if not (training or self.acts_at_inference):
            return boxes
        if single:
            boxes = {k: ops.expand_dims(x, 0) for k, x in boxes.items()}
        boxes = self.transform_boxes(boxes, images, transformation, training)
        return {k: ops.squeeze(x, 0) for k, x in boxes.items()} if single else boxes

    def _check_trains(self, parts: dict[str, Any]) -> None:
        others = [k for k in parts if k != "images"]
        if self.trains and (self.images_only or not set(others) - {"labels", "segmentation_masks"}):
            return
        what = "bounding boxes" if self.trains else "augmentation"
        reason = f"its {what} in training cannot be exported; export the model with training=False"
        raise UnsupportedLayerError([UnsupportedLayer(graph().path, type(self).__name__, reason)])

    def axes(self, rank: int) -> tuple[int, int]:
        """The axes of height and width of images of this rank."""
        return (rank - 3, rank - 2) if self.data_format == "channels_last" else (rank - 2, rank - 1)

    def size(self, images: Any) -> tuple[Any, Any]:
        """Height and width of images."""
        height, width = self.axes(images.ndim)
        return images.shape[height], images.shape[width]

    def float_size(self, images: Any) -> tuple[Any, Any]:
        """Height and width of images as float32 tensors of shape `(1,)`.

        They are asked of the images themselves: the height of a single image goes by the name of the
        batch, as does the number of its bounding boxes.
        """

        def of_axis(axis: int) -> Any:
            size = images.shape[axis]
            if isinstance(size, int):
                return graph().constant(np.array([size], np.float32))
            return cast_to(graph().add("Shape", images, start=axis, end=axis + 1), "float32")

        height, width = self.axes(images.ndim)
        return of_axis(height), of_axis(width)

    def per_image(self, images: Any, low: float, high: float) -> Any:
        """A number from `[low, high)` for each image of a batch, `(batch, 1, 1, 1)`."""
        sizes = (images.shape[0], 1, 1, 1)
        if low == high:
            return ops.full(sizes, float(low), "float32")
        return random_uniform(sizes, low, high, seed=self.generator)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "data_format": self.data_format}
        # Ranges come as lists from a file.
        config = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config


class _RandomLayer(_ImageLayer):
    """A layer with a seed that acts in training only."""

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)


def span(value: Any, name: str, low: float, high: float, strict: bool = False) -> tuple[Any, Any]:
    """The lower and upper end that a factor stands for: a number reaches from its negative, or `low`, up.

    Args:
        value: a number, or two in any order.
        name: of the argument, for the error.
        low, high: the bounds of a number.
        strict: whether two numbers must both lie within the bounds, or only overlap with them.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(value, int | float) and low <= value <= high:
        return max(-abs(value), low), abs(value)
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(n, int | float) for n in value):
        first, second = value
        within = low <= min(value) and max(value) <= high if strict else first <= high and second >= low
        if within:
            return min(value), max(value)
    raise ValueError(f"{name} must be one or two numbers from {low} to {high}. Received: {name}={value!r}")


def sorted_range(value_range: Any) -> list[Any]:
    """The lowest and highest value that pixels have.

    Raises:
        ValueError: for anything but two numbers.
    """
    if not isinstance(value_range, list | tuple) or len(value_range) != 2:
        raise ValueError(f"value_range must be two numbers. Received: value_range={value_range!r}")
    return sorted(value_range)


def rescale(images: Any, old: Any, new: Any, dtype: str) -> Any:
    """Images with values in one range brought to another one, in this dtype; untouched if it is the same."""
    if tuple(old) == tuple(new):
        return images
    low, high = (dtypes.to_numpy(dtype).type(n) for n in old)
    share = (cast_to(images, dtype) - low) / (high - low)
    return share * float(new[1] - new[0]) + float(new[0])
