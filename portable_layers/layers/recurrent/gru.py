"""GRU: gated recurrent units"""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec
from portable_layers.layers.recurrent.cell_layer import _FusedLayer, check_use_cudnn, make_cell
from portable_layers.layers.recurrent.gru_cell import GRUCell

_STEPS = Array((None, 3), sizes=(4,))
_DTYPES = ("float64", "float16", "mixed_float16", "mixed_bfloat16")


class GRU(_FusedLayer):
    """`GRUCell` run over time.

    One ONNX node GRU, also with masks; a Scan for activations that it lacks and in float64. The
    arguments are those of the cell and of `RNN`.

    Input shape:  `(batch, time, features)`
    Output shape: `(batch, units)`, with `return_sequences` `(batch, time, units)`; with `return_state`
        a tuple of it and the final h
    """

    cell_class = GRUCell
    cases = (
        case(_STEPS, units=2, ops="Transpose GRU Squeeze", dtypes=_DTYPES),
        case(
            (4, 3),
            units=2,
            return_sequences=True,
            go_backwards=True,
            use_bias=False,
            ops="Transpose GRU Squeeze Slice Transpose",
        ),
        case(
            _STEPS,
            units=2,
            activation="selu",
            return_state=True,
            ops="Shape Concat Expand MatMul Add Scan Identity",
        ),
        case(
            (5, 2),
            units=3,
            reset_after=False,
            recurrent_activation="hard_sigmoid",
            ops="Transpose GRU Squeeze",
        ),
        case(
            (5, 2),
            units=3,
            reset_after=False,
            activation="mish",
            ops="Shape Concat Expand MatMul Add Scan",
        ),
    )

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        arguments = locals()
        check_use_cudnn(use_cudnn)
        cell, options = make_cell(GRUCell, "gru_cell", arguments)
        super().__init__(cell, **options)
        self.input_spec = InputSpec(ndim=3)
