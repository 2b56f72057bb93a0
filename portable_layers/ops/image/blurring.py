"""Filters of fixed weights over images, and their comparison by such (`keras.ops.image`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.convolution import conv, depthwise_conv
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.image.color import images_of
from portable_layers.ops.layout import standardize_data_format
from portable_layers.ops.padding import pad
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import expand_dims, moveaxis, reshape, squeeze, transpose
from portable_layers.tensor import Tensor


def gaussian(size: int, sigma: float) -> np.ndarray:
    """Weights of a Gaussian filter, float64, which sum up to 1."""
    x = np.arange(size) - (size - 1) / 2
    weights = np.exp(-0.5 * (x / sigma) ** 2)
    return weights / weights.sum()


def _depthwise(x: Tensor, kernel: np.ndarray, padding: str) -> Tensor:
    """A filter `(height, width)` or several `(height, width, n)` over each channel by itself."""
    channels = int(x.shape[-1])
    filters = kernel.reshape(*kernel.shape[:2], 1, -1).astype(dtypes.to_numpy(x.dtype))
    return depthwise_conv(x, convert(np.repeat(filters, channels, axis=2)), padding=padding)


@op("image.GaussianBlur", "images")
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Any:
    """Images blurred by a Gaussian filter; beyond the border they are black.

    Args:
        kernel_size: height and width of the filter.
        sigma: its standard deviations.
    """
    x, _ = images_of("gaussian_blur", images, data_format)
    batch = expand_dims(x, 0) if x.ndim == 3 else x
    is_first = data_format == "channels_first"
    batch = transpose(batch, (0, 2, 3, 1)) if is_first else batch
    kernel = np.outer(gaussian(kernel_size[1], sigma[1]), gaussian(kernel_size[0], sigma[0]))
    # Keras reads the columns as rows where the filter is not square.
    y = _depthwise(batch, kernel.reshape(kernel_size[0], kernel_size[1]), "same")
    y = transpose(y, (0, 3, 1, 2)) if is_first else y
    return squeeze(y, 0) if x.ndim == 3 else y


@op("image.SobelEdges", "images")
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """Sobel's gradients along both axes: `(batch, height, width, channels, 2)`, or channels first."""
    x, _ = images_of("sobel_edges", images, data_format)
    if x.ndim != 4:
        raise ValueError(f"sobel_edges needs a batch of images. Received: {x!r}")
    is_first = data_format == "channels_first"
    x = transpose(x, (0, 2, 3, 1)) if is_first else x
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    padded = pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")
    y = reshape(_depthwise(padded, np.stack([down, down.T], -1), "valid"), (*x.shape, 2))
    return transpose(y, (0, 3, 1, 2, 4)) if is_first else y


@op("image.SSIM", "image1", "image2")
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """The structural similarity of two images, the mean over windows and channels.

    Args:
        max_val: the largest value that a pixel can have.
        filter_size, filter_sigma: of the Gaussian window.
        k1, k2: what keeps small denominators away from 0.
    """
    first, _ = images_of("ssim", image1, data_format)
    second, _ = images_of("ssim", image2, data_format)
    dtype = first.dtype
    pair = [as_float(t) for t in (first, second)]
    pair = [expand_dims(t, 0) if t.ndim == 3 else t for t in pair]
    if standardize_data_format(data_format) == "channels_first":
        pair = [moveaxis(t, 1, -1) for t in pair]
    a, b = pair
    weights = gaussian(filter_size, filter_sigma)
    kernel = np.outer(weights, weights)
    g = graph()

    def mean(x: Tensor) -> Tensor:
        return _depthwise(x, kernel, "valid")

    def plus(x: Tensor, number: float) -> Tensor:
        return g.add("Add", x, scalar(number, x))

    mean_a, mean_b = mean(a), mean(b)
    square_a, square_b, both = (
        g.add("Mul", p, q) for p, q in ((mean_a, mean_a), (mean_b, mean_b), (mean_a, mean_b))
    )
    variance_a = g.add("Sub", mean(g.add("Mul", a, a)), square_a)
    variance_b = g.add("Sub", mean(g.add("Mul", b, b)), square_b)
    covariance = g.add("Sub", mean(g.add("Mul", a, b)), both)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    two = scalar(2, a)
    top = g.add("Mul", plus(g.add("Mul", both, two), c1), plus(g.add("Mul", covariance, two), c2))
    below = g.add(
        "Mul", plus(g.add("Add", square_a, square_b), c1), plus(g.add("Add", variance_a, variance_b), c2)
    )
    found = reduce("ReduceMean", g.add("Div", top, below), (1, 2, 3))
    return cast_to(squeeze(found, 0) if first.ndim == 3 else found, dtype)


@op("image.ExtractPatches", "images", named=False)
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Each window of images or volumes as channels: rows, columns and channels of it in one axis.

    Args:
        images: `(batch, height, width, channels)`, or one image, or with a depth in front of the
            height; or channels first.
        size: of the window, one number (images) or one an axis.
        strides: the window's size by default.
        padding: `valid` or `same`.

    Raises:
        ValueError: for a window of another rank.
    """
    x = convert(images)
    sizes = [size, size] if isinstance(size, int) else list(size)
    rank = len(sizes)
    if rank not in (2, 3) or x.ndim not in (rank + 1, rank + 2):
        raise ValueError(f"size must have 2 or 3 numbers that fit the images. Received: {size} for {x!r}")
    data_format = standardize_data_format(data_format)
    channels = x.shape[-1 if data_format == "channels_last" else -rank - 1]
    count = int(np.prod(sizes)) * int(channels)
    kernel = np.eye(count, dtype=dtypes.to_numpy(x.dtype)).reshape(*sizes, int(channels), count)
    batch = expand_dims(x, 0) if x.ndim == rank + 1 else x
    strides = strides or sizes
    y = conv(batch, convert(kernel), strides, padding, data_format, dilation_rate)
    return squeeze(y, 0) if x.ndim == rank + 1 else y


def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """`extract_patches` of volumes; one number as the size is that of all three axes."""
    sizes = (size, size, size) if isinstance(size, int) else size
    strides = (strides,) * 3 if isinstance(strides, int) else strides
    return extract_patches(volumes, sizes, strides, dilation_rate, padding, data_format)
