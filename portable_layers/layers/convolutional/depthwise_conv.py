"""DepthwiseConv1D and DepthwiseConv2D: each channel convolved by itself."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.convolutional.windowed import _WindowedLayer
from portable_layers.ops.convolution import conv_with_bias

_LONE = "Transpose Conv Transpose"


class _DepthwiseConv(_WindowedLayer):
    """`activation(depthwise_conv(x, kernel) + bias)`.

    Weights: kernel `(*kernel_size, channels, depth_multiplier)`, bias `(channels * depth_multiplier,)`.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`
    Output shape: `(batch, *new_spatial, channels * depth_multiplier)`, or channels first
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self._check_positive(depth_multiplier=depth_multiplier)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._add_kernel("kernel", shape, "depthwise")
        self.bias = self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        outputs = conv_with_bias(
            inputs,
            self.kernel,
            self.bias,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
            depthwise=True,
        )
        return self.activation(outputs)


class DepthwiseConv1D(_DepthwiseConv):
    """Each channel of a sequence convolved by itself.

    Input shape:  `(batch, steps, channels)`, or `(batch, channels, steps)`
    Output shape: `(batch, new_steps, channels * depth_multiplier)`, or channels first
    """

    rank = 1
    cases = (
        case((8, 3), kernel_size=3, depth_multiplier=2, ops=_LONE, dtypes=("float16", "float64")),
        case(Array((None, 2), sizes=(7,)), kernel_size=3, dilation_rate=2, padding="same", ops=_LONE),
        case(
            (4, 12),
            kernel_size=2,
            strides=2,
            data_format="channels_first",
            activation="relu",
            ops="Conv Relu",
        ),
    )


class DepthwiseConv2D(_DepthwiseConv):
    """Each channel of an image convolved by itself.

    Input shape:  `(batch, height, width, channels)`, or `(batch, channels, height, width)`
    Output shape: `(batch, new_height, new_width, channels * depth_multiplier)`, or channels first
    """

    rank = 2
    cases = (
        case((6, 7, 3), kernel_size=3, depth_multiplier=2, padding="same", ops=_LONE),
        case(
            Array((None, None, 2), sizes=(5, 6)),
            kernel_size=3,
            strides=2,
            padding="same",
            use_bias=False,
            ops=_LONE,
        ),
        case((7, 7, 2), kernel_size=2, strides=2, dilation_rate=2, padding="same", ops=_LONE),
        case((5, 5, 2), kernel_size=(2, 3), ops=_LONE, dtypes=("float64", "mixed_float16", "mixed_bfloat16")),
    )
