"""Convolution as a product of matrices, for dtypes in which runtimes have no convolution.

ONNX Runtime has no Conv and no ConvTranspose of float64 on the CPU. Here the windows are unfolded by
one strided Slice for each tap of the kernel and multiplied with it, exactly, in channels-last layout.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers.dims import Shape
from portable_layers.ops.dispatch import graph
from portable_layers.ops.elementwise import add
from portable_layers.ops.joining import concatenate
from portable_layers.ops.padding import pad
from portable_layers.ops.products import matmul
from portable_layers.ops.shaping import reshape
from portable_layers.tensor import Tensor

# The dtypes that are convolved in this way.
UNFOLDED_DTYPES = frozenset({"float64"})
_INT64_MAX = np.iinfo(np.int64).max


def unfolded_conv(
    x: Tensor,
    matrices: Tensor,
    bias: Any,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    groups: int,
    output: Shape,
    backward: bool = False,
) -> Tensor:
    """A convolution without padding.

    Args:
        x: `(batch, *spatial, channels)`.
        matrices: as `kernel_matrices` gives them.
        bias: `(filters,)` or None.
        output: the spatial sizes of what comes out.
        backward: go over the taps from the last to the first, as if the kernel were mirrored.

    Returns:
        `(batch, *output, filters)`.
    """
    channels = x.shape[-1]
    filters = matrices.shape[-1] * groups
    taps = []
    for offset in itertools.product(*(range(k) for k in kernel)):
        tap = _tap(x, offset, kernel, strides, dilations, output)
        if groups > 1:
            tap = reshape(tap, (x.shape[0], *output, groups, 1, channels // groups))
        taps.append(tap)
    columns = concatenate(taps[::-1] if backward else taps, axis=-1)
    y = matmul(columns, matrices)
    if groups > 1:
        y = reshape(y, (x.shape[0], *output, filters))
    return y if bias is None else add(y, bias)


def _tap(
    x: Tensor,
    offset: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    output: Shape,
) -> Tensor:
    """What one element of the kernel meets, over all windows."""
    starts = [o * d for o, d in zip(offset, dilations, strict=True)]
    # Ends count from the end of x: so they hold for every size.
    ends = [start - (k - 1) * d for start, k, d in zip(starts, kernel, dilations, strict=True)]
    if not any(starts) and not any(ends) and all(s == 1 for s in strides):
        return x
    axes = range(1, 1 + len(output))
    return graph().add(
        "Slice",
        x,
        np.array(starts, np.int64),
        np.array([end or _INT64_MAX for end in ends], np.int64),
        np.array(axes, np.int64),
        np.array(strides, np.int64),
        shape=(x.shape[0], *output, x.shape[-1]),
    )


def unfolded_conv_transpose(
    x: Tensor,
    matrix: Tensor,
    bias: Any,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[tuple[int, int, int]],
    output: Shape,
) -> Tensor:
    """A transposed convolution: the one with the mirrored kernel over x with zeros between its elements.

    Args:
        x: `(batch, *spatial, channels)`.
        matrix: as `transposed_matrix` gives it.
        bias: `(filters,)` or None.
        pads: of each axis, as `transpose_padding` gives them.
        output: the spatial sizes of what comes out.

    Returns:
        `(batch, *output, filters)`.
    """
    batch, *sizes, channels = x.shape
    if any(s > 1 for s in strides):
        x = reshape(x, (batch, *itertools.chain(*((n, 1) for n in sizes)), channels))
        between = itertools.chain(*(((0, 0), (0, s - 1)) for s in strides))
        x = pad(x, [(0, 0), *between, (0, 0)])
        x = reshape(x, (batch, *(n * s for n, s in zip(sizes, strides, strict=True)), channels))
    widths = []
    for k, s, d, (before, after, more) in zip(kernel, strides, dilations, pads, strict=True):
        reach = (k - 1) * d
        # There are s - 1 zeros behind the last element already. A negative width crops.
        widths.append((reach - before, reach - after + more - (s - 1)))
    x = pad(x, [(0, 0), *widths, (0, 0)])
    ones = [1] * len(output)
    return unfolded_conv(x, matrix, bias, kernel, ones, dilations, 1, output, backward=True)
