"""SimpleRNNCell: one step of SimpleRNN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portable_layers import ops
from portable_layers.layers.recurrent.fused import FusedCell
from portable_layers.layers.recurrent.recurrent_cell import _RecurrentCell, times
from portable_layers.tensor import Tensor


class SimpleRNNCell(_RecurrentCell):
    """`h = activation(x @ kernel + h @ recurrent_kernel + bias)`; h is output and state.

    Weights: kernel `(features, units)`, recurrent_kernel `(units, units)`, bias `(units,)`.

    Call arguments:
        inputs: `(batch, features)`.
        states: a list of h, `(batch, units)`.
    """

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._set_units(units, dropout, recurrent_dropout, seed)
        self.state_size = units

    def prepare(self, inputs: Tensor, training: Any = False) -> tuple[Tensor, Callable[..., Any]]:
        recurrent = ops.convert_to_tensor(self.recurrent_kernel)

        def step(x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            masks = self._dropout_masks("recurrent", training, states[0])
            h = self.activation(ops.add(x, times(states[0], recurrent, masks, 1)))
            return h, [h]

        return self._project(inputs, self.bias, training), step

    def _as_fused(self) -> FusedCell:
        return FusedCell(
            "RNN", (0,), (self.activation,), self.kernel, self.recurrent_kernel, self.bias, self.units
        )
