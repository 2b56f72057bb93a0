"""What recurrent layers share that have a cell of their own, and those with a fused operator."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from portable_layers import dtypes, ops, regularizers
from portable_layers.layer import Layer
from portable_layers.layers.recurrent.fused import can_fuse, run_fused
from portable_layers.layers.recurrent.recurrent_cell import _RecurrentCell
from portable_layers.layers.recurrent.rnn import RNN
from portable_layers.tensor import Tensor

_OPTIONS = (
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
)


class _CellLayer(RNN):
    """An RNN whose cell is made of the layer's own arguments, which can be read from the layer."""

    cell_class: type[Layer]
    # Arguments of the cell that Keras leaves out of the layer's config.
    unsaved: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "cell_class" in cls.__dict__:
            for name in _named_arguments(cls.cell_class):
                if not hasattr(cls, name):
                    setattr(cls, name, property(attrgetter(f"cell.{name}")))

    def config_arguments(self) -> list[str]:
        return [*_OPTIONS, *(n for n in _named_arguments(self.cell_class) if n not in self.unsaved)]

    def get_config(self) -> dict[str, Any]:
        regularizer = regularizers.serialize(self.activity_regularizer)
        return {**super().get_config(), "activity_regularizer": regularizer}


class _FusedLayer(_CellLayer):
    """A layer that is one node RNN, GRU or LSTM wherever that can say what its cell does."""

    cell: _RecurrentCell

    def run(
        self, sequences: Tensor, states: list[Any] | None, mask: Tensor | None, zero: bool, training: Any
    ) -> tuple[Tensor, Tensor | None, list[Any]]:
        # Integers take part in a product as numbers of the layer's dtype.
        sequences = ops.cast(sequences, as_float(sequences.dtype, self.compute_dtype))
        cell = self.cell.fused(training)
        if cell is None or not can_fuse([cell], sequences.dtype):
            return super().run(sequences, states, mask, zero, training)
        last, outputs, (ended,) = run_fused(
            [cell],
            "reverse" if self.go_backwards else "forward",
            self.cell.drop_inputs(sequences, training),
            None if states is None else [as_direction(s, sequences.dtype) for s in states],
            mask,
            self.return_sequences,
            zero,
        )
        return last, outputs, ended


def as_float(dtype: str, compute_dtype: str) -> str:
    """The dtype that inputs of a dtype are computed in."""
    return dtype if dtypes.is_float(dtype) else compute_dtype


def as_direction(state: Tensor, dtype: str) -> Tensor:
    """A state `(batch, units)` as the only one of a direction."""
    return ops.expand_dims(ops.cast(state, dtype), 0)


def make_cell(
    cell_class: type[Layer], name: str, arguments: Mapping[str, Any]
) -> tuple[Layer, dict[str, Any]]:
    """The cell that a layer's arguments describe, and the arguments that are left for the layer.

    Args:
        name: the cell's.
        arguments: all local names of the layer's constructor, at its start.
    """
    given = {k: v for k, v in arguments.items() if k not in ("self", "kwargs", "__class__", "use_cudnn")}
    given |= arguments["kwargs"]
    wanted = {*_named_arguments(cell_class), "implementation"}
    shared = {k: given[k] for k in ("dtype", "trainable") if k in given}
    cell = cell_class(**{k: v for k, v in given.items() if k in wanted}, **shared, name=name)
    return cell, {k: v for k, v in given.items() if k not in wanted}


def check_use_cudnn(use_cudnn: Any) -> None:
    """Accept what Keras accepts; a graph runs where it is loaded."""
    if use_cudnn not in ("auto", True, False):
        raise ValueError(f"use_cudnn must be 'auto', True or False. Received: use_cudnn={use_cudnn!r}")


def _named_arguments(cls: type) -> list[str]:
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    return [n for n, p in parameters.items() if n != "self" and p.kind is not p.VAR_KEYWORD]
