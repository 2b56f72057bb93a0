"""Images (`keras.ops.image`)."""

from portable_layers.ops.image.blurring import (
    extract_patches,
    extract_patches_3d,
    gaussian_blur,
    sobel_edges,
    ssim,
)  # fmt: skip
from portable_layers.ops.image.borders import crop_images, pad_images
from portable_layers.ops.image.color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from portable_layers.ops.image.coordinates import map_coordinates
from portable_layers.ops.image.elastic import elastic_transform
from portable_layers.ops.image.resizing import resize
from portable_layers.ops.image.sampling import affine_transform, perspective_transform
from portable_layers.ops.image.scaling import scale_and_translate

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "extract_patches_3d",
    "gaussian_blur", "hsv_to_rgb", "map_coordinates", "pad_images", "perspective_transform", "resize",
    "rgb_to_grayscale", "rgb_to_hsv", "scale_and_translate", "sobel_edges", "ssim",
]  # fmt: skip
