"""Images (`keras.ops.image`)."""

from portable_layers.ops.image.resizing import repeat_axes, resize, resize_axes

__all__ = ["repeat_axes", "resize", "resize_axes"]
