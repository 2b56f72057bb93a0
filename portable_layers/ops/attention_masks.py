"""Masks of attention: causal, of a window, and whether one fits."""

from __future__ import annotations

from portable_layers.dims import Size
from portable_layers.ops.comparison import greater_equal, less
from portable_layers.ops.creation import arange
from portable_layers.ops.elementwise import absolute, subtract
from portable_layers.ops.shaping import expand_dims
from portable_layers.tensor import Tensor, shape_text


def causal_mask(queries: Size, keys: Size) -> Tensor:
    """Which keys stand no later than the query: booleans `(1, queries, keys)`."""
    rows, columns = _places(queries, keys)
    return greater_equal(rows, columns)


def window_mask(queries: Size, keys: Size, window: int) -> Tensor:
    """Which keys stand less than `window` places from the query: booleans `(1, queries, keys)`."""
    rows, columns = _places(queries, keys)
    return less(absolute(subtract(rows, columns)), window)


def _places(queries: Size, keys: Size) -> tuple[Tensor, Tensor]:
    return expand_dims(arange(queries, dtype="int64"), (0, 2)), expand_dims(
        arange(keys, dtype="int64"), (0, 1)
    )


def check_broadcast(
    x: Tensor, sizes: tuple[Size, ...], name: str, axes: str, given: Tensor | None = None
) -> None:
    """Refuse what cannot be broadcast to these sizes.

    Args:
        name: of the argument.
        axes: what the sizes are of, in words.
        given: the tensor as it was given, where x has further axes of size 1.

    Raises:
        ValueError: saying what was expected.
    """
    fits = x.ndim <= len(sizes) and all(
        n in (1, size) or not (isinstance(n, int) and isinstance(size, int))
        for n, size in zip(x.shape[::-1], sizes[::-1], strict=False)
    )
    if not fits:
        raise ValueError(
            f"{name} must broadcast to {axes} = {shape_text(sizes)}. "
            f"Received: shape {shape_text((x if given is None else given).shape)}"
        )
