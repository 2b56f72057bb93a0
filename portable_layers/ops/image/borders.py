"""Borders added to images and cut off (`keras.ops.image`)."""

from __future__ import annotations

from typing import Any

from portable_layers.ops.dispatch import op
from portable_layers.ops.image.color import images_of
from portable_layers.ops.padding import pad
from portable_layers.ops.slicing import slice_axis


def _amounts(
    name: str, size: Any, before: int | None, after: int | None, target: int | None
) -> tuple[int, int]:
    """How much to change at both ends, of the two that are given and the size.

    Args:
        name: `padding` adds to the size, `cropping` takes from it.
    """
    given = (before, after, target)
    if given.count(None) != 1 or any(n is not None and n < 0 for n in given):
        raise ValueError(
            f"two of the {name} before, the {name} behind and the target size must be given, not "
            f"negative. Received: {before}, {after} and {target}"
        )
    if target is not None:
        if not isinstance(size, int):
            raise ValueError(f"a target size needs images of known size. Received: {size}")
        total = target - size if name == "padding" else size - target
        before = total - after if before is None else before  # type: ignore[operator]
        after = total - before if after is None else after
    assert before is not None
    assert after is not None
    if before < 0 or after < 0:
        raise ValueError(f"the target size {target} does not fit images of size {size}")
    return before, after


@op("image.PadImages", "images")
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images with zeros around; of each direction two of both paddings and the target size are given.

    Raises:
        ValueError: for other than two, or what does not fit.
    """
    x, channels = images_of("pad_images", images, data_format)
    first = channels - 2 if channels == x.ndim - 1 else channels + 1
    widths = [(0, 0)] * x.ndim
    widths[first] = _amounts("padding", x.shape[first], top_padding, bottom_padding, target_height)
    widths[first + 1] = _amounts("padding", x.shape[first + 1], left_padding, right_padding, target_width)
    return pad(x, widths)


@op("image.CropImages", "images")
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images without borders; of each direction two of both croppings and the target size are given.

    Raises:
        ValueError: for other than two, or what does not fit.
    """
    x, channels = images_of("crop_images", images, data_format)
    first = channels - 2 if channels == x.ndim - 1 else channels + 1
    rows = _amounts("cropping", x.shape[first], top_cropping, bottom_cropping, target_height)
    columns = _amounts("cropping", x.shape[first + 1], left_cropping, right_cropping, target_width)
    for axis, (before, after) in ((first, rows), (first + 1, columns)):
        x = slice_axis(x, axis, before, -after if after else None)
    return x
