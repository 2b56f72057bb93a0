"""ConvLSTM1D, ConvLSTM2D and ConvLSTM3D: LSTM with convolutions in place of products."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.dims import Shape
from portable_layers.layer import InputSpec
from portable_layers.layers.recurrent.cell_layer import _CellLayer, make_cell
from portable_layers.layers.recurrent.conv_lstm_cell import _ConvLSTMCell
from portable_layers.layers.recurrent.steps import run_steps
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.ops.layout import channels_back, channels_first
from portable_layers.tensor import Tensor


class _ConvLSTM(_CellLayer):
    """LSTM over images of `rank` axes; subclasses set `rank`.

    The inputs of all steps are convolved at once; what is left for a step is one convolution of the
    state. All of it is channels-first inside, so that no step transposes.
    """

    rank: int
    cell_class = _ConvLSTMCell
    cell: _ConvLSTMCell
    unsaved = ("rank",)

    def __init__(
        self,
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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ):
        arguments = {**locals(), "rank": self.rank}
        cell, options = make_cell(_ConvLSTMCell, "conv_lstm_cell", arguments)
        super().__init__(cell, **options)
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def run(
        self, sequences: Tensor, states: list[Any] | None, mask: Tensor | None, zero: bool, training: Any
    ) -> tuple[Tensor, Tensor | None, list[Any]]:
        last = self.data_format == "channels_last" and not self.cell.drops_in(training)
        if not last:
            return super().run(sequences, states, mask, zero, training)
        shape = self.cell.state_shape(sequences.shape[0], "channels_first")
        dtype = self.cell.compute_dtype
        if states is None:
            states = [ops.zeros(shape, dtype) for _ in self.cell.state_names]
        else:
            states = [channels_first(cast_to(s, dtype)) for s in states]
        sequence = ops.moveaxis(sequences, -1, 2)
        with graph().scope(self.cell.name):
            sequence, step = self.cell.prepare(sequence, training, "channels_first")
        end, outputs, states = run_steps(
            step,
            sequence,
            states,
            shape,
            mask,
            self.go_backwards,
            zero,
            self.return_sequences,
            gives_state=True,
        )
        if outputs is not None:
            outputs = ops.moveaxis(outputs, 2, -1)
        return channels_back(end), outputs, [channels_back(s) for s in states]

    def _output_shape(self, sequences: Tensor) -> Shape:
        return self.cell.state_shape(sequences.shape[0])


class ConvLSTM1D(_ConvLSTM):
    """Over sequences of rows.

    Input shape:  `(batch, time, size, channels)`, or `(batch, time, channels, size)`
    Output shape: `(batch, new_size, filters)`, with time behind the batch for
        `return_sequences`; with `return_state` a tuple of it and the final h and c
    """

    rank = 1
    cases = (
        case(
            Array((None, 6, 3), sizes=(3,)),
            filters=2,
            kernel_size=3,
            ops="Shape Concat Expand Transpose Reshape Conv Shape Concat Reshape Scan Transpose",
            dtypes=("float64", "mixed_float16"),
        ),
        case(
            (3, 5, 2),
            filters=2,
            kernel_size=2,
            padding="same",
            return_sequences=True,
            go_backwards=True,
            ops="Shape Concat Expand Transpose Scan Slice Transpose",
        ),
        case(
            (3, 2, 7),
            filters=2,
            kernel_size=2,
            strides=2,
            data_format="channels_first",
            ops="Shape Concat Expand Reshape Conv Reshape Scan",
        ),
    )


class ConvLSTM2D(_ConvLSTM):
    """Over sequences of images.

    Input shape:  `(batch, time, height, width, channels)`, or `(batch, time, channels, height, width)`
    Output shape: `(batch, new_height, new_width, filters)`, with time behind the batch for
        `return_sequences`; with `return_state` a tuple of it and the final h and c
    """

    rank = 2
    cases = (
        case(
            (3, 6, 5, 2),
            filters=2,
            kernel_size=(3, 2),
            padding="same",
            return_state=True,
            ops="Shape Concat Expand Transpose Scan Transpose Transpose Identity",
        ),
        case(
            (3, 6, 5, 2),
            filters=2,
            kernel_size=2,
            dilation_rate=2,
            use_bias=False,
            return_sequences=True,
            ops="Shape Concat Expand Transpose Reshape Conv Reshape Scan Transpose",
        ),
    )


class ConvLSTM3D(_ConvLSTM):
    """Over sequences of volumes.

    Input shape:  `(batch, time, *spatial, channels)`, or `(batch, time, channels, *spatial)`
    Output shape: `(batch, *new_spatial, filters)`, with time behind the batch for
        `return_sequences`; with `return_state` a tuple of it and the final h and c
    """

    rank = 3
    cases = (
        case(
            (2, 4, 3, 4, 2),
            filters=2,
            kernel_size=2,
            recurrent_activation="hard_sigmoid",
            ops="Shape Concat Expand Transpose Reshape Conv Reshape Scan Transpose",
        ),
        case(
            (2, 2, 4, 3, 4),
            filters=2,
            kernel_size=2,
            strides=2,
            data_format="channels_first",
            ops="Shape Concat Expand Reshape Conv Reshape Scan",
        ),
    )
