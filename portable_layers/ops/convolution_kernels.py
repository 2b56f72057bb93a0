"""Kernels of convolutions: from Keras's layout into ONNX's, and low-rank updates of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from portable_layers.ops.dispatch import moved
from portable_layers.ops.elementwise import add, multiply
from portable_layers.ops.products import matmul
from portable_layers.ops.shaping import reshape, transpose
from portable_layers.tensor import Tensor
from portable_layers.variable import Variable


@dataclass(frozen=True)
class LowRank:
    """`kernel + scale * a @ b`, the kernel of a layer with LoRA.

    The sum is left to the graph, where runtimes fold it once: the three variables stay what they
    are, and an exported model can be brought back with its adapters.

    Attributes:
        kernel: `(*window, channels, filters)`.
        a: `(*window, channels, rank)`.
        b: `(rank, filters)`.
    """

    kernel: Variable
    a: Variable
    b: Variable
    scale: float

    @property
    def shape(self) -> tuple[int, ...]:
        return self.kernel.shape

    def merged(self, dtype: str) -> Tensor:
        """The sum in Keras's layout."""
        kernel, a, b = (moved(v, lambda t: t, dtype) for v in (self.kernel, self.a, self.b))
        return add(kernel, multiply(matmul(a, b), self.scale))


Kernel: TypeAlias = Tensor | Variable | LowRank


def channels_first_kernel(kernel: Kernel, dtype: str, depthwise: bool = False) -> Tensor:
    """A kernel as ONNX wants it.

    Args:
        kernel: `(*window, channels, filters)`; of a depthwise convolution
            `(*window, channels, multiplier)`, of a transposed one `(*window, filters, channels)`.
        depthwise: whether it is of the second kind.

    Returns:
        `(filters, channels, *window)`; `(channels * multiplier, 1, *window)` for a depthwise
        convolution, `(channels, filters, *window)` for a transposed one.
    """
    rank = len(kernel.shape) - 2
    order = (rank + 1, rank, *range(rank))

    def move(t: Tensor) -> Tensor:
        if depthwise:
            t = reshape(t, (*t.shape[:rank], 1, math.prod(kernel.shape[rank:])))
        return transpose(t, order)

    if not isinstance(kernel, LowRank):
        return moved(kernel, move, dtype)
    # Multiplied out in ONNX's layout, the update needs no transposition in the graph.
    whole = moved(kernel.kernel, move, dtype)
    a = moved(kernel.a, lambda t: reshape(move(t), (t.shape[-1], -1)), dtype)
    b = moved(kernel.b, lambda t: transpose(t, (1, 0)), dtype)
    return add(whole, multiply(reshape(matmul(b, a), whole.shape), kernel.scale))


def kernel_matrices(kernel: Kernel, groups: int, depthwise: bool, dtype: str) -> Tensor:
    """A kernel that is to be multiplied with unfolded windows.

    Args:
        kernel: `(*window, channels / groups, filters)`, or `(*window, channels, multiplier)`.
        groups: into how many the channels are split.
        depthwise: whether the kernel is of the second kind.

    Returns:
        `(taps * channels, filters)`, or with several groups a matrix for each,
        `(groups, taps * channels / groups, filters / groups)`.
    """
    taps = math.prod(kernel.shape[:-2])
    depth = 1 if depthwise else kernel.shape[-2]
    columns = math.prod(kernel.shape[-2:]) // depth // groups

    def move(t: Tensor) -> Tensor:
        if groups == 1:
            return reshape(t, (taps * depth, columns))
        split = transpose(reshape(t, (taps, depth, groups, columns)), (2, 0, 1, 3))
        return reshape(split, (groups, taps * depth, columns))

    return moved(kernel.merged(dtype) if isinstance(kernel, LowRank) else kernel, move, dtype)


def transposed_matrix(kernel: Tensor | Variable, dtype: str) -> Tensor:
    """`kernel_matrices` of a transposed convolution: `(*window, filters, channels)` as
    `(taps * channels, filters)`."""
    *sizes, filters, channels = kernel.shape
    rank = len(sizes)

    def move(t: Tensor) -> Tensor:
        swapped = transpose(t, (*range(rank), rank + 1, rank))
        return reshape(swapped, (math.prod(sizes) * channels, filters))

    return moved(kernel, move, dtype)
