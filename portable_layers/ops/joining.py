"""Tensors joined along an axis, and cut into parts (`keras.ops.numpy` and `core`)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers.dims import Size
from portable_layers.ops.dispatch import convert, graph, normalize_axis, op, promote
from portable_layers.ops.opset import split as split_sizes
from portable_layers.ops.shaping import expand_dims, reshape, squeeze
from portable_layers.ops.slicing import normal_slice, slice_axis
from portable_layers.tensor import Tensor


@op("numpy.Concatenate", "xs")
def concatenate(xs: Any, axis: int = 0) -> Any:
    """Tensors joined along an axis."""
    xs = promote(*xs)
    axis = normalize_axis(axis, xs[0].ndim)
    return join(xs, axis)


def join(xs: Sequence[Tensor], axis: int) -> Tensor:
    """Tensors of one dtype joined along a non-negative axis."""
    from portable_layers.packing import Packing

    if len(xs) == 1:
        return xs[0]
    if all(x.packing is not None for x in xs):
        return graph().weight(Packing.concat([x.packing for x in xs if x.packing], axis))
    if all(x.constant is not None for x in xs):
        return graph().constant(np.concatenate([x.constant for x in xs], axis))
    joined: Size = 0
    for x in xs:
        joined = joined + x.shape[axis]
    merged = []
    for i, sizes in enumerate(zip(*(x.shape for x in xs), strict=True)):
        # A size that is known in one of them holds for all.
        merged.append(joined if i == axis else next((n for n in sizes if isinstance(n, int)), sizes[0]))
    return graph().add("Concat", *xs, axis=axis, shape=tuple(merged))


@op("numpy.Stack", "x")
def stack(x: Any, axis: int = 0) -> Any:
    """Tensors of one shape joined along a new axis."""
    xs = promote(*x)
    axis = normalize_axis(axis, xs[0].ndim + 1)
    return join([expand_dims(t, axis) for t in xs], axis)


@op("numpy.Append", "x1", "x2")
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """x2 behind x1 along an axis; both flat for None."""
    a, b = promote(convert(x1), convert(x2))
    if axis is None:
        return join([reshape(a, -1), reshape(b, -1)], 0)
    return join([a, b], normalize_axis(axis, a.ndim))


@op("numpy.Hstack", "xs")
def hstack(xs: Any) -> Any:
    """Tensors joined along axis 1; along axis 0 where they have only one."""
    xs = promote(*xs)
    return join(xs, 0 if xs[0].ndim == 1 else 1)


@op("numpy.Vstack", "xs")
def vstack(xs: Any) -> Any:
    """Tensors joined along axis 0. (Keras on TensorFlow gives tensors of rank 1 no second axis.)"""
    return join(promote(*xs), 0)


@op("numpy.Dstack", "xs")
def dstack(xs: Any) -> Any:
    """Tensors joined along axis 2, which those of lower rank are given."""
    grown = []
    for x in promote(*(convert(x) for x in xs)):
        if x.ndim == 0:
            x = reshape(x, [1, 1, 1])
        elif x.ndim == 1:
            x = expand_dims(x, [0, 2])
        elif x.ndim == 2:
            x = expand_dims(x, 2)
        grown.append(x)
    return join(grown, 2)


@op("numpy.Split", "x")
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Parts along an axis: so many equal ones, or cut at these indices."""
    x = convert(x)
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis]
    if not isinstance(size, int):
        return _split_unknown(x, indices_or_sections, axis)
    if isinstance(indices_or_sections, int | np.integer):
        count = int(indices_or_sections)
        if size % count:
            raise ValueError(f"cannot split axis {axis} of {x!r} into {count} equal parts")
        sizes = [size // count] * count
    else:
        cuts = [0, *(min(int(i), size) for i in indices_or_sections), size]
        sizes = [b - a for a, b in itertools.pairwise(cuts)]
    if x.packing is not None or x.constant is not None:
        starts = np.cumsum([0, *sizes])
        return [normal_slice(x, axis, int(a), int(a) + n) for a, n in zip(starts, sizes, strict=False)]
    return list(split_sizes(x, sizes, axis))


def _split_unknown(x: Tensor, indices_or_sections: Any, axis: int) -> list[Tensor]:
    """Split an axis whose size is known only at run time."""
    if not isinstance(indices_or_sections, int | np.integer):
        cuts = [0, *(int(i) for i in indices_or_sections), None]
        return [slice_axis(x, axis, a, b) for a, b in itertools.pairwise(cuts)]
    count = int(indices_or_sections)
    part = x.shape[axis] // count
    sizes = (*x.shape[:axis], part, *x.shape[axis + 1 :])
    lengths = graph().shape_tensor([part] * count)
    specs = [(x.dtype, sizes)] * count
    parts = graph().add("Split", x, lengths, axis=axis, outputs=count, spec=specs)
    return [parts] if isinstance(parts, Tensor) else list(parts)


@op("numpy.ArraySplit", "x")
def array_split(x: Any, indices_or_sections: int, axis: int = 0) -> Any:
    """So many parts along an axis, the first ones longer by 1 where it does not come out even.

    Raises:
        ValueError: for a number of parts that is not positive, or an axis whose size is not known.
    """
    x = convert(x)
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis]
    if not isinstance(indices_or_sections, int) or indices_or_sections <= 0 or not isinstance(size, int):
        raise ValueError(
            "array_split needs a positive number of parts and a known size. "
            f"Received: indices_or_sections={indices_or_sections} for axis {axis} of {x!r}"
        )
    short, longer = divmod(size, indices_or_sections)
    sizes = [short + 1] * longer + [short] * (indices_or_sections - longer)
    return list(split_sizes(x, sizes, axis))


@op("numpy.Hsplit", "x")
def hsplit(x: Any, indices_or_sections: Any) -> Any:
    """Parts along axis 1; along axis 0 of a tensor that has only one."""
    x = convert(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@op("numpy.Vsplit", "x")
def vsplit(x: Any, indices_or_sections: Any) -> Any:
    """Parts along axis 0."""
    return split(x, indices_or_sections, 0)


@op("numpy.Dsplit", "x")
def dsplit(x: Any, indices_or_sections: Any) -> Any:
    """Parts along axis 2."""
    return split(x, indices_or_sections, 2)


@op("core.Unstack", "x")
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """The slices along an axis, without it.

    Raises:
        ValueError: where neither `num` nor the size of the axis is known.
    """
    x = convert(x)
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis] if num is None else num
    if not isinstance(size, int):
        raise ValueError(f"unstack needs num, the size of axis {axis} of {x!r} is not known")
    if isinstance(x.shape[axis], int):
        parts = list(split_sizes(x, [1] * size, axis))
    else:
        parts = [slice_axis(x, axis, i, i + 1) for i in range(size)]
    return [squeeze(p, axis) for p in parts]
