"""SimpleRNN: fully connected recurrence"""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec
from portable_layers.layers.recurrent.cell_layer import _FusedLayer, make_cell
from portable_layers.layers.recurrent.simple_rnn_cell import SimpleRNNCell

_STEPS = Array((None, 3), sizes=(4,))
_DTYPES = ("float64", "float16", "mixed_float16", "mixed_bfloat16")


class SimpleRNN(_FusedLayer):
    """`SimpleRNNCell` run over time.

    One ONNX node RNN, also with masks; a Scan for activations that it lacks and in float64. The
    arguments are those of the cell and of `RNN`.

    Input shape:  `(batch, time, features)`
    Output shape: `(batch, units)`, with `return_sequences` `(batch, time, units)`; with `return_state`
        a tuple of it and the final h
    """

    cell_class = SimpleRNNCell
    unsaved = ("seed",)
    cases = (
        case(_STEPS, units=2, ops="Transpose RNN Squeeze", dtypes=_DTYPES),
        case(
            (4, 3),
            units=2,
            return_sequences=True,
            go_backwards=True,
            use_bias=False,
            ops="Transpose RNN Squeeze Slice Transpose",
        ),
        case(
            _STEPS,
            units=2,
            activation="gelu",
            return_state=True,
            ops="Shape Concat Expand MatMul Add Scan Identity",
        ),
    )

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        arguments = locals()
        cell, options = make_cell(SimpleRNNCell, "simple_rnn_cell", arguments)
        # Keras takes an activity regularizer here and does nothing with it.
        options.pop("activity_regularizer")
        super().__init__(cell, **options)
        self.input_spec = [InputSpec(ndim=3)]
