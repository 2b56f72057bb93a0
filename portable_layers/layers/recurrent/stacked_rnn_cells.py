"""StackedRNNCells: cells on top of each other that act as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from portable_layers import ops, tree
from portable_layers.layer import Layer


class StackedRNNCells(Layer):
    """Each cell gets the output of the one before; the states are a list with those of each cell.

    Args:
        cells: layers as `RNN` takes them.
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any):
        super().__init__(**kwargs)
        for cell in cells:
            if not isinstance(cell, Layer) or getattr(cell, "state_size", None) is None:
                raise ValueError(f"every cell must be a layer with a state_size. Received: {cell!r}")
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The states of each cell before the first step."""
        states = []
        for cell in self.cells:
            make = getattr(cell, "get_initial_state", None)
            if make is not None:
                states.append(make(batch_size=batch_size))
                continue
            size = cell.state_size
            sizes = [size] if isinstance(size, int) else size
            zeros = [ops.zeros((batch_size, n), self.compute_dtype) for n in sizes]
            states.append(zeros[0] if isinstance(size, int) else zeros)
        return states

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            if not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size_of(cell))

    def call(self, inputs: Any, states: Any, training: Any = False) -> Any:
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, new = cell(inputs, list(state) if tree.is_nested(state) else [state])
            new = list(new) if tree.is_nested(new) else [new]
            new_states.append(new if tree.is_nested(state) else new[0])
        return inputs, new_states

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        from portable_layers.model import make_operation  # cells are found like layers of models

        return super().from_config({**config, "cells": [make_operation(c) for c in config["cells"]]})


def output_size_of(cell: Any) -> int:
    """The size of a cell's output.

    Raises:
        ValueError: for a cell whose output is no vector.
    """
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size if isinstance(cell.state_size, int) else cell.state_size[0]
    if not isinstance(size, int):
        raise ValueError(f"output_size of a cell must be an integer. Received: {size!r} of {cell!r}")
    return size
