"""Resizing along spatial axes (`keras.ops.image`), as TensorFlow computes it.

Nearest copies elements. Every other method is linear along each axis, `weights @ pixels`; where
ONNX's Resize has these weights it is used, else the matrices themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Size
from portable_layers.ops import aspect_ratio, rounding
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.image.filters import (
    METHODS,
    bilinear_places,
    is_operator,
    known_weights,
    nearest_places,
    resize_weights,
)
from portable_layers.ops.indexing import take
from portable_layers.ops.layout import channels_back, channels_first, standardize_data_format
from portable_layers.ops.products import matmul
from portable_layers.ops.reduction import positions
from portable_layers.ops.reordering import tile
from portable_layers.ops.shaping import expand_dims, moveaxis, reshape, squeeze, transpose
from portable_layers.tensor import Tensor

# The dtypes whose elements ONNX Runtime's Resize copies.
_COPIED = ("float32", "float16", "bfloat16", "int32", "int8", "uint8")


@op("image.Resize", "images")
def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images in another size, of the same dtype; integers are rounded.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`, or channels first.
        size: height and width of the result.
        interpolation: `nearest`, `bilinear`, `bicubic`, `lanczos3`, `lanczos5` or `area`.
        antialias: whether the filter grows with the pixels of the result when the image shrinks.
        crop_to_aspect_ratio: whether the images are cropped to the aspect ratio of `size` before.
        pad_to_aspect_ratio: whether they are padded to it with `fill_value` before.
        fill_mode: `constant`, the only one.

    Raises:
        ValueError: for an argument that Keras does not take.
    """
    x = convert(images)
    if x.ndim not in (3, 4) or len(size) != 2:
        raise ValueError(
            f"resize takes images of rank 3 or 4 and a size (height, width). Received: {x!r}, size={size}"
        )
    if fill_mode != "constant" or (crop_to_aspect_ratio and pad_to_aspect_ratio):
        raise ValueError(
            "resize takes fill_mode 'constant', and one of crop_to_aspect_ratio and pad_to_aspect_ratio. "
            f"Received: fill_mode={fill_mode!r}, crop_to_aspect_ratio={crop_to_aspect_ratio}, "
            f"pad_to_aspect_ratio={pad_to_aspect_ratio}"
        )
    data_format = standardize_data_format(data_format)
    batch = expand_dims(x, 0) if x.ndim == 3 else x
    axes = (1, 2) if data_format == "channels_last" else (2, 3)
    if crop_to_aspect_ratio:
        batch = aspect_ratio.crop_to_aspect_ratio(batch, axes, size)
    elif pad_to_aspect_ratio:
        batch = aspect_ratio.pad_to_aspect_ratio(batch, axes, size, fill_value)
    sizes = dict(zip(axes, size, strict=True))
    batch = resize_axes(batch, sizes, interpolation, antialias, data_format)
    return squeeze(batch, 0) if x.ndim == 3 else batch


def resize_axes(
    x: Tensor,
    sizes: Mapping[int, Size],
    method: str,
    antialias: bool = False,
    data_format: str = "channels_last",
) -> Tensor:
    """x with other sizes along its spatial axes, of the same dtype; integers are rounded.

    Args:
        x: `(batch, *spatial, channels)`, or channels first.
        sizes: the new size of each spatial axis.
        method: `nearest`, `bilinear`, `bicubic`, `lanczos3`, `lanczos5` or `area`.
        antialias: whether the filter grows with the pixels of the result when the image shrinks.

    Raises:
        ValueError: for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"interpolation must be one of {', '.join(METHODS)}. Received: {method!r}")
    if all(x.shape[axis] == size for axis, size in sizes.items()):
        # Whatever filters gives float32, also where there is nothing to do.
        return cast_to(cast_to(x, "float32"), x.dtype) if x.dtype == "float64" and method != "nearest" else x
    if method == "nearest":
        return _nearest(x, sizes)
    if method == "bilinear" and not antialias and not dtypes.is_float(x.dtype):
        return _bilinear_integers(x, sizes)
    y = channels_first(cast_to(x, "float32"), data_format)
    new = {2 + i: sizes[axis] for i, axis in enumerate(sorted(sizes))}
    if all(_is_operator(y.shape[axis], size, method, antialias) for axis, size in new.items()):
        y = _operator(y, new, method)
    else:
        for axis, size in new.items():
            if y.shape[axis] != size:
                y = _weighted(y, axis, size, method, antialias)
    return _saturated(channels_back(y, data_format), x.dtype, overshoots=method not in ("bilinear", "area"))


def repeat_axes(x: Tensor, factors: Mapping[int, int]) -> Tensor:
    """Each element of x repeated so many times along these axes."""
    factors = {axis: n for axis, n in factors.items() if n != 1}
    if not factors:
        return x
    scales = [factors.get(axis, 1) for axis in range(x.ndim)]
    shape = tuple(size * n for size, n in zip(x.shape, scales, strict=True))
    if x.dtype in _COPIED:
        return graph().add(
            "Resize",
            x,
            None,
            np.array(scales, np.float32),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
            shape=shape,
        )
    # A new axis behind each of these, and as many copies along it.
    behind = [axis + 1 + i for i, axis in enumerate(sorted(factors))]
    copies = [1] * (x.ndim + len(behind))
    for place, axis in zip(behind, sorted(factors), strict=True):
        copies[place] = factors[axis]
    return reshape(tile(expand_dims(x, behind), copies), shape)


def _nearest(x: Tensor, sizes: Mapping[int, Size]) -> Tensor:
    factors = {}
    for axis, new in sizes.items():
        old = x.shape[axis]
        if isinstance(old, int) and isinstance(new, int):
            numbers = np.arange(new, dtype=np.float32)
            index = nearest_places(np, numbers, np.float32(old), np.float32(new)).astype(np.int64)
            if np.array_equal(index, np.arange(new) * old // new) and new % old == 0:
                factors[axis] = new // old
            else:
                x = take(x, index, axis)
        else:
            from portable_layers import ops

            places = cast_to(positions(new), "float32")
            x = take(x, cast_to(nearest_places(ops, places, _number(old), _number(new)), "int64"), axis)
    return repeat_axes(x, factors)


def _bilinear_integers(x: Tensor, sizes: Mapping[int, Size]) -> Tensor:
    """Bilinear in TensorFlow's very steps: a result halfway between two integers is common, and a last
    digit decides which of them it becomes."""
    y = cast_to(x, "float32")
    for axis in sorted(sizes, reverse=True):
        old, new = x.shape[axis], sizes[axis]
        shape = [1] * x.ndim
        if isinstance(old, int) and isinstance(new, int):
            numbers = np.arange(new, dtype=np.float32)
            first, second, share = bilinear_places(np, numbers, np.float32(old), np.float32(new))
            indices: Any = [first.astype(np.int64), second.astype(np.int64)]
        else:
            from portable_layers import ops

            places = cast_to(positions(new), "float32")
            first, second, share = bilinear_places(ops, places, _number(old), _number(new))
            indices = [cast_to(first, "int64"), cast_to(second, "int64")]
        start, end = (take(y, index, axis) for index in indices)
        shares = reshape(convert(share), (*shape[:axis], new, *shape[axis + 1 :]))
        y = start + (end - start) * shares
    return _saturated(y, x.dtype, overshoots=False)


def _is_operator(old: Size, new: Size, method: str, antialias: bool) -> bool:
    if isinstance(old, int) and isinstance(new, int):
        return is_operator(old, new, method, antialias)
    factor = _factor(old, new)
    # A whole factor gives every border and every fraction in three pixels.
    return is_operator(3, 3 * factor, method, antialias) if factor else method == "bilinear" and not antialias


def _factor(old: Size, new: Size) -> int:
    """By how much an axis grows; 0 where that is no known whole number."""
    factor = new // old
    return factor if isinstance(factor, int) and old * factor == new else 0


def _operator(x: Tensor, sizes: Mapping[int, Size], method: str) -> Tensor:
    g = graph()
    scales = {axis: _scale(x.shape[axis], size) for axis, size in sizes.items()}
    shape = tuple(sizes.get(axis, size) for axis, size in enumerate(x.shape))
    known = None not in scales.values()
    cubic = method == "bicubic"
    return g.add(
        "Resize",
        x,
        None,
        np.array([scales.get(axis, 1) for axis in range(x.ndim)], np.float32) if known else None,
        # All sizes, not only these axes: ONNX Runtime's optimizer loses some when it moves transposes.
        None if known else g.shape_tensor(shape),
        mode="cubic" if cubic else "linear",
        coordinate_transformation_mode="half_pixel",
        cubic_coeff_a=-0.5 if cubic else None,
        exclude_outside=1 if cubic else None,
        shape=shape,
    )


def _scale(old: Size, new: Size) -> np.float32 | None:
    """By how much an axis grows, so that ONNX's `floor(old * scale)` is the new size; None if not known."""
    if not isinstance(old, int) or not isinstance(new, int):
        factor = _factor(old, new)
        return np.float32(factor) if factor else None
    scale = np.float32(new / old)
    return scale if float(scale) * old >= new else np.nextafter(scale, np.float32(np.inf))


def _weighted(x: Tensor, axis: int, size: Size, method: str, antialias: bool) -> Tensor:
    """One axis of x by the matrix of its weights."""
    old = x.shape[axis]
    if isinstance(old, int) and isinstance(size, int):
        weights = convert(known_weights(old, size, method, antialias))
    else:
        from portable_layers import ops

        places = reshape(cast_to(positions(size), "float32"), (size, 1))
        pixels = reshape(cast_to(positions(old), "float32"), (1, old))
        weights = resize_weights(ops, places, pixels, _number(old), _number(size), method, antialias)
    if axis == x.ndim - 2:
        return matmul(weights, x)
    if axis == x.ndim - 1:
        return matmul(x, transpose(weights))
    return moveaxis(matmul(moveaxis(x, axis, -1), transpose(weights)), -1, axis)


def _number(size: Size) -> Tensor:
    """A size as a float32 scalar."""
    return cast_to(squeeze(graph().size(size), 0), "float32")


def _saturated(x: Tensor, dtype: str, overshoots: bool) -> Tensor:
    """float32 in another dtype, integers rounded, held within its range."""
    if dtype == "float16" and overshoots:
        x = rounding.clip(x, -65504.0, 65504.0)
    elif not dtypes.is_float(dtype):
        limits = np.iinfo(dtypes.to_numpy(dtype))
        # The largest float32 that is no larger than the limit.
        most = np.float32(limits.max)
        most = most if int(most) <= limits.max else np.nextafter(most, np.float32(0))
        x = rounding.clip(rounding.round(x), float(limits.min), float(most))
    return cast_to(x, dtype)
