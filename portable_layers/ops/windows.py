"""Sliding windows: padding and output sizes of convolution and pooling, for any rank.

TensorFlow's `same` puts the odd pixel at the end, and depends on the input's size when the stride is
over 1; ONNX says that as `SAME_UPPER`, explicit pads where the sizes are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portable_layers.dims import Shape, Size


@dataclass(frozen=True)
class Window:
    """Where the windows lie over the spatial axes.

    Attributes:
        output: output sizes.
        pads: ONNX pads (all begins, then all ends), or None where `auto_pad` is needed.
    """

    output: Shape
    pads: list[int] | None

    @property
    def attributes(self) -> dict[str, Any]:
        if self.pads is None:
            return {"auto_pad": "SAME_UPPER"}
        return {"pads": self.pads if any(self.pads) else None}


def spread(value: Any, rank: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """An int or sequence of ints as a tuple of `rank` ints.

    Raises:
        ValueError: for another length, a non-integer, or a value that is not positive.
    """
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    low = 0 if allow_zero else 1
    if len(values) != rank or any(not isinstance(v, int) or isinstance(v, bool) or v < low for v in values):
        kind = "non-negative" if allow_zero else "positive"
        raise ValueError(f"{name} must be {rank} {kind} integers or one. Received: {name}={value!r}")
    return values


def pairs(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """How much lies before and after, one pair an axis: of an integer, `rank` integers or `rank` pairs.

    Raises:
        ValueError: for another length, a non-integer, or a negative value.
    """
    if not isinstance(value, int | list | tuple) or (not isinstance(value, int) and len(value) != rank):
        raise ValueError(
            f"{name} must be an integer, {rank} integers or {rank} pairs of integers. "
            f"Received: {name}={value!r}"
        )
    each = (value,) * rank if isinstance(value, int) else value
    return tuple(spread(n, 2, name, allow_zero=True) for n in each)  # type: ignore[misc]


def window(
    sizes: Shape,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: str,
) -> Window:
    """The windows over spatial `sizes`; `padding` is `valid`, `same` or `causal` (1D)."""
    output: list[Size] = []
    begins: list[int] | None = []
    ends: list[int] = []
    for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        reach = (k - 1) * d
        if padding == "valid":
            output.append((size - reach - 1) // s + 1)
            before, after = 0, 0
        elif padding == "causal":
            output.append((size - 1) // s + 1)
            before, after = reach, 0
        else:
            output.append((size - 1) // s + 1)
            if isinstance(size, int):
                total = max((size - 1) // s * s + reach + 1 - size, 0)
            elif s == 1:
                total = reach
            elif k <= s and d == 1 and k == 1:
                total = 0
            else:
                begins = None
                continue
            before, after = total // 2, total - total // 2
        if begins is not None:
            begins.append(before)
            ends.append(after)
    return Window(tuple(output), None if begins is None else begins + ends)
