"""Images (`keras.ops.image`)."""

from portable_layers.ops.image.affine import affine_transform
from portable_layers.ops.image.resizing import repeat_axes, resize, resize_axes

__all__ = ["affine_transform", "repeat_axes", "resize", "resize_axes"]
