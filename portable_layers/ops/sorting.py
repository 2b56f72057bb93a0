"""Order: sorted elements, their places, the largest ones, distinct ones (`keras.ops.numpy`, `math`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Size
from portable_layers.ops.comparison import choose, isfinite
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axis, op, promote
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.indexing import take_along_axis
from portable_layers.ops.kernels import emit, wide_dtype
from portable_layers.ops.padding import pad
from portable_layers.ops.reduction import positions, reduce
from portable_layers.ops.shaping import expand_dims, reshape, squeeze
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor


def ordered(x: Tensor, axis: int, largest: bool = False, count: Size | None = None) -> tuple[Tensor, Tensor]:
    """The first `count` elements along an axis in order (all by default), and their places as int32.

    Equal elements keep their order.
    """
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis] if count is None else count
    wide = cast_to(x, wide_dtype("TopK", x.dtype))
    sizes = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    values, places = graph().add(
        "TopK",
        wide,
        graph().shape_tensor([size]),
        axis=axis,
        largest=int(largest),
        sorted=1,
        outputs=2,
        spec=[(wide.dtype, sizes), ("int64", sizes)],
    )
    return cast_to(values, x.dtype), cast_to(places, "int32")


@op("numpy.Sort", "x")
def sort(x: Any, axis: int | None = -1) -> Any:
    """The elements in rising order along an axis, flat for None."""
    return _sorted(x, axis)[0]


@op("numpy.Argsort", "x")
def argsort(x: Any, axis: int | None = -1) -> Any:
    """The places of the elements in rising order along an axis, flat for None; int32."""
    return _sorted(x, axis)[1]


def _sorted(x: Any, axis: int | None) -> tuple[Tensor, Tensor]:
    x = convert(x)
    if x.ndim == 0:
        return x, graph().constant(np.zeros(1, np.int32))
    return ordered(reshape(x, -1), 0) if axis is None else ordered(x, axis)


@op("numpy.Argpartition", "x")
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Places such that the k-th element stands where it would in order, smaller ones before; int32.

    Elements are compared as int32, as in Keras on TensorFlow.
    """
    x = cast_to(x, "int32")
    if axis is None:
        x, axis = reshape(x, -1), 0
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis]
    g = graph()
    _, bottom = ordered(g.add("Neg", x), axis, largest=True, count=kth + 1)
    lowest = np.iinfo(np.int32).min
    updates = g.add("Expand", np.asarray(lowest, np.int32), g.shape_tensor(bottom.shape), shape=bottom.shape)
    rest = g.add("ScatterElements", x, bottom, updates, axis=axis)
    _, top = ordered(rest, axis, largest=True, count=size - kth - 1)
    return g.add("Concat", bottom, top, axis=axis, shape=x.shape)


@op("math.TopK", "x")
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest elements along the last axis, largest first, and their places as int32."""
    return ordered(convert(x), -1, largest=True, count=k)


@op("math.InTopK", "targets", "predictions")
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether each target is among the k classes with the largest predictions.

    Args:
        targets: `(batch,)`, classes.
        predictions: `(batch, classes)`.
    """
    predictions = as_float(predictions)
    targets = cast_to(targets, "int64")
    g = graph()
    classes = g.shape_tensor([predictions.shape[-1]])
    known = g.add(
        "And", g.add("GreaterOrEqual", targets, np.asarray(0, np.int64)), g.add("Less", targets, classes)
    )
    safe = g.add("Where", known, targets, np.asarray(0, np.int64))
    own = take_along_axis(predictions, expand_dims(safe, -1), axis=-1)
    above = reduce("ReduceSum", cast_to(g.add("Greater", predictions, own), "int32"), -1)
    found = g.add("And", known, isfinite(squeeze(own, -1)))
    return g.add("And", found, g.add("Less", above, np.asarray(k, np.int32)))


@op("numpy.SearchSorted", "sorted_sequence", "values")
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where each value belongs in a sorted vector; before its equals, or behind them (`right`).

    Raises:
        ValueError: for a sequence that is not of rank 1, or another side.
    """
    sequence, values = promote(convert(sorted_sequence), convert(values))
    if sequence.ndim != 1 or side not in ("left", "right"):
        raise ValueError(
            "searchsorted needs a sequence of rank 1 and side='left' or 'right'. "
            f"Received: {sequence!r}, side={side!r}"
        )
    found = count_below(sequence, values, side == "right")
    return found if isinstance(sequence.shape[0], int) else cast_to(found, "int64")


def count_below(boundaries: Tensor, values: Tensor, or_equal: bool) -> Tensor:
    """How many boundaries lie below (or at) each value, as int32."""
    below = emit("LessOrEqual" if or_equal else "Less", boundaries, expand_dims(values, -1))
    return reduce("ReduceSum", cast_to(below, "int32"), -1)


@op("numpy.Digitize", "x", "bins")
def digitize(x: Any, bins: Any) -> Any:
    """The bin of each element: how many of the rising boundaries are not above it; int32."""
    x = as_float(x)
    wide = x if x.dtype == "float64" else cast_to(x, "float32")
    boundaries = cast_to(cast_to(convert(bins), "float32"), wide.dtype)
    return count_below(boundaries, wide, True)


@op("numpy.Unique", "x")
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The distinct elements, or slices along an axis, in rising order or in that of appearance.

    Args:
        return_index, return_inverse, return_counts: give too, as int32, where each was first found,
            which one each element is, and how often it was found.
        size: so many in any case: cut off, or filled up with `fill_value` (0 by default).
    """
    x = convert(x)
    dtype, shape = x.dtype, x.shape
    wide = x if dtype in ("float16", "float32", "float64", "string") else cast_to(x, "int64")
    if axis is None:
        wide = reshape(wide, -1)
    place = 0 if axis is None else normalize_axis(axis, x.ndim)
    count = graph().fresh_dim("unique")
    sizes = (*wide.shape[:place], count, *wide.shape[place + 1 :])
    values, index, inverse, counts = graph().add(
        "Unique",
        wide,
        axis=place,
        sorted=int(sorted),
        outputs=4,
        spec=[
            (wide.dtype, sizes),
            ("int64", (count,)),
            ("int64", (wide.shape[place],)),
            ("int64", (count,)),
        ],
    )
    values = cast_to(values, dtype)
    if size is not None:
        values = _fitted(values, place, size, 0 if fill_value is None else fill_value)
        # Keras fills indices with 1.
        index, counts = _fitted(index, 0, size, 1), _fitted(counts, 0, size, 0)
    if axis is None:
        inverse = reshape(inverse, shape)
    wanted = [(return_index, index), (return_inverse, inverse), (return_counts, counts)]
    more = [cast_to(t, "int32") for asked, t in wanted if asked]
    return (values, *more) if more else values


def _fitted(x: Tensor, axis: int, size: int, fill: Any) -> Tensor:
    """The first `size` elements along an axis, filled up where there are fewer."""
    widths = [(0, size if i == axis else 0) for i in range(x.ndim)]
    return slice_axis(pad(x, widths, constant_values=fill), axis, 0, size)


@op("numpy.Bincount", "x")
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each number from 0 on occurs along the last axis, or the sum of its weights."""
    x = convert(x)
    dtype = x.dtype
    x = cast_to(x, "int64")
    g = graph()
    largest = reduce("ReduceMax", x)
    length = g.add("Max", g.add("Add", largest, np.asarray(1, np.int64)), np.asarray(minlength, np.int64))
    count = g.fresh_dim("bins")
    numbers = g.add("Range", np.asarray(0, np.int64), length, np.asarray(1, np.int64), shape=(count,))
    marks = g.add("Equal", expand_dims(x, -1), numbers)
    if weights is None:
        return reduce("ReduceSum", cast_to(marks, "int32"), -2)
    weights = convert(weights)
    total_dtype = dtypes.result_type(dtype, weights.dtype)
    kind = weights.dtype if weights.dtype in ("int32", "int64", "float32", "float64") else None
    kind = kind or ("int32" if "int" in weights.dtype else "float32")
    column = expand_dims(cast_to(weights, kind), -1)
    chosen = choose(marks, column, scalar(0, column))
    return cast_to(reduce("ReduceSum", chosen, -2), total_dtype)


@op("numpy.Histogram", "x")
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:
    """How many elements lie in each of so many bins of equal width, and the boundaries; in x's dtype.

    Args:
        range: the least and the largest boundary; those of x by default.

    Raises:
        ValueError: for a tensor that is not of rank 1.
    """
    from portable_layers.ops.creation import linspace

    x = convert(x)
    if x.ndim != 1:
        raise ValueError(f"histogram needs a tensor of rank 1. Received: {x!r}")
    g = graph()
    if range is None:
        low, high = reduce("ReduceMin", x), reduce("ReduceMax", x)
    else:
        low, high = (cast_to(n, x.dtype) for n in range)
    edges = linspace(low, high, bins + 1, dtype=x.dtype)
    place = count_below(slice_axis(edges, 0, 1, -1), x, True)
    inside = g.add("And", emit("GreaterOrEqual", x, low), emit("LessOrEqual", x, high))
    marks = g.add("Equal", expand_dims(place, -1), positions(bins, "int32"))
    marks = g.add("And", marks, expand_dims(inside, -1))
    return cast_to(reduce("ReduceSum", cast_to(marks, "int32"), 0), x.dtype), edges
