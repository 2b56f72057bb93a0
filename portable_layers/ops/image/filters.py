"""The weights of image resizing, as TensorFlow computes them: from sizes to a matrix for one axis.

Each function is written once for two kinds of numbers: NumPy's where the sizes are known, and the
tensors of `ops` where they are known only when the model runs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area")
_RADIUS = {"bilinear": 1.0, "bicubic": 2.0, "lanczos3": 3.0, "lanczos5": 5.0}
# TensorFlow reads the weights of bicubic off a table with so many steps between two pixels.
_TABLE = 1024


def resize_weights(
    xp: Any, places: Any, pixels: Any, old: Any, new: Any, method: str, antialias: bool
) -> Any:
    """The weight of each pixel in each place of the result, each row a place.

    Args:
        xp: `numpy` or `portable_layers.ops`.
        places: `(new, 1)`, float32 numbers `0 .. new - 1`.
        pixels: `(1, old)`, float32 numbers `0 .. old - 1`.
        old, new: the sizes, as float32.
        method: one of `METHODS` but `nearest`.
        antialias: whether the filter grows with the pixels of the result when the image shrinks.
    """
    step = old / new
    if method == "area":
        begin, end = places * step, (places + 1.0) * step
        covered = xp.minimum(pixels + 1.0, end) - xp.maximum(pixels, begin)
        weights = xp.maximum(covered, 0.0)
        return weights / xp.sum(weights, axis=1, keepdims=True)
    if method == "bilinear" and not antialias:
        # A place beyond the centre of the last pixel has its value.
        centre = xp.minimum(xp.maximum((places + 0.5) * step - 0.5, 0.0), old - 1.0)
        return xp.maximum(1.0 - xp.abs(centre - pixels), 0.0)
    if method == "bicubic" and not antialias:
        centre = (places + 0.5) * step - 0.5
        whole = xp.floor(centre)
        centre = whole + xp.round((centre - whole) * float(_TABLE)) / float(_TABLE)
        distance = xp.abs(centre - pixels)
    else:
        distance = xp.abs(pixels + 0.5 - (places + 0.5) * step)
        if antialias:
            distance = distance / xp.maximum(step, 1.0)
    weights = _kernel(xp, distance, method)
    return weights / xp.sum(weights, axis=1, keepdims=True)


def _kernel(xp: Any, distance: Any, method: str) -> Any:
    """The filter at these distances, 0 beyond its radius."""
    x, radius = distance, _RADIUS[method]
    if method == "bilinear":
        return xp.maximum(1.0 - x, 0.0)
    if method == "bicubic":  # Keys, a = -0.5
        near = ((1.5 * x - 2.5) * x) * x + 1.0
        far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
        return xp.where(x >= radius, 0.0, xp.where(x >= 1.0, far, near))
    safe = xp.maximum(x, 1e-3)  # the limit at 0 is 1
    wave = radius * xp.sin(math.pi * safe) * xp.sin(math.pi / radius * safe)
    value = wave / (math.pi**2 * safe * safe)
    return xp.where(x > radius, 0.0, xp.where(x <= 1e-3, 1.0, value))


def nearest_places(xp: Any, places: Any, old: Any, new: Any) -> Any:
    """The pixel that each place of the result copies, as float32.

    Args:
        places: float32 numbers `0 .. new - 1`.
        old, new: the sizes, as float32.
    """
    return xp.minimum(xp.floor((places + 0.5) * (old / new)), old - 1.0)


def bilinear_places(xp: Any, places: Any, old: Any, new: Any) -> tuple[Any, Any, Any]:
    """The two pixels that each place of the result lies between, and how far it is from the first.

    Rounded as TensorFlow does, step by step; arguments as of `nearest_places`.
    """
    centre = (places + 0.5) * (old / new) - 0.5
    whole = xp.floor(centre)
    first = xp.maximum(whole, 0.0)
    return first, xp.minimum(xp.ceil(centre), old - 1.0), centre - whole


def known_weights(old: int, new: int, method: str, antialias: bool) -> np.ndarray:
    """`resize_weights` of known sizes, `(new, old)` float32."""
    places = np.arange(new, dtype=np.float32)[:, None]
    pixels = np.arange(old, dtype=np.float32)[None, :]
    weights = resize_weights(np, places, pixels, np.float32(old), np.float32(new), method, antialias)
    return np.asarray(weights, np.float32)


def is_operator(old: int, new: int, method: str, antialias: bool) -> bool:
    """Whether ONNX's Resize without antialiasing has these weights: its bicubic has no table.

    ONNX Runtime's optimizer moves transposes across Resize, to an order in which its kernel refuses to
    shrink an image with bicubic.
    """
    if method == "bilinear":
        return not antialias or new >= old
    if method != "bicubic" or new < old:
        return False
    if antialias:
        return True
    fractions = ((np.arange(new) + 0.5) * (old / new) - 0.5) * _TABLE
    return bool(np.all(fractions == np.round(fractions)))
