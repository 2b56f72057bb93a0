"""Axes rearranged by a pattern of names (`keras.ops.rearrange`)."""

from __future__ import annotations

import re
from typing import Any

from portable_layers.dims import Size, product
from portable_layers.ops.dispatch import convert, op
from portable_layers.ops.shaping import reshape, transpose


@op("einops.Rearrange", "tensor", "pattern")
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Axes split, moved and merged as a pattern says: `"b (h w) c -> b h w c"`.

    Args:
        pattern: names of the axes before and after; names in parentheses are one axis.
        axes_lengths: sizes of names inside parentheses; one of each may be left out.

    Raises:
        ValueError: for a pattern that does not fit the tensor.
    """
    x = convert(tensor)
    before, arrow, after = (part.strip() for part in pattern.partition("->"))
    left, right = _groups(before), _groups(after)
    names = [n for group in left for n in group]
    if not arrow or len(left) != x.ndim or sorted(names) != sorted(n for group in right for n in group):
        raise ValueError(f"the pattern {pattern!r} does not fit {x!r}")
    sizes: dict[str, Size] = dict(axes_lengths)
    for group, whole in zip(left, x.shape, strict=True):
        unknown = [n for n in group if n not in sizes]
        if len(unknown) > 1:
            raise ValueError(f"{pattern!r} needs the sizes of all but one of: {', '.join(unknown)}")
        if unknown:
            sizes[unknown[0]] = whole // product(sizes[n] for n in group if n in sizes)
    split = reshape(x, [sizes[n] for n in names])
    moved = transpose(split, [names.index(n) for group in right for n in group])
    return reshape(moved, [product(sizes[n] for n in group) for group in right])


def _groups(side: str) -> list[list[str]]:
    return [re.findall(r"\w+", part) for part in re.findall(r"\w+|\([^)]*\)", side)]
