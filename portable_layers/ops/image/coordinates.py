"""The elements of a tensor at places between elements (`keras.ops.image.map_coordinates`)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Size
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.joining import join
from portable_layers.ops.shaping import expand_dims, reshape, squeeze
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor


def number_of(size: Size, dtype: str) -> Tensor:
    """A size as a scalar."""
    if isinstance(size, int):
        return graph().constant(np.asarray(size).astype(dtypes.to_numpy(dtype)))
    return cast_to(reshape(graph().size(size), []), dtype)


def held_between(x: Tensor, low: Any, high: Tensor) -> Tensor:
    """x held within two numbers."""
    return graph().add("Min", graph().add("Max", x, scalar(low, x)), high)


def less_by(size: Tensor, number: int) -> Tensor:
    """A size less a number."""
    return graph().add("Sub", size, scalar(number, size))


_COORDINATE_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


@op("image.MapCoordinates", "inputs", "coordinates")
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0.0
) -> Any:
    """The elements of a tensor at places between elements.

    Args:
        coordinates: `(rank of inputs, ...)`, the places.
        order: 0 takes the nearest element, 1 interpolates.
        fill_mode: what lies outside: `constant` (`fill_value`), `nearest`, `wrap`, `mirror` or `reflect`,
            as Keras on TensorFlow computes them.

    Raises:
        ValueError: for other values, or shapes that do not fit.
    """
    x, places = convert(inputs), convert(coordinates)
    if (
        places.ndim < 2
        or places.shape[0] != x.ndim
        or order not in (0, 1)
        or fill_mode not in _COORDINATE_MODES
    ):
        raise ValueError(
            f"map_coordinates takes one row of coordinates an axis, order 0 or 1 and fill_mode "
            f"{', '.join(_COORDINATE_MODES)}. Received: {places!r} for {x!r}, order={order}, fill_mode={fill_mode!r}"
        )
    rows = [squeeze(slice_axis(places, 0, i, i + 1), 0) for i in range(x.ndim)]
    return sample(x, rows, order, fill_mode, fill_value)


def sample(
    x: Tensor, places: list[Tensor], order: int, fill_mode: str, fill_value: Any, batch_dims: int = 0
) -> Tensor:
    """`map_coordinates` with one tensor of places for each axis behind the batch axes."""
    g = graph()
    axes = []
    for place, size in zip(places, x.shape[batch_dims : batch_dims + len(places)], strict=True):
        wide = as_float(place)
        if order == 0:
            nodes: list[tuple[Tensor, Tensor | None]] = [(g.add("Round", wide), None)]
        else:
            low = g.add("Floor", wide)
            upper = g.add("Sub", wide, low)
            nodes = [
                (low, g.add("Sub", scalar(1, wide), upper)),
                (g.add("Add", low, scalar(1, low)), upper),
            ]
        axes.append(
            [(*_inside(node, number_of(size, wide.dtype), fill_mode), weight) for node, weight in nodes]
        )
    dtype = as_float(places[0]).dtype
    rest = x.ndim - batch_dims - len(places)
    total: Any = None
    for corner in itertools.product(*axes):
        index = join([expand_dims(cast_to(node, "int64"), -1) for node, _, _ in corner], places[0].ndim)
        value = cast_to(g.add("GatherND", x, index, batch_dims=batch_dims), dtype)
        factors = [weight for _, _, weight in corner if weight is not None]
        if fill_mode == "constant":
            valid = corner[0][1]
            for _, within, _ in corner[1:]:
                valid = g.add("And", valid, within)
            fill = cast_to(cast_to(fill_value, x.dtype), dtype)
            value = g.add("Where", _grown(valid, rest), value, fill)
        for factor in factors:
            value = g.add("Mul", value, _grown(factor, rest))
        total = value if total is None else g.add("Add", total, value)
    if dtypes.is_integer(x.dtype):
        total = g.add("Round", total)
    return cast_to(total, x.dtype)


def _grown(x: Tensor, axes: int) -> Tensor:
    return expand_dims(x, list(range(x.ndim, x.ndim + axes))) if axes else x


def _inside(node: Tensor, size: Tensor, fill_mode: str) -> tuple[Tensor, Tensor]:
    """A whole place brought into the axis, and whether it lay there."""
    g = graph()
    zero = scalar(0, node)
    within = g.add("And", g.add("GreaterOrEqual", node, zero), g.add("Less", node, size))
    if fill_mode in ("constant", "nearest"):
        return held_between(node, 0, less_by(size, 1)), within
    if fill_mode == "wrap":
        return _modulo(node, size), within
    double = g.add("Mul", size, scalar(2, size))
    turned = _modulo(g.add("Abs", node), double)
    back = g.add("Sub", double, turned)
    if fill_mode == "reflect":
        back = less_by(back, 1)
    return g.add("Where", g.add("Less", turned, size), turned, back), within


def _modulo(x: Tensor, size: Tensor) -> Tensor:
    g = graph()
    return g.add("Sub", x, g.add("Mul", g.add("Floor", g.add("Div", x, size)), size))
