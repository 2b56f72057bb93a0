"""ConvLSTMCell: one step of ConvLSTM1D, 2D and 3D."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portable_layers import ops
from portable_layers.dims import product
from portable_layers.layers.recurrent.dropout_rnn_cell import _DropoutCell
from portable_layers.layers.recurrent.lstm_cell import lstm_step
from portable_layers.layers.recurrent.recurrent_cell import open_forget_gate
from portable_layers.ops.convolution import conv_with_bias
from portable_layers.ops.dispatch import graph
from portable_layers.ops.layout import standardize_data_format
from portable_layers.ops.windows import spread, window
from portable_layers.tensor import Tensor


class _ConvLSTMCell(_DropoutCell):
    """`LSTMCell` with convolutions in place of products, over `rank` spatial axes.

    Weights: kernel `(*kernel_size, channels, 4 * filters)`, recurrent_kernel
    `(*kernel_size, filters, 4 * filters)`, bias `(4 * filters,)`, for the gates i, f, c, o. The states are
    convolved with stride 1 and padding `same`.
    """

    state_names = ("h", "c")
    dropout_mask_count = 4

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(filters, int) or filters <= 0:
            raise ValueError(f"filters must be a positive integer. Received: filters={filters!r}")
        self._set_dropout(dropout, recurrent_dropout, seed)
        self.kernel_size = spread(kernel_size, rank, "kernel_size")
        self.strides = spread(strides, rank, "strides")
        self.dilation_rate = spread(dilation_rate, rank, "dilation_rate")
        self.padding = padding.lower() if isinstance(padding, str) else padding
        if self.padding not in ("valid", "same"):
            raise ValueError(f"padding must be 'valid' or 'same'. Received: padding={padding!r}")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "strides over 1 and dilation_rate over 1 exclude each other. "
                f"Received: strides={self.strides}, dilation_rate={self.dilation_rate}"
            )
        self.data_format = standardize_data_format(data_format)
        # The sizes are those of images, and known once the cell is built.
        self.state_size = [-1, -1]
        self.output_size = -1

    def build(self, inputs_shape: Any, states_shape: Any = None) -> None:
        last = self.data_format == "channels_last"
        channels = inputs_shape[-1] if last else inputs_shape[1]
        self.spatial_dims = tuple(inputs_shape[1:-1] if last else inputs_shape[2:])
        if channels is None or None in self.spatial_dims:
            raise ValueError(
                f"ConvLSTM{self.rank}D needs inputs with known spatial sizes and channels. "
                f"Received: shape={tuple(inputs_shape)} of one step"
            )
        self.input_dim = channels
        for name, depth, kind in (
            ("kernel", channels, "kernel"),
            ("recurrent_kernel", self.filters, "recurrent"),
        ):
            weight = self.add_weight(
                name=name,
                shape=(*self.kernel_size, depth, 4 * self.filters),
                initializer=getattr(self, f"{kind}_initializer"),
                regularizer=getattr(self, f"{kind}_regularizer"),
                constraint=getattr(self, f"{kind}_constraint"),
            )
            setattr(self, name, weight)
        self.bias = None
        if self.use_bias:
            start = self.bias_initializer
            self.bias = self.add_weight(
                name="bias",
                shape=(4 * self.filters,),
                initializer=open_forget_gate(start, self.filters) if self.unit_forget_bias else start,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def state_shape(self, batch: Any, data_format: str | None = None) -> tuple[Any, ...]:
        """The shape of a state, and of the output of a step."""
        where = window(self.spatial_dims, self.kernel_size, self.strides, self.dilation_rate, self.padding)
        if (data_format or self.data_format) == "channels_last":
            return (batch, *where.output, self.filters)
        return (batch, self.filters, *where.output)

    def get_initial_state(self, batch_size: Any = None) -> list[Tensor]:
        """Zeros for h and c."""
        return [ops.zeros(self.state_shape(batch_size), self.compute_dtype) for _ in range(2)]

    def _mask_shapes(self, batch: Any) -> tuple[tuple, tuple]:
        inputs = (
            (*self.spatial_dims, self.input_dim)
            if self.data_format == "channels_last"
            else (self.input_dim, *self.spatial_dims)
        )
        return (batch, *inputs), self.state_shape(batch)

    def prepare(
        self, inputs: Tensor, training: Any = False, data_format: str | None = None
    ) -> tuple[Tensor, Callable[..., Any]]:
        """Do what needs no state.

        Where inputs and states have windows at the same places, one convolution of both side by side is
        left for a step: it moves less memory than adding up two. Else the inputs are convolved here.

        Args:
            inputs: `(batch, *step)` or `(batch, time, *step)`.
            data_format: of the inputs and states; the cell's by default.

        Returns:
            What becomes of the inputs, and a function of one step of that and the states.
        """
        data_format = data_format or self.data_format
        axis = -1 if data_format == "channels_last" else 1
        joined = self.padding == "same" and {*self.strides, *self.dilation_rate} == {1}
        joined = joined and not self.drops_in(training)
        kernel: Any = None
        if joined:
            parts = [graph().variable(k) for k in (self.kernel, self.recurrent_kernel)]
            kernel = ops.concatenate(parts, axis=-2)
        else:
            inputs = self._convolve_inputs(inputs, training, data_format, axis)

        def step(x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            h, c = states
            if joined:
                both = ops.concatenate([ops.cast(x, h.dtype), h], axis=axis)
                gates = conv_with_bias(
                    both, kernel, self.bias, 1, "same", data_format, 1, keras_format="channels_last"
                )
            else:
                gates = ops.add(x, self._recur(h, training, data_format, axis))
            h, c = lstm_step(ops.split(gates, 4, axis=axis), c, self.activation, self.recurrent_activation)
            return h, [h, c]

        return inputs, step

    def _convolve_inputs(self, inputs: Tensor, training: Any, data_format: str, axis: int) -> Tensor:
        """All gates of the inputs, along the channels; time is folded into the batch for it."""
        lead = inputs.shape[: inputs.ndim - self.rank - 1]
        masks = self._dropout_masks("input", training, inputs)
        if masks is not None and len(lead) > 1:
            masks = [ops.expand_dims(m, 1) for m in masks]

        def convolved(x: Tensor, kernel: Any, bias: Any) -> Tensor:
            if len(lead) > 1:
                x = ops.reshape(x, (product(lead), *x.shape[len(lead) :]))
            return conv_with_bias(
                x,
                kernel,
                bias,
                self.strides,
                self.padding,
                data_format,
                self.dilation_rate,
                keras_format="channels_last",
            )

        if masks is None:
            gates = convolved(inputs, self.kernel, self.bias)
        else:
            kernels = ops.split(self.kernel, 4, axis=-1)
            biases = [None] * 4 if self.bias is None else ops.split(self.bias, 4, axis=0)
            parts = zip(masks, kernels, biases, strict=True)
            gates = ops.concatenate([convolved(ops.multiply(inputs, m), k, b) for m, k, b in parts], axis)
        return ops.reshape(gates, (*lead, *gates.shape[1:])) if len(lead) > 1 else gates

    def _recur(self, h: Tensor, training: Any, data_format: str, axis: int) -> Tensor:
        masks = self._dropout_masks("recurrent", training, h)
        if masks is None:
            return conv_with_bias(h, self.recurrent_kernel, None, 1, "same", data_format, 1)
        parts = ops.split(self.recurrent_kernel, 4, axis=-1)
        products = [
            conv_with_bias(ops.multiply(h, m), k, None, 1, "same", data_format, 1)
            for m, k in zip(masks, parts, strict=True)
        ]
        return ops.concatenate(products, axis=axis)

    def call(self, inputs: Any, states: Any, training: Any = False) -> Any:
        x, step = self.prepare(inputs, training)
        return step(x, list(states))
