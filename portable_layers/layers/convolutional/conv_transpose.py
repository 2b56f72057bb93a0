"""Conv1DTranspose, Conv2DTranspose and Conv3DTranspose: transposed convolution."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.convolutional.windowed import _WindowedLayer
from portable_layers.ops.convolution import conv_transpose_with_bias
from portable_layers.ops.windows import spread

_LONE = "Transpose ConvTranspose Transpose"
_RELU = "Transpose ConvTranspose Relu Transpose"
_DTYPES = ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")


class _ConvTranspose(_WindowedLayer):
    """`activation(conv_transpose(x, kernel) + bias)`.

    Weights: kernel `(*kernel_size, filters, channels)`, bias `(filters,)`.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`
    Output shape: `(batch, *new_spatial, filters)`, or `(batch, filters, *new_spatial)`; a size of
        the input becomes `size * stride` with padding `same`,
        `(size - 1) * stride + max(window, stride)` with `valid`, unless `output_padding` says how much
        is added to `(size - 1) * stride + window` (`same`: `window % 2`).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self._check_positive(filters=filters)
        self._check_strides_or_dilation()
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = spread(output_padding, self.rank, "output_padding", allow_zero=True)
            if any(o >= s for o, s in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    "output_padding must be less than strides along each axis. "
                    f"Received: output_padding={self.output_padding}, strides={self.strides}"
                )

    def build(self, input_shape: Any) -> None:
        shape = (*self.kernel_size, self.filters, self._channels(input_shape))
        self.kernel = self._add_kernel("kernel", shape, "kernel")
        self.bias = self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        outputs = conv_transpose_with_bias(
            inputs,
            self.kernel,
            self.bias,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
        return self.activation(outputs)


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution over time.

    Input shape:  `(batch, steps, channels)`, or `(batch, channels, steps)`
    Output shape: `(batch, new_steps, filters)`, or `(batch, filters, new_steps)`
    """

    rank = 1
    aliases = ("Convolution1DTranspose",)
    cases = (
        case((5, 3), filters=4, kernel_size=3, strides=2, padding="same", ops=_LONE, dtypes=("float64",)),
        case(Array((None, 2), sizes=(4,)), filters=3, kernel_size=2, strides=3, ops=_LONE),
        case((6, 2), filters=3, kernel_size=3, strides=2, padding="same", output_padding=1, ops=_LONE),
        case((6, 2), filters=3, kernel_size=4, strides=3, output_padding=2, activation="relu", ops=_RELU),
    )


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution over images.

    Input shape:  `(batch, height, width, channels)`, or `(batch, channels, height, width)`
    Output shape: `(batch, new_height, new_width, filters)`, or `(batch, filters, new_height, new_width)`
    """

    rank = 2
    aliases = ("Convolution2DTranspose",)
    cases = (
        case((4, 5, 3), filters=2, kernel_size=3, strides=2, padding="same", ops=_LONE, dtypes=_DTYPES),
        case(
            Array((None, None, 2), sizes=(3, 4)),
            filters=3,
            kernel_size=(2, 3),
            strides=(3, 1),
            use_bias=False,
            ops=_LONE,
        ),
        case(
            (2, 4, 3), filters=3, kernel_size=4, strides=2, data_format="channels_first", ops="ConvTranspose"
        ),
    )


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution over volumes.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`, of three spatial axes
    Output shape: `(batch, *new_spatial, filters)`, or `(batch, filters, *new_spatial)`
    """

    rank = 3
    aliases = ("Convolution3DTranspose",)
    cases = (
        case((2, 3, 4, 2), filters=3, kernel_size=2, strides=(1, 2, 3), padding="same", ops=_LONE),
        case(Array((3, None, 2, 2), sizes=(4,)), filters=2, kernel_size=(1, 2, 3), ops=_LONE),
    )

    # Here, and only here, Keras takes data_format before output_padding.
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
