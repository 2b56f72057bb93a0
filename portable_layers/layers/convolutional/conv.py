"""Conv1D, Conv2D and Conv3D: convolution."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.convolutional.windowed import _WindowedLayer
from portable_layers.layers.lora import _LoraLayer
from portable_layers.ops.convolution import conv_with_bias

_LONE = "Transpose Conv Transpose"
_STEPS = Array((None, 3), sizes=(7,))
_DTYPES = ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")


class _Conv(_LoraLayer, _WindowedLayer):
    """`activation(conv(x, kernel) + bias)`.

    Weights: kernel `(*kernel_size, channels / groups, filters)`, bias `(filters,)`.

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
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self._check_positive(filters=filters, groups=groups)
        self._check_strides_or_dilation()
        if filters is not None and filters % groups:
            raise ValueError(
                f"filters must be a multiple of groups. Received: filters={filters}, groups={groups}"
            )
        self._set_lora(lora_rank, lora_alpha)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"the input's channels must be a multiple of groups. "
                f"Received: input_shape={tuple(input_shape)}, groups={self.groups}"
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self._kernel = self._add_kernel("kernel", shape, "kernel")
        self.bias = self._add_bias(self.filters)
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, lora_alpha=self.lora_alpha)

    def call(self, inputs: Any) -> Any:
        outputs = conv_with_bias(
            inputs,
            self._applied_kernel(),
            self.bias,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self.activation(outputs)


class Conv1D(_Conv):
    """Convolution over time; `padding="causal"` lets no step see a later one.

    Input shape:  `(batch, steps, channels)`, or `(batch, channels, steps)`
    Output shape: `(batch, new_steps, filters)`, or `(batch, filters, new_steps)`
    """

    rank = 1
    paddings = ("valid", "same", "causal")
    aliases = ("Convolution1D",)
    cases = (
        case((8, 3), filters=4, kernel_size=3, ops="Transpose Conv Transpose", dtypes=_DTYPES),
        case(
            Array((None, 4), sizes=(6,)),
            filters=4,
            kernel_size=3,
            padding="causal",
            dilation_rate=2,
            groups=2,
            ops=_LONE,
        ),
        case(_STEPS, filters=4, kernel_size=4, strides=3, padding="same", use_bias=False, ops=_LONE),
        case((3, 8), filters=2, kernel_size=(2,), data_format="channels_first", ops="Conv"),
        # As wide as it has filters: Keras adds the bias along the width.
        case((3, 7), filters=6, kernel_size=2, data_format="channels_first", ops="Conv Add"),
        case(
            _STEPS,
            filters=3,
            kernel_size=2,
            strides=4,
            padding="same",
            ops="Transpose Shape Add Div Mul Add Mul Add Max Div Sub Concat Pad Conv Transpose",
        ),
    )


class Conv2D(_Conv):
    """Convolution over images.

    Input shape:  `(batch, height, width, channels)`, or `(batch, channels, height, width)`
    Output shape: `(batch, new_height, new_width, filters)`, or `(batch, filters, new_height, new_width)`
    """

    rank = 2
    aliases = ("Convolution2D",)
    cases = (
        case((7, 6, 3), filters=4, kernel_size=3, padding="same", strides=2, ops=_LONE, dtypes=_DTYPES),
        case((6, 5, 4), filters=6, kernel_size=(3, 2), groups=2, dilation_rate=(2, 1), ops=_LONE),
        case(
            Array((None, None, 3), sizes=(6, 7)),
            filters=4,
            kernel_size=3,
            strides=2,
            padding="same",
            ops=_LONE,
        ),
        case(
            (3, 6, 5),
            filters=4,
            kernel_size=3,
            data_format="channels_first",
            activation="relu",
            ops="Conv Relu",
        ),
        case((5, 5, 2), filters=2, kernel_size=1, kernel_regularizer="l2", use_bias=False, ops=_LONE),
    )


class Conv3D(_Conv):
    """Convolution over volumes.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`, of three spatial axes
    Output shape: `(batch, *new_spatial, filters)`, or `(batch, filters, *new_spatial)`
    """

    rank = 3
    aliases = ("Convolution3D",)
    cases = (
        case((4, 5, 6, 2), filters=3, kernel_size=2, strides=(1, 2, 3), padding="same", ops=_LONE),
        case(
            Array((None, 5, 4, 2), sizes=(3,)),
            filters=2,
            kernel_size=(1, 3, 2),
            dilation_rate=(1, 2, 1),
            padding="same",
            ops=_LONE,
        ),
        case((2, 4, 4, 5), filters=2, kernel_size=3, data_format="channels_first", ops="Conv"),
    )
