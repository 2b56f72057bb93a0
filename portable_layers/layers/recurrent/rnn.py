"""RNN: a cell that is run over the steps of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import numpy as np

from portable_layers import dtypes, ops, tree
from portable_layers.cases import Array, Case, case
from portable_layers.dims import Shape
from portable_layers.errors import InputError
from portable_layers.layer import Layer
from portable_layers.layers.recurrent.dropout_rnn_cell import _DropoutCell
from portable_layers.layers.recurrent.lstm_cell import LSTMCell
from portable_layers.layers.recurrent.simple_rnn_cell import SimpleRNNCell
from portable_layers.layers.recurrent.stacked_rnn_cells import StackedRNNCells, output_size_of
from portable_layers.layers.recurrent.steps import run_steps
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.tensor import Tensor

_STEPS = Array((None, 3), sizes=(4,))


class RNN(Layer):
    """A cell run over time, by ONNX Scan.

    A cell is a layer with `call(inputs, states)`, which gives the output of a step and the list of next
    states, and with `state_size`: a size, or a list with one for each state. It may have `output_size`
    (the first state's size by default) and `get_initial_state(batch_size)` (zeros by default).

    Where the input has a mask `(batch, time)`, a masked step keeps the states and repeats the output of
    the step before it; before the first valid step the output is zero.

    Args:
        cell: the cell, or a list of cells of which each gets the output of the one before.
        return_sequences: give the outputs of all steps, not of the last one.
        return_state: give the final states behind the output.
        go_backwards: run from the last step to the first, and give the outputs in that order.
        stateful: begin with the states that the call before ended with. In an exported model they are
            inputs and outputs.
        unroll: of no meaning here; the time must be known, as in Keras.
        zero_output_for_mask: masked steps give zeros.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: a tensor `(batch, size)` for each state; zeros by default.
        mask: `(batch, time)`, False for the steps to skip; the input's own by default.

    Output shape: `(batch, output_size)`, with `return_sequences` `(batch, time, output_size)`; with
        `return_state` a tuple of it and the states.
    """

    cases: tuple[Case, ...] = (
        case(
            _STEPS,
            cell=SimpleRNNCell(2),
            ops="Shape Concat Expand MatMul Add Scan",
            dtypes=("float64",),
        ),
        case(
            (3, 2),
            cell=StackedRNNCells([LSTMCell(3), LSTMCell(2)], name="cells"),
            return_sequences=True,
            return_state=True,
            ops="Shape Concat Expand Concat Expand Scan",
        ),
    )

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        if isinstance(cell, list | tuple):
            cell = StackedRNNCells(cell)
        if not isinstance(cell, Layer) or getattr(cell, "state_size", None) is None:
            raise ValueError(
                f"cell must be a layer with a state_size (a size or a list of sizes), or a list of such "
                f"layers. Received: cell={cell!r}"
            )
        super().__init__(**kwargs)
        self.cell = cell
        self.supports_masking = True
        size = cell.state_size
        if not isinstance(size, list | tuple | int):
            raise ValueError(f"a cell's state_size must be an integer or a list. Received: {size!r}")
        self.state_size = [size] if isinstance(size, int) else list(size)
        self.single_state = isinstance(size, int)
        # What a stateful layer ended its last call on arrays with, by the states' names.
        self._kept: dict[str, np.ndarray] = {}

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        if not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = False) -> Any:
        if self.unroll and not isinstance(sequences.shape[1], int):
            raise ValueError(
                f"layer {self.name} has unroll=True and needs a known number of steps. "
                f"Received: {sequences!r}"
            )
        mask = mask_of_steps(mask)
        late = mask is not None and self.zeroes_late
        zero = self.zero_output_for_mask and not late
        with self.running(sequences, initial_state, training) as start:
            last, outputs, states = self.run(sequences, start, mask, zero, training)
        if outputs is not None and self.go_backwards:
            outputs = ops.flip(outputs, axis=1)
        if outputs is not None and mask is not None and late:
            outputs = ops.where(ops.expand_dims(mask, list(range(2, outputs.ndim))), outputs, 0)
        ended = self.finish(states)
        output = cast_to(outputs if self.return_sequences else last, self.compute_dtype)
        return (output, *ended) if self.return_state else output

    @property
    def zeroes_late(self) -> bool:
        """Whether masked steps are made zero after the outputs were reversed, by the mask that was not.

        Keras on TensorFlow does so where it unrolls, and weights were trained with it.
        """
        return self.unroll and self.go_backwards and self.zero_output_for_mask and self.return_sequences

    @contextmanager
    def running(self, sequences: Tensor, initial_state: Any, training: Any) -> Iterator[list[Any] | None]:
        """Inside, dropout has the same masks for all steps; gives the initial states, None for zeros."""
        with ExitStack() as stack:
            for cell in _cells_of(self.cell):
                if isinstance(cell, _DropoutCell) and cell.drops_in(training):
                    stack.enter_context(cell.same_masks(sequences.shape[0]))
            yield self._start(sequences, initial_state)

    def finish(self, states: list[Any]) -> list[Any]:
        """The final states in the layer's dtype; a stateful layer keeps them."""
        states = tree.map_structure(lambda t: cast_to(t, self.compute_dtype), list(states))
        if self.stateful:
            for name, state in zip(self._state_names(states), tree.flatten(states), strict=True):
                graph().keep(self, name, cast_to(state, self.variable_dtype))
        return states

    def run(
        self, sequences: Tensor, states: list[Any] | None, mask: Tensor | None, zero: bool, training: Any
    ) -> tuple[Tensor, Tensor | None, list[Any]]:
        """Run the cell.

        Args:
            sequences: `(batch, time, ...)`.
            states: the initial states; None for zeros.
            mask: bool `(batch, time)`, or None.
            zero: whether masked steps give zeros.

        Returns:
            The output of the step that was run last; the outputs `(batch, time, ...)` in the order of
            the sequence, or None where they are not wanted; the final states.
        """
        if states is None:
            states = self.get_initial_state(sequences.shape[0])
        sequence, step, built_in = self._prepared(sequences, training)

        def flat_step(x: Tensor, now: list[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
            output, new = step(x, tree.pack(states, now))
            return output, tree.flatten(new)

        last, outputs, ended = run_steps(
            flat_step,
            sequence,
            [cast_to(s, self.cell.compute_dtype) for s in tree.flatten(states)],
            self._output_shape(sequences),
            mask,
            self.go_backwards,
            zero,
            self.return_sequences,
            gives_state=built_in,
        )
        return last, outputs, tree.pack(states, ended)

    def _prepared(self, sequence: Tensor, training: Any) -> tuple[Tensor, Callable[..., Any], bool]:
        """What the cell makes of all inputs at once, what is left to do a step, and whether the cell is
        one of ours, whose output is its first state."""
        prepare = getattr(self.cell, "prepare", None)
        if prepare is None or self.cell.dtype_policy.name != self.dtype_policy.name:
            return sequence, self.cell, False
        with graph().scope(self.cell.name):
            sequence, step = prepare(sequence, training)

        def scoped(*args: Any) -> Any:
            with graph().scope(self.cell.name):
                return step(*args)

        return sequence, scoped, True

    def _output_shape(self, sequences: Tensor) -> Shape:
        return (sequences.shape[0], output_size_of(self.cell))

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The states before the first step, for a batch of this size."""
        make = getattr(self.cell, "get_initial_state", None)
        if make is None:
            return [ops.zeros((batch_size, n), self.cell.compute_dtype) for n in self.state_size]
        states = make(batch_size=batch_size)
        return list(states) if tree.is_nested(states) else [states]

    def _start(self, sequences: Tensor, initial_state: Any) -> list[Any] | None:
        """The initial states; None for zeros that no one has to make."""
        given = None
        if initial_state is not None:
            given = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
            wanted = len(self.state_size)
            if len(given) != wanted:
                raise InputError(f"layer {self.name} takes {wanted} initial states. Received: {len(given)}")
        if not self.stateful:
            return given
        shapes = self.get_initial_state(sequences.shape[0])
        kept = [
            graph().state(self, name, self.variable_dtype, t.shape)
            for name, t in zip(self._state_names(shapes), tree.flatten(shapes), strict=True)
        ]
        return tree.pack(shapes, kept) if given is None else given

    def _state_names(self, states: list[Any]) -> list[str]:
        count = len(tree.flatten(states))
        names = getattr(self.cell, "state_names", ())
        return list(names) if len(names) == count else [f"state_{i}" for i in range(count)]

    def compute_mask(self, sequences: Any, mask: Any) -> Any:
        mask = tree.flatten(mask)[0] if self.return_sequences else None
        return [mask, *(None for _ in self.state_size)] if self.return_state else mask

    # States of calls on arrays

    @property
    def states(self) -> list[np.ndarray] | None:
        """What a stateful layer ended its last call on arrays with; None before the first one."""
        return list(self._kept.values()) or None

    def kept_state(self, name: str, shape: Sequence[int], dtype: str) -> np.ndarray:
        """A state for a call on arrays, zero at first.

        Raises:
            InputError: for another batch size than that of the call before.
        """
        kept = self._kept.get(name)
        if kept is None:
            return np.zeros(shape, dtypes.to_numpy(dtype))
        if kept.shape != tuple(shape):
            raise InputError(
                f"layer {self.name} is stateful and holds states for a batch of {len(kept)}. "
                f"Received: a batch of {shape[0]}; call reset_state() to start anew"
            )
        return kept

    def keep_state(self, name: str, value: np.ndarray) -> None:
        """Hold a state until the next call on arrays."""
        self._kept[name] = value

    def reset_state(self) -> None:
        """Let the next call begin with zeros."""
        self._kept.clear()

    reset_states = reset_state

    # Calls and config

    def __call__(self, sequences: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(sequences, list | tuple) and len(sequences) > 1 and not args:
            # Keras 2 writes calls with initial states so.
            sequences, *states = sequences
            kwargs = {"initial_state": states, **kwargs}
        return super().__call__(sequences, *args, **kwargs)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        from portable_layers.model import make_operation  # cells are found like layers of models

        if "cell" in config:
            config = {**config, "cell": make_operation(config["cell"])}
        return super().from_config(config)

    @classmethod
    def upgrade_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        # Keras 2 wrote it; a model with time first was rebuilt with batch first long before Keras 3.
        if config.get("time_major") is False:
            config.pop("time_major")
        return config


def _cells_of(cell: Any) -> Iterator[Any]:
    """The cell, or those that are stacked in it."""
    if isinstance(cell, StackedRNNCells):
        for inner in cell.cells:
            yield from _cells_of(inner)
    else:
        yield cell


def mask_of_steps(mask: Any) -> Tensor | None:
    """A mask `(batch, time)` as booleans; of several masks the first."""
    found = [m for m in tree.flatten(mask) if m is not None]
    return cast_to(found[0], "bool") if found else None
