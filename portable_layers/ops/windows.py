"""Sliding windows: padding and output sizes of convolution and pooling, for any rank.

TensorFlow's `same` puts the odd pixel at the end, and depends on the input's size when the stride is
over 1: explicit pads say it where the sizes are known, `SAME_UPPER` says it in ONNX where they are
not. ONNX Runtime takes no `SAME_UPPER` with dilation, and the specification makes the padding negative
where a stride reaches over the kernel; there the pads are computed while the model runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from portable_layers.dims import Dim, Shape, Size
from portable_layers.ops.dispatch import graph
from portable_layers.tensor import Tensor


@dataclass(frozen=True)
class Window:
    """Where the windows lie over the spatial axes.

    Attributes:
        output: output sizes.
        pads: ONNX pads (all begins, then all ends), or None where they depend on sizes that are
            known only at run time.
        automatic: whether `auto_pad` can stand for them then; else `run_time_pads` gives them.
        totals: begin and end together of each axis; one that is no int is clipped at zero.
    """

    output: Shape
    pads: list[int] | None
    automatic: bool
    totals: Shape

    @property
    def attributes(self) -> dict[str, Any]:
        """How a node of ONNX says it, unless its input was padded with `run_time_pads`."""
        if self.pads is None:
            return {"auto_pad": "SAME_UPPER"}
        return {"pads": self.pads if any(self.pads) else None}

    def run_time_pads(self) -> tuple[list[Any], list[Any]]:
        """Pads at the begin and at the end of each axis, as ints or int64 tensors of one element."""
        if self.pads is not None:
            rank = len(self.output)
            return list(self.pads[:rank]), list(self.pads[rank:])
        begins, ends = [], []
        for total in self.totals:
            before, after = _halves(total)
            begins.append(before)
            ends.append(after)
        return begins, ends


def _halves(total: Size) -> tuple[int | Tensor, int | Tensor]:
    if isinstance(total, int):
        return total // 2, total - total // 2
    g = graph()
    whole = g.add("Max", g.size(total), np.zeros(1, np.int64))
    before = g.add("Div", whole, np.array([2], np.int64))
    return before, g.add("Sub", whole, before)


def spread(value: Any, rank: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """An int or sequence of ints as a tuple of `rank` ints.

    Raises:
        ValueError: for another length, a non-integer, or a value that is not positive.
    """
    try:
        values = (value,) * rank if isinstance(value, int | np.integer) else tuple(value)
    except TypeError:
        values = ()
    low = 0 if allow_zero else 1
    integers = [v for v in values if isinstance(v, int | np.integer) and not isinstance(v, bool) and v >= low]
    if len(values) != rank or len(integers) != rank:
        kind = "non-negative" if allow_zero else "positive"
        expected = f"{rank} {kind} integers or one" if rank > 1 else f"a {kind} integer"
        raise ValueError(f"{name} must be {expected}. Received: {name}={value!r}")
    return tuple(int(v) for v in values)


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
    """The windows over spatial `sizes`; `padding` is `valid`, `same` or `causal`.

    Raises:
        ValueError: where the windows are larger than the input, so that nothing would come out.
    """
    output: list[Size] = []
    begins: list[int] = []
    ends: list[int] = []
    totals: list[Size] = []
    automatic = True
    for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        reach = (k - 1) * d
        total: Size = 0
        if padding == "valid":
            output.append((size - reach - 1) // s + 1)
        else:
            output.append((size - 1) // s + 1)
            total = reach if padding == "causal" else _total(size, k, s, d)
        if padding == "causal":
            begins.append(reach)
        elif isinstance(total, int):
            begins.append(total // 2)
        if isinstance(total, int):
            ends.append(total - begins[-1])
        totals.append(total)
        automatic = automatic and d == 1 and k >= s
    if any(isinstance(n, int) and n <= 0 for n in output):
        raise ValueError(
            f"nothing would come out of windows of {tuple(kernel)} over {tuple(map(str, sizes))}. "
            f"Received: strides={tuple(strides)}, dilation_rate={tuple(dilations)}, padding={padding!r}"
        )
    known = len(ends) == len(totals)
    return Window(tuple(output), begins + ends if known else None, automatic, tuple(totals))


def _total(size: Size, kernel: int, stride: int, dilation: int) -> Size:
    """Begin and end together of `same` along one axis."""
    reach = (kernel - 1) * dilation
    if stride == 1 or kernel == 1:
        return reach
    total = (size - 1) // stride * stride + reach + 1 - size
    return total if isinstance(total, Dim) else max(total, 0)
