"""LSTMCell: one step of LSTM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portable_layers import ops
from portable_layers.layers.recurrent.fused import FusedCell
from portable_layers.layers.recurrent.recurrent_cell import _RecurrentCell, open_forget_gate, times
from portable_layers.tensor import Tensor


class LSTMCell(_RecurrentCell):
    """Long short-term memory: gates i, f, c, o of `x @ kernel + h @ recurrent_kernel + bias`.

    `c = f * c + i * activation(gate c)`, `h = o * activation(c)`, with `recurrent_activation` of the
    gates i, f and o. The output is h, the states are h and c.

    Weights: kernel `(features, 4 * units)`, recurrent_kernel `(units, 4 * units)`, bias `(4 * units,)`.

    Call arguments:
        inputs: `(batch, features)`.
        states: a list of h and c, `(batch, units)` each.
    """

    gate_count = 4
    state_names = ("h", "c")

    def __init__(
        self,
        units: int,
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
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self._set_units(units, dropout, recurrent_dropout, seed, implementation)
        self.state_size = [units, units]

    def _bias_start(self) -> Any:
        if not self.unit_forget_bias:
            return self.bias_initializer
        return open_forget_gate(self.bias_initializer, self.units)

    def prepare(self, inputs: Tensor, training: Any = False) -> tuple[Tensor, Callable[..., Any]]:
        recurrent = ops.convert_to_tensor(self.recurrent_kernel)

        def step(x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            h, c = states
            masks = self._dropout_masks("recurrent", training, h)
            gates = ops.split(ops.add(x, times(h, recurrent, masks, 4)), 4, axis=-1)
            h, c = lstm_step(gates, c, self.activation, self.recurrent_activation)
            return h, [h, c]

        return self._project(inputs, self.bias, training), step

    def _as_fused(self) -> FusedCell:
        return FusedCell(
            "LSTM",
            (0, 3, 1, 2),  # ONNX has them as i, o, f, c
            (self.recurrent_activation, self.activation, self.activation),
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            self.units,
        )


def lstm_step(
    gates: list[Tensor], c: Tensor, activation: Callable[..., Any], recurrent_activation: Callable[..., Any]
) -> tuple[Tensor, Tensor]:
    """The next h and c of gates i, f, c, o before their activations."""
    i, f, o = (recurrent_activation(gates[n]) for n in (0, 1, 3))
    c = ops.add(ops.multiply(f, c), ops.multiply(i, activation(gates[2])))
    return ops.multiply(o, activation(c)), c
