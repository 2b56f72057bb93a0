"""Convolutions of any rank (`keras.ops.nn`): one implementation for 1D, 2D and 3D."""

from __future__ import annotations

from typing import Any

from portable_layers.dims import Size
from portable_layers.ops.dispatch import graph, op, promote
from portable_layers.ops.layout import channels_back, channels_first
from portable_layers.ops.shaping import reshape, transpose
from portable_layers.ops.windows import spread, window
from portable_layers.tensor import Tensor


def _format(data_format: str | None) -> str:
    return data_format or "channels_last"


@op("nn.Conv", "inputs", "kernel")
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution; the number of groups follows from the channels of inputs and kernel.

    Args:
        inputs: `(batch, *spatial, channels)`, or channels first.
        kernel: `(*window, channels / groups, filters)`.
        strides, dilation_rate: one integer or one an axis.
        padding: `valid`, `same` or (1D) `causal`.
        data_format: `channels_last` (default) or `channels_first`.

    Returns:
        `(batch, *spatial, filters)`, or channels first.
    """
    x, k = promote(inputs, kernel)
    return conv_with_bias(x, k, None, strides, padding, data_format, dilation_rate)


def conv_with_bias(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    strides: Any,
    padding: str,
    data_format: str | None,
    dilation_rate: Any,
    groups: int | None = None,
) -> Tensor:
    """`conv` with the bias `(filters,)` in the same operator."""
    data_format = _format(data_format)
    rank = x.ndim - 2
    first = channels_first(x, data_format)
    strides, dilations = spread(strides, rank, "strides"), spread(dilation_rate, rank, "dilation_rate")
    sizes = [int(n) for n in kernel.shape[:rank]]
    where = window(first.shape[2:], sizes, strides, dilations, padding)
    channels = first.shape[1]
    if groups is None:
        groups = int(channels) // int(kernel.shape[-2])  # type: ignore[arg-type]
    y = graph().add(
        "Conv",
        first,
        transpose(kernel, (rank + 1, rank, *range(rank))),
        bias,
        kernel_shape=sizes,
        strides=strides if any(s != 1 for s in strides) else None,
        dilations=dilations if any(d != 1 for d in dilations) else None,
        group=groups if groups != 1 else None,
        shape=(first.shape[0], kernel.shape[-1], *where.output),
        **where.attributes,
    )
    return channels_back(y, data_format)


def depthwise_kernel(kernel: Tensor) -> Tensor:
    """`(*window, channels, multiplier)` as the kernel of a grouped convolution
    `(*window, 1, channels * multiplier)`."""
    *sizes, channels, multiplier = kernel.shape
    return reshape(kernel, (*sizes, 1, channels * multiplier))


@op("nn.DepthwiseConv", "inputs", "kernel")
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Each channel by itself: kernel `(*window, channels, multiplier)`, else as `conv`."""
    x, k = promote(inputs, kernel)
    channels = int(k.shape[-2])
    return conv_with_bias(
        x, depthwise_kernel(k), None, strides, padding, data_format, dilation_rate, channels
    )


@op("nn.SeparableConv", "inputs", "depthwise_kernel", "pointwise_kernel")
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`depthwise_conv`, then a convolution of window 1 with `pointwise_kernel`."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format, 1)


@op("nn.ConvTranspose", "inputs", "kernel")
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Transposed convolution; kernel `(*window, filters, channels)`."""
    x, k = promote(inputs, kernel)
    return conv_transpose_with_bias(x, k, None, strides, padding, output_padding, data_format, dilation_rate)


def conv_transpose_with_bias(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    strides: Any,
    padding: str,
    output_padding: Any,
    data_format: str | None,
    dilation_rate: Any,
) -> Tensor:
    """`conv_transpose` with the bias `(filters,)` in the same operator."""
    data_format = _format(data_format)
    rank = x.ndim - 2
    first = channels_first(x, data_format)
    strides, dilations = spread(strides, rank, "strides"), spread(dilation_rate, rank, "dilation_rate")
    extra = (None,) * rank if output_padding is None else spread(output_padding, rank, "output_padding", True)
    sizes = [int(n) for n in kernel.shape[:rank]]
    begins, ends, grown, output = [], [], [], []
    for size, k, s, d, o in zip(first.shape[2:], sizes, strides, dilations, extra, strict=True):
        before, after, more = transpose_padding(k, s, d, padding, o)
        begins.append(before)
        ends.append(after)
        grown.append(more)
        whole: Size = (size - 1) * s + (k - 1) * d + 1
        output.append(whole - before - after + more)
    y = graph().add(
        "ConvTranspose",
        first,
        transpose(kernel, (rank + 1, rank, *range(rank))),
        bias,
        kernel_shape=sizes,
        strides=strides if any(s != 1 for s in strides) else None,
        dilations=dilations if any(d != 1 for d in dilations) else None,
        pads=begins + ends if any(begins + ends) else None,
        output_padding=grown if any(grown) else None,
        shape=(first.shape[0], kernel.shape[-2], *output),
    )
    return channels_back(y, data_format)


def transpose_padding(
    kernel: int, stride: int, dilation: int, padding: str, output_padding: int | None
) -> tuple[int, int, int]:
    """Pads at the begin and end of a transposed convolution, and its output padding, along one axis.

    The output of Keras on TensorFlow is that of the gradient of a convolution whose input has the
    output's size: `same` gives `size * stride`, `valid` at least the kernel's reach.
    """
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        # Without output_padding TensorFlow makes the output no smaller than the strides reach.
        more = max(stride - reach, 0) if output_padding is None else output_padding
        return 0, 0, more
    # The forward convolution pads so much in all; TensorFlow puts the odd element at the end.
    total = reach - stride if output_padding is None else reach - reach % 2 - output_padding
    if total < 0:
        return 0, 0, -total
    return total // 2, total - total // 2, 0
