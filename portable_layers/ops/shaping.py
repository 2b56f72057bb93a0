"""Functions that move elements and compute none: reshape, transpose, indexing, joining, padding.

Named and behaving as in `keras.ops`. On a weight they only note the move (see `packing.py`), so that
the weight is written in its new order and can be brought back.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Dim, Shape, Size, is_static, product
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axes, normalize_axis, op, promote
from portable_layers.ops.opset import split as split_sizes
from portable_layers.tensor import KerasTensor, Tensor
from portable_layers.variable import Variable

_INT64_MAX = np.iinfo(np.int64).max


def shape(x: Any) -> tuple:
    """The shape: ints, and in a graph a `Dim` for each size that is known only at run time."""
    if isinstance(x, Tensor | KerasTensor | Variable):
        return tuple(x.shape)
    return np.shape(x)


def ndim(x: Any) -> int:
    """The rank."""
    return len(shape(x))


@op("numpy.Reshape", "x")
def reshape(x: Any, newshape: Any) -> Any:
    """Another shape with the same elements; one size may be -1."""
    x = convert(x)
    sizes = [newshape] if isinstance(newshape, int | Dim) else list(newshape)
    sizes = [-1 if n is None else int(n) if isinstance(n, np.integer) else n for n in sizes]
    return _reshape(x, sizes)


def _reshape(x: Tensor, sizes: Sequence[Any]) -> Tensor:
    g = graph()
    if sum(isinstance(n, int) and n == -1 for n in sizes) > 1:
        raise ValueError(f"only one size may be -1. Received: newshape={tuple(sizes)}")
    known: list[Any] = [None if isinstance(n, Tensor) else n for n in sizes]
    if -1 in known and None not in known:
        rest = product(n for n in known if n != -1)
        if rest != 0:
            known[known.index(-1)] = product(x.shape) // rest
    known = [None if isinstance(n, int) and n == -1 else n for n in known]
    if all(isinstance(n, int) for n in known) and is_static(x.shape):
        if product(known) != product(x.shape):
            raise ValueError(f"cannot reshape {x!r} into {tuple(sizes)}")
        if tuple(known) == x.shape:
            return x
        if x.packing is not None:
            return g.weight(x.packing.reshape(known))
        if x.constant is not None:
            return g.constant(x.constant.reshape(known))
    elif tuple(known) == x.shape:
        return x
    # 0 copies a size, -1 is worked out by the operator; both spare computing it.
    target: list[Any] = []
    for axis, n in enumerate(known):
        if isinstance(n, int) and n != 0:
            target.append(n)
        elif isinstance(n, Dim) and axis < x.ndim and x.shape[axis] == n:
            target.append(0)
        else:
            target.append(n if isinstance(n, int) else None)
    open_axes = [i for i, n in enumerate(target) if n is None]
    if len(open_axes) == 1 and not any(isinstance(n, int) and n == 0 for n in known):
        target[open_axes[0]] = -1
    else:
        for i in open_axes:
            target[i] = sizes[i] if known[i] is None and isinstance(sizes[i], Tensor) else known[i]
            if target[i] is None:
                target[i] = -1
    has_zero = any(isinstance(n, int) and n == 0 for n in known)
    if has_zero:
        target = [
            n if isinstance(n, int) and n != 0 else (known[i] if known[i] is not None else n)
            for i, n in enumerate(target)
        ]
    return g.add("Reshape", x, g.shape_tensor(target), shape=tuple(known), allowzero=1 if has_zero else None)


@op("numpy.Transpose", "x")
def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order, reversed by default."""
    x = convert(x)
    axes = tuple(range(x.ndim))[::-1] if axes is None else tuple(normalize_axis(a, x.ndim) for a in axes)
    if sorted(axes) != list(range(x.ndim)):
        raise ValueError(f"axes must name each axis of {x!r} once. Received: axes={axes}")
    if axes == tuple(range(x.ndim)):
        return x
    if x.packing is not None:
        return graph().weight(x.packing.transpose(axes))
    if x.constant is not None:
        return graph().constant(x.constant.transpose(axes))
    return graph().add("Transpose", x, perm=axes)


@op("numpy.Swapaxes", "x")
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    x = convert(x)
    order = list(range(x.ndim))
    a, b = normalize_axis(axis1, x.ndim), normalize_axis(axis2, x.ndim)
    order[a], order[b] = order[b], order[a]
    return transpose(x, order)


@op("numpy.Moveaxis", "x")
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places, the rest in order."""
    x = convert(x)
    sources = [normalize_axis(a, x.ndim) for a in _listed(source)]
    targets = [normalize_axis(a, x.ndim) for a in _listed(destination)]
    order = [a for a in range(x.ndim) if a not in sources]
    for target, source_axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, source_axis)
    return transpose(x, order)


@op("numpy.ExpandDims", "x")
def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1, at these places of the result."""
    x = convert(x)
    axes = _listed(axis)
    rank = x.ndim + len(axes)
    axes = sorted(normalize_axis(a, rank) for a in axes)
    sizes = iter(x.shape)
    wanted: Shape = tuple(1 if i in axes else next(sizes) for i in range(rank))
    if x.packing is not None or x.constant is not None:
        return _reshape(x, wanted)
    return graph().add("Unsqueeze", x, np.array(axes, np.int64), shape=wanted)


@op("numpy.Squeeze", "x")
def squeeze(x: Any, axis: Any = None) -> Any:
    """Without axes of size 1: these, or all."""
    x = convert(x)
    if axis is None:
        axes = [i for i, n in enumerate(x.shape) if n == 1]
    else:
        axes = [normalize_axis(a, x.ndim) for a in _listed(axis)]
        wrong = [a for a in axes if isinstance(x.shape[a], int) and x.shape[a] != 1]
        if wrong:
            raise ValueError(f"cannot squeeze axis {wrong[0]} of {x!r}: its size is not 1")
    wanted = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    if not axes:
        return x
    if x.packing is not None or x.constant is not None:
        return _reshape(x, wanted)
    return graph().add("Squeeze", x, np.array(axes, np.int64), shape=wanted)


@op("numpy.Concatenate", "xs")
def concatenate(xs: Any, axis: int = -1) -> Any:
    """Tensors joined along an axis."""
    xs = promote(*xs)
    axis = normalize_axis(axis, xs[0].ndim)
    return _concat(xs, axis)


def _concat(xs: Sequence[Tensor], axis: int) -> Tensor:
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
    return _concat([expand_dims(t, axis) for t in xs], axis)


@op("numpy.Split", "x")
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Parts along an axis: so many equal ones, or cut at these indices."""
    x = convert(x)
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis]
    if not isinstance(size, int):
        raise ValueError(f"cannot split axis {axis} of {x!r}: its size is not known")
    if isinstance(indices_or_sections, int | np.integer):
        count = int(indices_or_sections)
        if size % count:
            raise ValueError(f"cannot split axis {axis} of {x!r} into {count} equal parts")
        sizes = [size // count] * count
    else:
        cuts = [0, *(min(int(i), size) for i in indices_or_sections), size]
        sizes = [b - a for a, b in zip(cuts, cuts[1:], strict=False)]
    if x.packing is not None or x.constant is not None:
        starts = np.cumsum([0, *sizes])
        return [_slice(x, axis, int(a), int(a) + n) for a, n in zip(starts, sizes, strict=False)]
    return list(split_sizes(x, sizes, axis))


def _slice(x: Tensor, axis: int, start: Any, stop: Any, step: int = 1) -> Tensor:
    """`x[start:stop:step]` along one axis, in normal form: non-negative, within the size."""
    g = graph()
    size = x.shape[axis]
    if isinstance(size, int) and isinstance(start, int) and isinstance(stop, int):
        count: Size = len(range(start, stop, step))
        if (start, step, count) == (0, 1, size):
            return x
        if x.packing is not None and step > 0:
            return g.weight(x.packing.slice(axis, start, stop, step))
        if x.constant is not None:
            stop_index = None if stop < 0 else stop
            return g.constant(x.constant[(slice(None),) * axis + (slice(start, stop_index, step),)])
        wanted: Any = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    else:
        wanted = None
    # A stop before the start of the axis is said by the smallest integer.
    end = stop if not isinstance(stop, int) or stop >= 0 else -_INT64_MAX
    return g.add(
        "Slice",
        x,
        g.shape_tensor([start]),
        g.shape_tensor([end]),
        np.array([axis], np.int64),
        np.array([step], np.int64) if step != 1 else None,
        shape=wanted,
    )


@op("numpy.GetItem", "x", "key")
def get_item(x: Any, key: Any) -> Any:
    """`x[key]`, with ints, slices, `...`, None, and tensors of integers or booleans as in NumPy."""
    x = convert(x)
    keys = list(key) if isinstance(key, tuple) else [key]
    keys = [_key(k) for k in keys]
    # A boolean mask takes as many axes as it has.
    used = sum(_axes_used(k) for k in keys)
    if used > x.ndim:
        raise IndexError(f"too many indices for {x!r}: {used}")
    if Ellipsis in [k for k in keys if k is Ellipsis]:
        at = next(i for i, k in enumerate(keys) if k is Ellipsis)
        keys[at : at + 1] = [slice(None)] * (x.ndim - used)
    else:
        keys += [slice(None)] * (x.ndim - used)
    axis, squeezed, added, gathers = 0, [], [], []
    place = 0
    for k in keys:
        if k is None:
            added.append(place)
            place += 1
            continue
        if isinstance(k, slice):
            x = _take_slice(x, axis, k)
        elif isinstance(k, int):
            size = x.shape[axis]
            if isinstance(size, int) and not -size <= k < size:
                raise IndexError(f"index {k} is out of range for axis {axis} of {x!r}")
            start: Any = k % size if isinstance(size, int) else k
            x = _slice(x, axis, start, start + 1 if start != -1 else _INT64_MAX)
            squeezed.append(axis)
            axis += 1
            continue
        else:
            gathers.append((axis, k))
        axis += 1
        place += 1
    for gather_axis, indices in gathers:
        if len(gathers) > 1:
            return _gather_many(x, gathers, squeezed, added)
        x = _gather(x, gather_axis, indices)
        extra = indices.ndim - 1
        squeezed = [a + extra if a > gather_axis else a for a in squeezed]
    if squeezed:
        x = squeeze(x, squeezed)
    if added:
        x = expand_dims(x, added)
    return x


def _key(k: Any) -> Any:
    if k is None or k is Ellipsis or isinstance(k, slice | types.EllipsisType):
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


def _take_slice(x: Tensor, axis: int, k: slice) -> Tensor:
    step = 1 if k.step is None else int(k.step)
    size = x.shape[axis]
    bounds = [_bound(b) for b in (k.start, k.stop)]
    if k.start is None and k.stop is None and step == 1:
        return x
    if isinstance(size, int) and all(b is None or isinstance(b, int) for b in bounds):
        start, stop, step = slice(bounds[0], bounds[1], step).indices(size)
        return _slice(x, axis, start, stop, step)
    start, stop = bounds
    if step < 0:
        start = _INT64_MAX if start is None else start
        stop = -_INT64_MAX if stop is None else stop
    else:
        start = 0 if start is None else start
        stop = _INT64_MAX if stop is None else stop
    g = graph()
    wanted = None
    if isinstance(start, int) and stop == _INT64_MAX and step == 1 and isinstance(size, Dim):
        # x[a:] keeps size - a, x[-a:] keeps a; both hold where the axis is long enough.
        kept: Size = size - start if start >= 0 else -start
        wanted = (*x.shape[:axis], kept, *x.shape[axis + 1 :]) if start in (0, -1) or start > 0 else None
    elif start == 0 and isinstance(stop, int) and stop < 0 and step == 1:
        wanted = (*x.shape[:axis], size + stop, *x.shape[axis + 1 :])
    return g.add(
        "Slice",
        x,
        g.shape_tensor([start]),
        g.shape_tensor([stop]),
        np.array([axis], np.int64),
        np.array([step], np.int64) if step != 1 else None,
        shape=wanted,
    )


def _bound(b: Any) -> Any:
    if b is None or isinstance(b, int):
        return b
    if isinstance(b, np.integer):
        return int(b)
    return b if isinstance(b, Dim | Tensor) else convert(b)


def _gather(x: Tensor, axis: int, indices: Tensor) -> Tensor:
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
    together = _concat([expand_dims(t, -1) for t in shaped], whole.ndim)
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
    return _gather(x, normalize_axis(axis, x.ndim), indices)


@op("numpy.Flip", "x")
def flip(x: Any, axis: Any = None) -> Any:
    """Reversed along these axes, all by default."""
    x = convert(x)
    for a in normalize_axes(axis, x.ndim):
        x = _take_slice(x, a, slice(None, None, -1))
    return x


@op("numpy.BroadcastTo", "x")
def broadcast_to(x: Any, shape: Any) -> Any:
    """x repeated to this shape."""
    x = convert(x)
    wanted = tuple(shape)
    if wanted == x.shape:
        return x
    return graph().add("Expand", x, graph().shape_tensor(wanted), shape=wanted)


@op("numpy.Tile", "x")
def tile(x: Any, repeats: Any) -> Any:
    """x repeated whole, so many times along each axis."""
    x = convert(x)
    repeats = list(_listed(repeats))
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
    return _gather(x, axis, convert(indices.astype(np.int64)))


@op("numpy.Pad", "x", constant_values="constant_values")
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """x with elements added around; modes `constant`, `reflect`, `symmetric`, `edge`... of ONNX and NumPy."""
    x = convert(x)
    widths = _pad_widths(pad_width, x.ndim)
    if not any(a or b for a, b in widths):
        return x
    wanted = tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True))
    if mode == "symmetric":
        return _pad_symmetric(x, widths)
    value = None
    if mode == "constant" and constant_values not in (None, 0):
        value = cast_to(constant_values, x.dtype)
    is_bool = x.dtype == "bool"
    padded = graph().add(
        "Pad",
        cast_to(x, "uint8") if is_bool else x,
        np.array([w[0] for w in widths] + [w[1] for w in widths], np.int64),
        value if value is None or not is_bool else cast_to(value, "uint8"),
        mode=None if mode == "constant" else mode,
        shape=wanted,
    )
    return cast_to(padded, "bool") if is_bool else padded


def _pad_widths(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, int):
        return [(pad_width, pad_width)] * rank
    rows = [tuple(int(n) for n in _listed(w)) for w in pad_width]
    if len(rows) == 2 and all(len(r) == 1 for r in rows) and rank != 2:
        return [(rows[0][0], rows[1][0])] * rank
    rows = [r * 2 if len(r) == 1 else r for r in rows]
    if len(rows) == 1:
        rows *= rank
    if len(rows) != rank:
        raise ValueError(f"pad_width must have a pair for each of {rank} axes. Received: {pad_width}")
    return [(a, b) for a, b in rows]


def _pad_symmetric(x: Tensor, widths: list[tuple[int, int]]) -> Tensor:
    for axis, (before, after) in enumerate(widths):
        parts = [x]
        if before:
            parts.insert(0, _take_slice(_take_slice(x, axis, slice(0, before)), axis, slice(None, None, -1)))
        if after:
            parts.append(_take_slice(_take_slice(x, axis, slice(-after, None)), axis, slice(None, None, -1)))
        x = _concat(parts, axis)
    return x


def _listed(value: Any) -> list:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, list | tuple) else [value]
