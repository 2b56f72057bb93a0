"""Elements in another order, and repeated (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.ops.dispatch import convert, graph, normalize_axes, normalize_axis, op
from portable_layers.ops.indexing import gather
from portable_layers.ops.joining import join
from portable_layers.ops.shaping import expand_dims, listed, moveaxis, reshape, swapaxes
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor


@op("numpy.Flip", "x")
def flip(x: Any, axis: Any = None) -> Any:
    """Reversed along these axes, all by default."""
    x = convert(x)
    for a in normalize_axes(axis, x.ndim):
        x = slice_axis(x, a, None, None, -1)
    return x


@op("numpy.Fliplr", "x")
def fliplr(x: Any) -> Any:
    """Reversed along axis 1."""
    return flip(x, 1)


@op("numpy.Flipud", "x")
def flipud(x: Any) -> Any:
    """Reversed along axis 0."""
    return flip(x, 0)


@op("numpy.Rot90", "array")
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by k quarters in the plane of two axes, from the first to the second.

    Raises:
        ValueError: for a tensor of rank below 2, or equal axes.
    """
    x = convert(array)
    first, second = (normalize_axis(a, x.ndim) for a in axes)
    if x.ndim < 2 or first == second:
        raise ValueError(f"rot90 needs two different axes. Received: axes={axes} for {x!r}")
    k %= 4
    if k == 2 and x.shape[first] == x.shape[second]:
        return flip(x, [first, second])
    if k == 2:
        # On TensorFlow, Keras 3.15 reads the half turned matrix in the shape of the whole one, so that
        # its elements are mixed up; a model that was trained so needs just that.
        turned = moveaxis(rot90(x, 1, axes), (first, second), (-2, -1))
        whole = moveaxis(x, (first, second), (-2, -1)).shape
        turned = reshape(rot90(reshape(turned, whole), 1, (-2, -1)), whole)
        return moveaxis(turned, (-2, -1), (first, second))
    if k == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second) if k == 3 else x


@op("numpy.Roll", "x")
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Moved along axes, what falls off the end comes in at the start; flat for None."""
    x = convert(x)
    if axis is None:
        flat = roll(reshape(x, -1), shift, 0)
        return reshape(flat, x.shape)
    for places, a in zip(*_pairs(shift, axis), strict=True):
        x = _rolled(x, int(places), normalize_axis(a, x.ndim))
    return x


def _pairs(shift: Any, axis: Any) -> tuple[list, list]:
    shifts, axes = listed(shift), listed(axis)
    if len(shifts) == 1:
        shifts *= len(axes)
    return shifts, axes * len(shifts) if len(axes) == 1 else axes


def _rolled(x: Tensor, places: int, axis: int) -> Tensor:
    size = x.shape[axis]
    if isinstance(size, int):
        places = places % size if size else 0
        if places == 0:
            return x
        cut: Any = size - places
    else:
        # -places modulo the size, which only the run tells.
        g = graph()
        cut = g.add("Mod", np.array([-places], np.int64), g.size(size))
    ends = [slice_axis(x, axis, cut, None), slice_axis(x, axis, 0, cut)]
    if isinstance(size, int):
        return join(ends, axis)
    return graph().add("Concat", *ends, axis=axis, shape=x.shape)


@op("numpy.Tile", "x")
def tile(x: Any, repeats: Any) -> Any:
    """x repeated whole, so many times along each axis."""
    x = convert(x)
    repeats = list(listed(repeats))
    if len(repeats) < x.ndim:
        repeats = [1] * (x.ndim - len(repeats)) + repeats
    elif len(repeats) > x.ndim:
        x = reshape(x, [1] * (len(repeats) - x.ndim) + list(x.shape))
    if all(isinstance(r, int) and r == 1 for r in repeats):
        return x
    wanted = tuple(n * r for n, r in zip(x.shape, repeats, strict=True))
    return graph().add("Tile", x, graph().shape_tensor(repeats), shape=wanted)


@op("numpy.Repeat", "x")
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element repeated so many times along an axis (of the flat tensor for None)."""
    x = convert(x)
    if axis is None:
        x, axis = reshape(x, -1), 0
    axis = normalize_axis(axis, x.ndim)
    counts = np.asarray(repeats).reshape(-1)
    if counts.size == 1:
        times = int(counts[0])
        size = x.shape[axis]
        grown = expand_dims(x, axis + 1)
        multiples = [1] * grown.ndim
        multiples[axis + 1] = times
        return reshape(tile(grown, multiples), (*x.shape[:axis], size * times, *x.shape[axis + 1 :]))
    indices = np.repeat(np.arange(counts.size), counts)
    return gather(x, axis, convert(indices.astype(np.int64)))
