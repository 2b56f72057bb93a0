"""Dropout in cells: masks that are drawn once and used for every step, in training only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from portable_layers import ops
from portable_layers.layer import Layer
from portable_layers.ops.random import dropout
from portable_layers.random import SeedGenerator
from portable_layers.tensor import Tensor


class _DropoutCell(Layer):
    """A cell with `dropout` of its inputs and `recurrent_dropout` of its output state.

    A subclass says how many masks it wants of a kind, and the shapes of what they are for.
    """

    # Masks a kind; None for a single one that is not in a list.
    dropout_mask_count: int | None = None

    def _set_dropout(self, dropout: float, recurrent_dropout: float, seed: int | None) -> None:
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        # While a layer runs the cell: by kind, the masks of all steps.
        self._masks: dict[str, list[Tensor]] | None = None

    def _mask_shapes(self, batch: Any) -> tuple[tuple, tuple]:
        """The shapes of an input of one step, and of the output state."""
        raise NotImplementedError

    @contextmanager
    def same_masks(self, batch: Any) -> Iterator[None]:
        """Inside, every call of the cell uses the same masks."""
        self._masks = self._draw(batch)
        try:
            yield
        finally:
            self._masks = None

    def _draw(self, batch: Any) -> dict[str, list[Tensor]]:
        rates = {"input": self.dropout, "recurrent": self.recurrent_dropout}
        shapes = dict(zip(rates, self._mask_shapes(batch), strict=True))
        return {
            kind: [
                dropout(ops.ones(shapes[kind], self.compute_dtype), rate, seed=self.seed_generator)
                for _ in range(self.dropout_mask_count or 1)
            ]
            for kind, rate in rates.items()
            if self._drops(rate)
        }

    def _drops(self, rate: float) -> bool:
        """Keras's cells with gates take a rate of 1 for none."""
        return 0 < rate < 1 if self.dropout_mask_count or hasattr(self, "recurrent_activation") else rate > 0

    def drops_in(self, training: Any) -> bool:
        """Whether the cell has anything to draw."""
        return bool(training) and (self._drops(self.dropout) or self._drops(self.recurrent_dropout))

    def _dropout_masks(self, kind: str, training: Any, like: Tensor) -> list[Tensor] | None:
        """The masks of a kind, or None where nothing is dropped."""
        if not self.drops_in(training):
            return None
        masks = self._draw(like.shape[0]) if self._masks is None else self._masks
        return masks.get(kind)
