"""GRUCell: one step of GRU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portable_layers import ops
from portable_layers.layers.recurrent.fused import FusedCell
from portable_layers.layers.recurrent.recurrent_cell import _RecurrentCell, times
from portable_layers.tensor import Tensor


class GRUCell(_RecurrentCell):
    """Gated recurrent unit: `h = z * h + (1 - z) * activation(candidate)` with gates z and r.

    The gate r is applied to `h @ recurrent_kernel` with `reset_after`, else to h. h is output and state.

    Weights: kernel `(features, 3 * units)`, recurrent_kernel `(units, 3 * units)`, both for z, r and the
    candidate; bias `(3 * units,)`, with `reset_after` `(2, 3 * units)`, a row for each kernel.

    Call arguments:
        inputs: `(batch, features)`.
        states: a list of h, `(batch, units)`.
    """

    gate_count = 3

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ):
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self._set_units(units, dropout, recurrent_dropout, seed, implementation)
        self.state_size = units

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def prepare(self, inputs: Tensor, training: Any = False) -> tuple[Tensor, Callable[..., Any]]:
        kernel, units = ops.convert_to_tensor(self.recurrent_kernel), self.units
        gates, candidate = kernel[:, : 2 * units], kernel[:, 2 * units :]
        bias = recurrent_bias = self.bias
        if bias is not None and self.reset_after:
            bias, recurrent_bias = (ops.squeeze(b, 0) for b in ops.split(bias, 2, axis=0))

        def step(x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            (h,) = states
            masks = self._dropout_masks("recurrent", training, h)
            x_z, x_r, x_h = ops.split(x, 3, axis=-1)
            if self.reset_after:
                inner = times(h, kernel, masks, 3)
                if recurrent_bias is not None:
                    inner = ops.add(inner, recurrent_bias)
                inner_z, inner_r, inner_h = ops.split(inner, 3, axis=-1)
            else:
                inner = times(h, gates, masks if masks is None or len(masks) == 1 else masks[:2], 2)
                inner_z, inner_r = ops.split(inner, 2, axis=-1)
            z = self.recurrent_activation(ops.add(x_z, inner_z))
            r = self.recurrent_activation(ops.add(x_r, inner_r))
            if self.reset_after:
                inner_h = ops.multiply(r, inner_h)
            else:
                inner_h = times(ops.multiply(r, h), candidate, None if masks is None else masks[-1:], 1)
            new = self.activation(ops.add(x_h, inner_h))
            h = ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1, z), new))
            return h, [h]

        return self._project(inputs, bias, training), step

    def _as_fused(self) -> FusedCell:
        return FusedCell(
            "GRU",
            (0, 1, 2),
            (self.recurrent_activation, self.activation),
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            self.units,
            (("linear_before_reset", 1),) if self.reset_after else (),
        )
