"""What the cells of SimpleRNN, GRU and LSTM share: their weights, and the products with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from portable_layers import ops
from portable_layers.layers.recurrent.dropout_rnn_cell import _DropoutCell
from portable_layers.layers.recurrent.fused import FusedCell
from portable_layers.tensor import Tensor


class _RecurrentCell(_DropoutCell):
    """A cell with a kernel `(features, gates * units)`, a recurrent kernel `(units, gates * units)` and
    a bias; its first state is its output.

    `prepare` does what needs no state, for one step or for all of them at once; what it gives with it
    does the rest of a step.
    """

    gate_count = 1
    state_names: tuple[str, ...] = ("h",)

    def _set_units(
        self, units: int, dropout: float, recurrent_dropout: float, seed: int | None, implementation: int = 0
    ) -> None:
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"units must be a positive integer. Received: units={units!r}")
        self._set_dropout(dropout, recurrent_dropout, seed)
        self.output_size = units
        if implementation:
            # Keras draws a mask for each gate with recurrent dropout, else one for all.
            self.implementation = 1 if self.recurrent_dropout else implementation
            self.dropout_mask_count = self.gate_count if self.implementation == 1 else None

    def build(self, input_shape: Any) -> None:
        columns = self.gate_count * self.units
        for name, rows, kind in (
            ("kernel", input_shape[-1], "kernel"),
            ("recurrent_kernel", self.units, "recurrent"),
        ):
            weight = self.add_weight(
                name=name,
                shape=(rows, columns),
                initializer=getattr(self, f"{kind}_initializer"),
                regularizer=getattr(self, f"{kind}_regularizer"),
                constraint=getattr(self, f"{kind}_constraint"),
            )
            setattr(self, name, weight)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=self._bias_shape(),
                initializer=self._bias_start(),
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gate_count * self.units,)

    def _bias_start(self) -> Any:
        return self.bias_initializer

    def _mask_shapes(self, batch: Any) -> tuple[tuple, tuple]:
        return (batch, self.kernel.shape[0]), (batch, self.units)

    def get_initial_state(self, batch_size: Any = None) -> list[Tensor]:
        """Zeros `(batch, units)` for each state."""
        return [ops.zeros((batch_size, self.units), self.compute_dtype) for _ in self.state_names]

    def prepare(self, inputs: Tensor, training: Any = False) -> tuple[Tensor, Callable[..., Any]]:
        """Do what needs no state.

        Args:
            inputs: `(batch, features)`, or `(batch, time, features)`.

        Returns:
            `(..., gates * units)`, and a function of one step of it and the states that gives the
            output and the next states.
        """
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: Any = False) -> Any:
        listed = isinstance(states, list | tuple)
        x, step = self.prepare(inputs, training)
        output, new = step(x, list(states) if listed else [states])
        return output, new if listed else new[0]

    def fused(self, training: Any = False) -> FusedCell | None:
        """What a fused operator has to do in place of the cell; None where none can."""
        masks = self._masks if self.drops_in(training) else None
        if masks is not None and (masks.keys() != {"input"} or len(masks["input"]) > 1):
            return None
        return self._as_fused()

    def _as_fused(self) -> FusedCell:
        raise NotImplementedError

    def drop_inputs(self, sequences: Tensor, training: Any) -> Tensor:
        """`(batch, time, features)` with dropout of the one mask that a fused cell has."""
        masks = self._dropout_masks("input", training, sequences)
        return sequences if masks is None else ops.multiply(sequences, ops.expand_dims(masks[0], 1))

    def _project(self, inputs: Tensor, bias: Any, training: Any) -> Tensor:
        """Inputs times kernel, plus a bias."""
        masks = self._dropout_masks("input", training, inputs)
        if masks is not None and inputs.ndim == 3:
            masks = [ops.expand_dims(m, 1) for m in masks]
        x = times(inputs, self.kernel, masks, self.gate_count)
        return x if bias is None else ops.add(x, bias)


def times(x: Tensor, kernel: Any, masks: list[Tensor] | None, gates: int) -> Tensor:
    """`x @ kernel` with dropout of x, by one mask or by one a gate."""
    if masks is None:
        return ops.matmul(x, kernel)
    if len(masks) == 1:
        return ops.matmul(ops.multiply(x, masks[0]), kernel)
    parts = ops.split(kernel, gates, axis=-1)
    return ops.concatenate(
        [ops.matmul(ops.multiply(x, m), k) for m, k in zip(masks, parts, strict=True)], axis=-1
    )


def open_forget_gate(initializer: Any, units: int) -> Callable[..., Any]:
    """An initializer of the bias of gates i, f, c, o with ones for the forget gate."""

    def start(shape: Any, dtype: Any = None) -> np.ndarray:
        parts = [np.asarray(initializer((n,), dtype=dtype)) for n in (units, 2 * units)]
        return np.concatenate([parts[0], np.ones_like(parts[0]), parts[1]])

    return start
