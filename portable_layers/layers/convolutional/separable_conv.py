"""SeparableConv1D and SeparableConv2D: a depthwise convolution, then one of window 1."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.convolutional.windowed import _WindowedLayer
from portable_layers.ops.convolution import conv_with_bias

_LONE = "Transpose Conv Conv Transpose"


class _SeparableConv(_WindowedLayer):
    """`activation(conv(depthwise_conv(x, depthwise_kernel), pointwise_kernel) + bias)`.

    Weights: depthwise_kernel `(*kernel_size, channels, depth_multiplier)`,
    pointwise_kernel `(*ones, channels * depth_multiplier, filters)`, bias `(filters,)`.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`
    Output shape: `(batch, *new_spatial, filters)`, or `(batch, filters, *new_spatial)`
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self._check_positive(filters=filters, depth_multiplier=depth_multiplier)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        pointwise = ((1,) * self.rank) + (channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self._add_kernel("depthwise_kernel", depthwise, "depthwise")
        self.pointwise_kernel = self._add_kernel("pointwise_kernel", pointwise, "pointwise")
        self.bias = self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        x = conv_with_bias(
            inputs,
            self.depthwise_kernel,
            None,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
            depthwise=True,
        )
        x = conv_with_bias(x, self.pointwise_kernel, self.bias, 1, "valid", self.data_format, 1)
        return self.activation(x)


class SeparableConv1D(_SeparableConv):
    """Separable convolution over time.

    Input shape:  `(batch, steps, channels)`, or `(batch, channels, steps)`
    Output shape: `(batch, new_steps, filters)`, or `(batch, filters, new_steps)`
    """

    rank = 1
    aliases = ("SeparableConvolution1D",)
    cases = (
        case((8, 3), filters=4, kernel_size=3, depth_multiplier=2, ops=_LONE),
        case(
            Array((None, 2), sizes=(7,)),
            filters=3,
            kernel_size=3,
            strides=2,
            padding="same",
            use_bias=False,
            ops=_LONE,
        ),
        case(
            (2, 9),
            filters=3,
            kernel_size=2,
            data_format="channels_first",
            activation="tanh",
            ops="Conv Conv Tanh",
        ),
    )


class SeparableConv2D(_SeparableConv):
    """Separable convolution over images.

    Input shape:  `(batch, height, width, channels)`, or `(batch, channels, height, width)`
    Output shape: `(batch, new_height, new_width, filters)`, or `(batch, filters, new_height, new_width)`
    """

    rank = 2
    aliases = ("SeparableConvolution2D",)
    cases = (
        case(
            (6, 7, 3),
            filters=4,
            kernel_size=3,
            padding="same",
            ops=_LONE,
            dtypes=("float64", "mixed_float16"),
        ),
        case(
            Array((None, None, 2), sizes=(5, 6)),
            filters=3,
            kernel_size=2,
            strides=2,
            depth_multiplier=3,
            ops=_LONE,
        ),
        case((7, 6, 2), filters=3, kernel_size=3, dilation_rate=2, padding="same", ops=_LONE),
    )
