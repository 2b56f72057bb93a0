"""Convolutions of any rank (`keras.ops.nn`): one implementation for 1D, 2D and 3D."""

from __future__ import annotations

from typing import Any

from portable_layers import dtypes
from portable_layers.dims import Shape, Size
from portable_layers.ops.convolution_kernels import (
    Kernel,
    channels_first_kernel,
    kernel_matrices,
    transposed_matrix,
)
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import add
from portable_layers.ops.layout import (
    channels_back,
    channels_first,
    channels_last,
    channels_last_back,
    standardize_data_format,
)
from portable_layers.ops.unfolding import UNFOLDED_DTYPES, unfolded_conv, unfolded_conv_transpose
from portable_layers.ops.windows import Window, spread, window
from portable_layers.tensor import Tensor
from portable_layers.variable import Variable


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

    Raises:
        ValueError: for channels that do not fit, or where nothing would come out.
    """
    x, k = _operands(inputs, kernel)
    return conv_with_bias(x, k, None, strides, padding, data_format, dilation_rate)


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
    x, k = _operands(inputs, kernel)
    return conv_with_bias(x, k, None, strides, padding, data_format, dilation_rate, depthwise=True)


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
    x, k = _operands(inputs, kernel)
    return conv_transpose_with_bias(x, k, None, strides, padding, output_padding, data_format, dilation_rate)


def conv_with_bias(
    x: Tensor,
    kernel: Kernel,
    bias: Any,
    strides: Any,
    padding: str,
    data_format: str | None,
    dilation_rate: Any,
    depthwise: bool = False,
    keras_format: str | None = None,
) -> Tensor:
    """`conv` or `depthwise_conv` with the bias `(filters,)` in the same operator.

    The kernel may be a variable: it is then written in ONNX's layout and not transposed in the graph.

    Args:
        keras_format: the data format by which Keras places the bias, where that is another one:
            `channels_last` where it always adds it along the channels.
    """
    data_format = standardize_data_format(data_format)
    rank, channels = _check_rank(x, kernel, data_format)
    strides, dilations = spread(strides, rank, "strides"), spread(dilation_rate, rank, "dilation_rate")
    sizes = [int(n) for n in kernel.shape[:rank]]
    groups, filters = _groups(channels, kernel, depthwise)
    last = x.dtype in UNFOLDED_DTYPES
    x = channels_last(x, data_format) if last else channels_first(x, data_format)
    where = window(x.shape[1:-1] if last else x.shape[2:], sizes, strides, dilations, padding)
    inner, outer = _placed_bias(bias, x.dtype, keras_format or data_format, filters, where.output)
    if last:
        matrices = kernel_matrices(kernel, groups, depthwise, x.dtype)
        padded = _padded(x, where, 1)
        y = unfolded_conv(padded, matrices, inner, sizes, strides, dilations, groups, where.output)
        return _add_outer(channels_last_back(y, data_format), outer)
    attributes = where.attributes
    if where.pads is None and not where.automatic:
        x, attributes = _padded(x, where, 2), {}
    y = graph().add(
        "Conv",
        x,
        channels_first_kernel(kernel, x.dtype, depthwise),
        inner,
        kernel_shape=sizes,
        strides=strides if any(s != 1 for s in strides) else None,
        dilations=dilations if any(d != 1 for d in dilations) else None,
        group=groups if groups != 1 else None,
        shape=(x.shape[0], filters, *where.output),
        **attributes,
    )
    return _add_outer(channels_back(y, data_format), outer)


def conv_transpose_with_bias(
    x: Tensor,
    kernel: Tensor | Variable,
    bias: Any,
    strides: Any,
    padding: str,
    output_padding: Any,
    data_format: str | None,
    dilation_rate: Any,
) -> Tensor:
    """`conv_transpose` with the bias `(filters,)` in the same operator; see `conv_with_bias`."""
    data_format = standardize_data_format(data_format)
    rank, channels = _check_rank(x, kernel, data_format)
    if channels != kernel.shape[-1]:
        raise _misfit(channels, kernel)
    strides, dilations = spread(strides, rank, "strides"), spread(dilation_rate, rank, "dilation_rate")
    extra = (None,) * rank if output_padding is None else spread(output_padding, rank, "output_padding", True)
    sizes = [int(n) for n in kernel.shape[:rank]]
    filters = int(kernel.shape[-2])
    spatial = x.shape[1:-1] if data_format == "channels_last" else x.shape[2:]
    pads, output = [], []
    for size, k, s, d, o in zip(spatial, sizes, strides, dilations, extra, strict=True):
        before, after, more = transpose_padding(k, s, d, padding, o)
        pads.append((before, after, more))
        whole: Size = (size - 1) * s + (k - 1) * d + 1
        output.append(whole - before - after + more)
    inner, outer = _placed_bias(bias, x.dtype, data_format, filters, tuple(output))
    if x.dtype in UNFOLDED_DTYPES:
        x = channels_last(x, data_format)
        matrix = transposed_matrix(kernel, x.dtype)
        y = unfolded_conv_transpose(x, matrix, inner, sizes, strides, dilations, pads, tuple(output))
        return _add_outer(channels_last_back(y, data_format), outer)
    x = channels_first(x, data_format)
    begins, ends, grown = (list(p) for p in zip(*pads, strict=True))
    y = graph().add(
        "ConvTranspose",
        x,
        channels_first_kernel(kernel, x.dtype),
        inner,
        kernel_shape=sizes,
        strides=strides if any(s != 1 for s in strides) else None,
        dilations=dilations if any(d != 1 for d in dilations) else None,
        pads=begins + ends if any(begins + ends) else None,
        output_padding=grown if any(grown) else None,
        shape=(x.shape[0], filters, *output),
    )
    return _add_outer(channels_back(y, data_format), outer)


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


def _placed_bias(
    bias: Any, dtype: str, data_format: str, filters: int, output: Shape
) -> tuple[Tensor | None, Tensor | None]:
    """The bias for the operator and the bias to be added along the last axis; one of them is None.

    Keras 3 on TensorFlow finds the axis of a bias by its size (`keras.src.backend.tensorflow.numpy.add`),
    the last axis first: channels-first layers whose output is as wide as it has filters add their bias
    along the width. A model was trained with that, so it is part of what it computes.
    """
    if bias is None:
        return None, None
    tensor = cast_to(bias, dtype)
    if data_format == "channels_first" and filters > 1 and output[-1] == filters:
        return None, tensor
    return tensor, None


def _add_outer(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else add(y, bias)


def _operands(inputs: Any, kernel: Any) -> tuple[Tensor, Any]:
    """Inputs and kernel of a public function; a kernel that is a variable is cast where it is moved."""
    x = convert(inputs)
    if not isinstance(kernel, Variable):
        kernel = convert(kernel)
    dtype = kernel.dtype
    if isinstance(kernel, Variable) and kernel.autocast and dtypes.is_float(dtype):
        dtype = graph().autocast or dtype
    return cast_to(x, dtypes.result_type(x.dtype, dtype)), kernel


def _check_rank(x: Tensor, kernel: Kernel, data_format: str) -> tuple[int, int]:
    """The number of spatial axes, and of channels.

    Raises:
        ValueError: where the kernel has another rank, or the channels are not known.
    """
    channels = x.shape[-1] if data_format == "channels_last" else x.shape[1]
    if x.ndim < 3 or len(kernel.shape) != x.ndim or not isinstance(channels, int):
        raise ValueError(
            f"a convolution takes an input of the kernel's rank, with a known number of channels. "
            f"Received: {x!r}, kernel.shape={tuple(kernel.shape)}, data_format={data_format!r}"
        )
    return x.ndim - 2, channels


def _groups(channels: int, kernel: Kernel, depthwise: bool) -> tuple[int, int]:
    """The number of groups, and of filters.

    Raises:
        ValueError: for a kernel that is not of such an input.
    """
    depth, last = int(kernel.shape[-2]), int(kernel.shape[-1])
    if depthwise:
        if depth != channels:
            raise _misfit(channels, kernel)
        return channels, channels * last
    if channels % depth or last % (channels // depth):
        raise _misfit(channels, kernel)
    return channels // depth, last


def _misfit(channels: int, kernel: Kernel) -> ValueError:
    return ValueError(
        f"the channels of the input do not fit the kernel's. "
        f"Received: an input with {channels} channels, kernel.shape={tuple(kernel.shape)}"
    )


def _padded(x: Tensor, where: Window, axis: int) -> Tensor:
    """x with the pads of its windows; the first spatial axis is `axis`."""
    begins, ends = where.run_time_pads()
    if all(isinstance(n, int) and n == 0 for n in begins + ends):
        return x
    rest = [0] * (x.ndim - axis - len(begins))
    pads = graph().shape_tensor([0] * axis + begins + rest + [0] * axis + ends + rest)
    shape: list[Any] = list(x.shape)
    for i, (before, after) in enumerate(zip(begins, ends, strict=True), axis):
        known = isinstance(before, int) and isinstance(after, int)
        shape[i] = shape[i] + before + after if known else None
    return graph().add("Pad", x, pads, shape=tuple(shape))
