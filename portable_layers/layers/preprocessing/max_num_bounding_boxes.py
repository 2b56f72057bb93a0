"""MaxNumBoundingBoxes: the same number of bounding boxes for every image."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import case
from portable_layers.layers.preprocessing.image_layer import _ImageLayer
from portable_layers.ops.dispatch import cast_to
from portable_layers.ops.slicing import slice_axis


class MaxNumBoundingBoxes(_ImageLayer):
    """The first `max_number` bounding boxes of each image, filled up where it has fewer; images stay as they are.

    Args:
        max_number: how many.
        fill_value: of the boxes and labels that are filled up; Keras leaves it out of the config.
    """

    casts = False
    acts_at_inference = True
    cases = (case((6, 8, 3), max_number=4, ops="Identity"),)

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_number = int(max_number)
        self.fill_value = int(fill_value)

    def transform_boxes(self, boxes: dict[str, Any], images: Any, transformation: Any, training: bool) -> Any:
        return {**boxes, "boxes": self._filled(boxes["boxes"]), "labels": self._filled(boxes["labels"])}

    def _filled(self, x: Any) -> Any:
        filling = ops.full((x.shape[0], self.max_number, *x.shape[2:]), self.fill_value, x.dtype)
        return slice_axis(ops.concatenate([cast_to(x, x.dtype), filling], axis=1), 1, 0, self.max_number)

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "fill_value"}
