"""Rows of image functions."""

import numpy as np
from rows import X, floats, ints, row, values

_RGB = floats(2, 6, 8, 3, low=0, high=1)
_FIRST = floats(2, 3, 6, 8, low=0, high=1)
_ONE = floats(6, 8, 3, low=0, high=1)
_BYTES = ints(2, 6, 8, 3, dtype="uint8", low=0, high=256)
_HALF = floats(2, 6, 8, 3, low=0, high=1, dtype="float16")
_MATRIX = values([1.1, 0.2, -1.0, -0.1, 0.9, 0.7, 0.01, 0.0], [0.8, 0.0, 2.5, 0.1, 1.2, -3.0, 0.0, 0.01])
_START = values(
    [[0.0, 0.0], [7.0, 0.0], [0.0, 5.0], [7.0, 5.0]], [[1.0, 0.0], [7.0, 1.0], [0.0, 5.0], [6.0, 4.0]]
)
_END = values(
    [[1.0, 1.0], [6.0, 0.0], [1.0, 4.0], [7.0, 5.0]], [[0.0, 0.0], [7.0, 0.0], [0.0, 5.0], [7.0, 5.0]]
)
_PLACES = floats(2, 9, low=-3, high=9, seed=1)

ROWS = [
    *[row("image.rgb_to_grayscale", x, note=str(x.array.dtype)) for x in (_RGB, _BYTES, _HALF)],
    row("image.rgb_to_grayscale", _FIRST, data_format="channels_first", note="first"),
    row("image.rgb_to_hsv", _RGB),
    row("image.rgb_to_hsv", _FIRST, data_format="channels_first", note="first"),
    row("image.rgb_to_hsv", values([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [1.0, 0.0, 0.5]]), functional=False,
        note="grey"),
    row("image.rgb_to_hsv", values([[[0.1, 0.9, 0.9], [0, 0, 1], [1, 1, 0]]]), functional=False, note="ties"),
    row("image.hsv_to_rgb", _RGB),
    row("image.hsv_to_rgb", _ONE, static=True, note="one"),
    row("image.resize", _RGB, (4, 5)),
    row("image.resize", _BYTES, (9, 12), interpolation="nearest", note="nearest"),
    *[
        row("image.affine_transform", _RGB, _MATRIX, interpolation=i, fill_mode=m, fill_value=0.3, note=f"{i} {m}",
            tolerance=1e-4)
        for i in ("nearest", "bilinear")
        for m in ("constant", "nearest", "wrap", "reflect")
    ],
    row("image.affine_transform", _FIRST, _MATRIX, data_format="channels_first", note="first", tolerance=1e-4),
    row("image.affine_transform", _ONE, X(_MATRIX.array[0]), static=True, note="one", tolerance=1e-4),
    row("image.perspective_transform", _RGB, _START, _END, tolerance=1e-4),
    row("image.perspective_transform", _RGB, _START, _END, interpolation="nearest", fill_value=0.5, note="nearest",
        tolerance=1e-4),
    row("image.extract_patches", _RGB, 2),
    row("image.extract_patches", _RGB, (3, 2), strides=2, padding="same", note="same"),
    row("image.extract_patches", _FIRST, 3, strides=1, dilation_rate=2, data_format="channels_first", note="first"),
    row("image.extract_patches_3d", floats(2, 4, 6, 4, 2), 2),
    *[
        row("image.map_coordinates", floats(6, 7), _PLACES, order=o, fill_mode=m, fill_value=0.5, static=True,
            note=f"{o} {m}")
        for o in (0, 1)
        for m in ("constant", "nearest", "wrap", "reflect")
    ],
    row("image.map_coordinates", ints(6, 7), floats(2, 9, low=0, high=5), order=1, static=True, note="int"),
    row("image.pad_images", _RGB, 1, 2, 3, 4),
    row("image.pad_images", _FIRST, top_padding=1, left_padding=2, target_height=10, target_width=12,
        data_format="channels_first", note="target"),
    row("image.crop_images", _RGB, 1, 2, 3, 1),
    row("image.crop_images", _ONE, top_cropping=1, left_cropping=2, target_height=3, target_width=4, static=True,
        note="target"),
    row("image.gaussian_blur", _RGB),
    row("image.gaussian_blur", _FIRST, kernel_size=(5, 3), sigma=(0.5, 2.0), data_format="channels_first", note="first"),
    row("image.sobel_edges", _RGB),
    row("image.sobel_edges", _FIRST, data_format="channels_first", note="first"),
    row("image.ssim", _RGB, floats(2, 6, 8, 3, low=0, high=1, seed=1), filter_size=5, tolerance=1e-4),
    row("image.ssim", _ONE, floats(6, 8, 3, low=0, high=1, seed=1), filter_size=3, static=True, note="one", tolerance=1e-4),
    *[
        row("image.scale_and_translate", _RGB, (2, 9, 5, 3), np.array([1.5, 0.6], "float32"),
            np.array([0.3, -0.7], "float32"), (1, 2), m, functional=False, note=m)
        for m in ("linear", "cubic", "lanczos3", "lanczos5")
    ],
    row("image.scale_and_translate", X(_RGB.array[0]), (4, 8, 3), X(np.array([0.5], "float32")),
        X(np.array([0.25], "float32")), (0,), "linear", static=True, note="tensors"),
]  # fmt: skip
