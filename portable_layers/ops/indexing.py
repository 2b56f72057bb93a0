"""Indexing (`keras.ops.numpy` and `core`): elements taken by position or by mask."""

from __future__ import annotations

import types
from builtins import slice as builtins_slice
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Dim
from portable_layers.ops.comparison import choose
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axis, op
from portable_layers.ops.joining import join
from portable_layers.ops.reduction import positions
from portable_layers.ops.shaping import (
    broadcast_shape,
    broadcast_to,
    expand_dims,
    reshape,
    squeeze,
    transpose,
)
from portable_layers.ops.slicing import normal_slice, slice_range
from portable_layers.tensor import Tensor


@op("numpy.GetItem", "x", "key")
def get_item(x: Any, key: Any) -> Any:
    """`x[key]`, with ints, slices, `...`, None, and tensors of integers or booleans as in NumPy."""
    x = convert(x)
    # A list is a tuple that has been through a config, as in Keras.
    keys = list(key) if isinstance(key, tuple | list) else [key]
    keys = [_key(k) for k in keys]
    # A boolean mask takes as many axes as it has.
    used = sum(_axes_used(k) for k in keys)
    if used > x.ndim:
        raise IndexError(f"too many indices for {x!r}: {used}")
    if Ellipsis in [k for k in keys if k is Ellipsis]:
        at = next(i for i, k in enumerate(keys) if k is Ellipsis)
        keys[at : at + 1] = [builtins_slice(None)] * (x.ndim - used)
    else:
        keys += [builtins_slice(None)] * (x.ndim - used)
    axis, squeezed, added, gathers = 0, [], [], []
    place = 0
    for k in keys:
        if k is None:
            added.append(place)
            place += 1
            continue
        if isinstance(k, builtins_slice):
            x = slice_range(x, axis, k)
        elif isinstance(k, int):
            size = x.shape[axis]
            if isinstance(size, int) and not -size <= k < size:
                raise IndexError(f"index {k} is out of range for axis {axis} of {x!r}")
            if isinstance(size, int):
                x = normal_slice(x, axis, k % size, k % size + 1)
            else:
                x = gather(x, axis, graph().constant(np.array([k], np.int64)))
            squeezed.append(axis)
            axis += 1
            continue
        else:
            gathers.append((axis, k))
            place += 0 if k.dtype == "bool" else k.ndim - 1
        axis += 1
        place += 1
    for gather_axis, indices in gathers:
        if len(gathers) > 1:
            return _gather_many(x, gathers, squeezed, added)
        x = gather(x, gather_axis, indices)
        extra = indices.ndim - 1
        squeezed = [a + extra if a > gather_axis else a for a in squeezed]
    if squeezed:
        x = squeeze(x, squeezed)
    if added:
        x = expand_dims(x, added)
    return x


def _key(k: Any) -> Any:
    if k is None or k is Ellipsis or isinstance(k, builtins_slice | types.EllipsisType):
        return k
    if isinstance(k, int | np.integer) and not isinstance(k, bool):
        return int(k)
    if isinstance(k, Dim):
        return graph().size(k)
    tensor = convert(k)
    if tensor.constant is not None and tensor.ndim == 0:
        return int(tensor.constant)
    return tensor


def _axes_used(k: Any) -> int:
    return 0 if k is None or k is Ellipsis else 1


def gather(x: Tensor, axis: int, indices: Tensor) -> Tensor:
    """ONNX Gather along an axis; of a boolean mask the elements where it holds."""
    g = graph()
    if indices.dtype == "bool":
        where = g.add("NonZero", indices)
        if indices.ndim == 1:
            return g.add("Gather", x, squeeze(where, 0), axis=axis)
        if axis != 0:
            raise ValueError("a boolean mask of several axes must be the first index")
        return g.add("GatherND", x, transpose(where, (1, 0)))
    if not dtypes.is_integer(indices.dtype):
        raise IndexError(f"indices must be integers or booleans. Received: {indices!r}")
    if indices.dtype not in ("int32", "int64"):
        indices = cast_to(indices, "int64")
    wanted = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return g.add("Gather", x, indices, axis=axis, shape=wanted)


def _gather_many(x: Tensor, gathers: list, squeezed: list[int], added: list[int]) -> Tensor:
    """Several integer tensors as indices: they are broadcast together, as in NumPy."""
    if squeezed or added:
        raise ValueError("several tensors as indices cannot be mixed with ints or None")
    axes = [a for a, _ in gathers]
    if axes != list(range(axes[0], axes[0] + len(axes))):
        raise ValueError("several tensors as indices must stand side by side")
    g = graph()
    indices = [cast_to(t, "int64") for _, t in gathers]
    whole = indices[0]
    for t in indices[1:]:
        whole = g.add("Add", whole, t)
    shaped = [g.add("Expand", t, g.add("Shape", whole)) if t.shape != whole.shape else t for t in indices]
    together = join([expand_dims(t, -1) for t in shaped], whole.ndim)
    first = axes[0]
    front = (*axes, *(a for a in range(x.ndim) if a not in axes))
    gathered = g.add("GatherND", transpose(x, front), together)
    if first == 0:
        return gathered
    order = (
        *range(whole.ndim, whole.ndim + first),
        *range(whole.ndim),
        *range(whole.ndim + first, gathered.ndim),
    )
    return transpose(gathered, order)


@op("numpy.Take", "x", "indices")
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements at these indices along an axis (of the flat tensor for None); negative ones count
    from the end."""
    x, indices = convert(x), convert(indices)
    if axis is None:
        x, axis = reshape(x, -1), 0
    return gather(x, normalize_axis(axis, x.ndim), indices)


@op("numpy.TakeAlongAxis", "x", "indices")
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements whose places along an axis the indices tell; other axes are broadcast together.

    Raises:
        ValueError: for indices of another rank than x.
    """
    x, indices = convert(x), cast_to(indices, "int64")
    if axis is None:
        if indices.ndim != 1:
            raise ValueError(f"without an axis, indices must be of rank 1. Received: {indices!r}")
        x, axis = reshape(x, -1), 0
    if x.ndim != indices.ndim:
        raise ValueError(f"x and indices must have the same rank. Received: {x!r} and {indices!r}")
    axis = normalize_axis(axis, x.ndim)
    shared = list(broadcast_shape(*((*t.shape[:axis], 1, *t.shape[axis + 1 :]) for t in (x, indices))))
    # Two unknown sizes are taken to be equal.
    shared = [x.shape[i] if n is None else n for i, n in enumerate(shared)]
    wide_x = broadcast_to(x, [x.shape[i] if i == axis else n for i, n in enumerate(shared)])
    places = broadcast_to(indices, [indices.shape[i] if i == axis else n for i, n in enumerate(shared)])
    return graph().add("GatherElements", wide_x, places, axis=axis)


@op("core.Slice", "inputs", "start_indices")
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """A block of this shape that starts at these indices; a size of -1 is all that follows."""
    x = convert(inputs)
    starts = _starts(start_indices, x.ndim)
    for axis, (start, size) in enumerate(zip(starts, shape, strict=True)):
        whole = x.shape[axis]
        if isinstance(size, int) and size == -1:
            x = slice_range(x, axis, builtins_slice(start, None))
        elif isinstance(start, int):
            x = (
                slice_range(x, axis, builtins_slice(start, start + size))
                if (start, size) != (0, whole)
                else x
            )
        else:
            g = graph()
            stop = g.add("Add", start, g.shape_tensor([size]))
            sizes = (*x.shape[:axis], size, *x.shape[axis + 1 :])
            x = g.add("Slice", x, start, stop, np.array([axis], np.int64), shape=sizes)
    return x


def _starts(start_indices: Any, rank: int) -> list[Any]:
    """Start indices, each an int or an int64 tensor of shape `(1,)`."""
    if isinstance(start_indices, list | tuple):
        parts = list(start_indices)
    else:
        tensor = convert(start_indices)
        if tensor.constant is not None:
            parts = [int(n) for n in tensor.constant]
        else:
            parts = [slice_range(tensor, 0, builtins_slice(i, i + 1)) for i in range(rank)]
    if len(parts) != rank:
        raise ValueError(f"start_indices must have {rank} numbers, one an axis. Received: {len(parts)}")
    return [
        int(p)
        if isinstance(p, int | np.integer)
        else graph().shape_tensor([p if isinstance(p, Dim) else convert(p)])
        for p in parts
    ]


@op("core.SliceUpdate", "inputs", "start_indices", "updates")
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """x with a block that starts at these indices replaced; the block is moved where it would not fit."""
    x, new = convert(inputs), convert(updates)
    if new.ndim != x.ndim:
        raise ValueError(f"updates must have the rank of inputs. Received: {new!r} for {x!r}")
    starts = _starts(start_indices, x.ndim)
    if x.ndim == 0:
        return cast_to(new, x.dtype)
    # Along each axis, for each place of x: its place in the block, or whether it lies outside.
    inside: Any = None
    g = graph()
    for axis, start in enumerate(starts):
        size, count = x.shape[axis], new.shape[axis]
        if size == count:
            continue
        room = g.add("Sub", g.shape_tensor([size]), g.shape_tensor([count]))
        begin = g.add("Max", g.add("Min", g.shape_tensor([start]), room), np.zeros(1, np.int64))
        places = g.add("Sub", positions(size), begin)
        within = g.add(
            "And",
            g.add("GreaterOrEqual", places, np.asarray(0, np.int64)),
            g.add("Less", places, g.shape_tensor([count])),
        )
        safe = g.add("Where", within, places, np.asarray(0, np.int64))
        new = gather(new, axis, safe)
        within = reshape(within, [size if i == axis else 1 for i in range(x.ndim)])
        inside = within if inside is None else g.add("And", inside, within)
    new = cast_to(new, x.dtype)
    return new if inside is None else choose(inside, new, x)


@op("numpy.UnravelIndex", "indices")
def unravel_index(indices: Any, shape: Any) -> Any:
    """Flat indices as one index an axis of a tensor of this shape."""
    rest = convert(indices)
    dtype = rest.dtype
    rest = cast_to(rest, "int64")
    found = []
    for size in reversed(list(shape)):
        length = np.asarray(size, np.int64)
        part = graph().add("Mod", rest, length)
        found.append(cast_to(part, dtype))
        rest = graph().add("Div", graph().add("Sub", rest, part), length)
    return tuple(reversed(found))
