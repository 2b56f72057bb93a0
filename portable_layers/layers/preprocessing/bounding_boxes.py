"""Bounding boxes: what their four numbers mean, and boxes cut off at the edges of an image."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.ops.dispatch import cast_to

# x to the right, y down; `rel_` are shares of the image's width and height.
FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)


def checked_boxes(boxes: Any) -> dict[str, Any]:
    """Boxes as a dict of `boxes`, float32, and `labels`.

    Raises:
        ValueError: for another structure, or ranks that do not fit.
    """
    if not isinstance(boxes, dict) or not {"boxes", "labels"} <= boxes.keys():
        raise ValueError(f"bounding_boxes must be a dict of 'boxes' and 'labels'. Received: {boxes!r}")
    corners, labels = boxes["boxes"], boxes["labels"]
    if corners.ndim not in (2, 3) or labels.ndim not in (corners.ndim - 1, corners.ndim):
        raise ValueError(
            "bounding_boxes must have boxes (batch, boxes, 4) with labels (batch, boxes), or both without "
            f"the batch. Received: boxes={corners!r}, labels={labels!r}"
        )
    return {**boxes, "boxes": cast_to(corners, "float32")}


def to_corners(boxes: Any, source: str, height: Any, width: Any) -> Any:
    """Boxes `(..., 4)` of a format as `xyxy`, in pixels.

    Args:
        height, width: of the image, float32.
    """
    a, b, c, d = ops.split(boxes, 4, axis=-1)
    source = source.lower()
    kind = source.removeprefix("rel_")
    if kind == "yxyx":
        a, b, c, d = b, a, d, c
    elif kind == "xywh":
        c, d = a + c, b + d
    elif kind in ("center_xywh", "center_yxhw"):
        x, y, w, h = (a, b, c, d) if kind == "center_xywh" else (b, a, d, c)
        half_w, half_h = w / 2.0, h / 2.0
        a, b, c, d = x - half_w, y - half_h, x + half_w, y + half_h
    if source != kind:
        a, b, c, d = a * width, b * height, c * width, d * height
    return ops.concatenate([a, b, c, d], axis=-1)


def from_corners(boxes: Any, target: str, height: Any, width: Any) -> Any:
    """Boxes `(..., 4)` as `xyxy`, in pixels, in another format; the inverse of `to_corners`."""
    left, top, right, bottom = ops.split(boxes, 4, axis=-1)
    target = target.lower()
    kind = target.removeprefix("rel_")
    if target != kind:
        left, top, right, bottom = left / width, top / height, right / width, bottom / height
    if kind == "yxyx":
        sides = [top, left, bottom, right]
    elif kind == "xywh":
        sides = [left, top, right - left, bottom - top]
    elif kind == "center_xywh":
        w, h = right - left, bottom - top
        sides = [left + w / 2.0, top + h / 2.0, w, h]
    elif kind == "center_yxhw":
        w, h = right - left, bottom - top
        sides = [top + h / 2.0, left + w / 2.0, h, w]
    else:
        sides = [left, top, right, bottom]
    return ops.concatenate(sides, axis=-1)


def clip_corners(boxes: Any, low_x: Any, low_y: Any, high_x: Any, high_y: Any) -> Any:
    """Boxes `xyxy` cut off at these sides, which may be numbers or tensors."""
    left, top, right, bottom = ops.split(boxes, 4, axis=-1)

    def within(x: Any, low: Any, high: Any) -> Any:
        return ops.minimum(ops.maximum(x, low), high)

    sides = [
        within(left, low_x, high_x),
        within(top, low_y, high_y),
        within(right, low_x, high_x),
        within(bottom, low_y, high_y),
    ]
    return ops.concatenate(sides, axis=-1)


def clip_to_image(boxes: dict[str, Any], height: float, width: float) -> dict[str, Any]:
    """Boxes `xyxy` cut off at the edges of an image; the label of one that is not on it becomes -1."""
    corners = clip_corners(boxes["boxes"], 0.0, 0.0, float(width), float(height))
    left, top, right, bottom = ops.split(corners, 4, axis=-1)
    areas = ops.squeeze((right - left) * (bottom - top), -1)
    labels = boxes["labels"]
    return {**boxes, "boxes": corners, "labels": ops.where(areas > 0.0, labels, cast_to(-1, labels.dtype))}
