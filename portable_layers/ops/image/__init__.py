"""Images (`keras.ops.image`)."""

from portable_layers.ops.image.affine import affine_transform
from portable_layers.ops.image.resizing import repeat_axes, resize, resize_axes
from portable_layers.ops.image.sampling import affine_transform, map_coordinates, perspective_transform
from portable_layers.ops.image.scaling import scale_and_translate

__all__ = ["affine_transform", "repeat_axes", "resize", "resize_axes"]
