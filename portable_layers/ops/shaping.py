"""Functions that change the shape and compute nothing: reshape, transpose, squeeze, broadcast.

Named and behaving as in `keras.ops`. On a weight they only note the move (see `packing.py`), so that
the weight is written in its new order and can be brought back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Dim, Shape, is_static, product
from portable_layers.ops.dispatch import convert, graph, normalize_axis, op
from portable_layers.tensor import KerasTensor, Tensor
from portable_layers.variable import Variable


def shape(x: Any) -> tuple:
    """The shape: ints, and in a graph a `Dim` for each size that is known only at run time."""
    if isinstance(x, Tensor | KerasTensor | Variable):
        return tuple(x.shape)
    return np.shape(x)


@op("numpy.Ndim", "x")
def _rank(x: Any) -> Any:
    return graph().constant(np.asarray(convert(x).ndim, np.int32))


def ndim(x: Any) -> Any:
    """The rank; recorded where a functional model is built, as in Keras."""
    return _rank(x) if isinstance(x, KerasTensor) else len(shape(x))


@op("numpy.Size", "x")
def size(x: Any) -> Any:
    """The number of elements, as an int32 scalar."""
    x = convert(x)
    total = product(x.shape)
    g = graph()
    if isinstance(total, int):
        return g.constant(np.asarray(total, np.int32))
    return g.add("Cast", g.add("Size", x), to=dtypes.to_onnx("int32"))


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
    sources = [normalize_axis(a, x.ndim) for a in listed(source)]
    targets = [normalize_axis(a, x.ndim) for a in listed(destination)]
    order = [a for a in range(x.ndim) if a not in sources]
    for target, source_axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, source_axis)
    return transpose(x, order)


@op("numpy.ExpandDims", "x")
def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1, at these places of the result."""
    x = convert(x)
    axes = listed(axis)
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
        axes = [normalize_axis(a, x.ndim) for a in listed(axis)]
        wrong = [a for a in axes if isinstance(x.shape[a], int) and x.shape[a] != 1]
        if wrong:
            raise ValueError(f"cannot squeeze axis {wrong[0]} of {x!r}: its size is not 1")
    wanted = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    if not axes:
        return x
    if x.packing is not None or x.constant is not None:
        return _reshape(x, wanted)
    return graph().add("Squeeze", x, np.array(axes, np.int64), shape=wanted)


@op("numpy.Ravel", "x")
def ravel(x: Any) -> Any:
    """The elements in one axis."""
    return reshape(x, -1)


@op("numpy.BroadcastTo", "x")
def broadcast_to(x: Any, shape: Any) -> Any:
    """x repeated to this shape."""
    x = convert(x)
    wanted = tuple(shape)
    if wanted == x.shape:
        return x
    return graph().add("Expand", x, graph().shape_tensor(wanted), shape=wanted)


def broadcast_shape(*shapes: Shape) -> tuple:
    """The shape of tensors that are broadcast together; None for a size that the shapes do not tell.

    Raises:
        ValueError: for shapes that do not fit together.
    """
    rank = max(len(s) for s in shapes)
    found: list[Any] = []
    for sizes in zip(*((1,) * (rank - len(s)) + tuple(s) for s in shapes), strict=True):
        numbers = {n for n in sizes if isinstance(n, int)} - {1}
        dims = {n for n in sizes if not isinstance(n, int)}
        if len(numbers) > 1:
            shown = " and ".join(str(tuple(s)) for s in shapes)
            raise ValueError(f"the shapes {shown} cannot be broadcast together")
        if numbers:
            found.append(numbers.pop())
        else:
            found.append(1 if not dims else dims.pop() if len(dims) == 1 else None)
    return tuple(found)


def broadcast_together(*xs: Tensor) -> list[Tensor]:
    """Tensors expanded to their common shape."""
    wanted = broadcast_shape(*(x.shape for x in xs))
    if None not in wanted:
        return [broadcast_to(x, wanted) for x in xs]
    g = graph()
    # Which of two unknown sizes is 1 shows only when the model runs.
    whole: Any = None
    for x in xs:
        marks = g.add("Expand", np.asarray(False), g.add("Shape", x))
        whole = marks if whole is None else g.add("Or", whole, marks)
    sizes = g.add("Shape", whole)
    return [g.add("Expand", x, sizes, shape=whole.shape) for x in xs]


def listed(value: Any) -> list:
    """A number or sequence of numbers as a list."""
    if isinstance(value, np.ndarray):
        return value.tolist() if value.ndim else [value.item()]
    return list(value) if isinstance(value, list | tuple) else [value]
