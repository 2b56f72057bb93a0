"""Masks of any pattern on the fused recurrent operators.

The operators take the length of each row, and nothing else. So the valid steps of each row are moved
to its front, the operator runs on that many of them, and its outputs are gathered back to where the
steps came from.
"""

from __future__ import annotations

import numpy as np

from portable_layers import ops
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.tensor import Tensor


class Compaction:
    """The valid steps of each row, in front.

    Args:
        mask: bool `(batch, time)`, True for a valid step.

    Attributes:
        lengths: int32 `(batch,)`, the number of valid steps of each row.
    """

    def __init__(self, mask: Tensor):
        self.mask = mask
        self._valid = cast_to(mask, "int64")
        self._counts = ops.sum(self._valid, axis=1, keepdims=True)
        self.lengths = cast_to(ops.squeeze(self._counts, 1), "int32")

    def compact(self, x: Tensor) -> Tensor:
        """`(batch, time, features)` with the valid steps first, in their order.

        The numbers of valid steps from a step on differ among these, so no runtime has to sort
        stably; what comes behind them is never looked at.
        """
        g = graph()
        left = g.add("CumSum", self._valid, np.asarray(1, np.int64), reverse=1)
        keys = g.add("Mul", self._valid, left)
        steps = g.size(self.mask.shape[1])
        _, order = g.add("TopK", keys, steps, axis=1, largest=1, sorted=1, outputs=2)
        return _gather_steps(x, order)

    def spread(self, y: Tensor, reverse: bool, zero: bool) -> Tensor:
        """Outputs of the compact steps, `(batch, time, units)`, at the places of the original ones.

        Args:
            reverse: the steps were run from the last to the first.
            zero: masked steps give zeros; else they repeat the output of the valid step before them
                (of the one behind, when run in reverse), or zeros where there is none.
        """
        g = graph()
        run = g.add("CumSum", self._valid, np.asarray(1, np.int64))
        if reverse and not zero:
            place = ops.subtract(run, self._valid)
            known = ops.less(place, self._counts)
        else:
            place = ops.maximum(ops.subtract(run, 1), 0)
            known = self.mask if zero else ops.greater(run, 0)
        return ops.where(ops.expand_dims(known, -1), _gather_steps(y, place), 0)

    def nonempty(self, x: Tensor, otherwise: Tensor | float) -> Tensor:
        """x, `(directions, batch, units)`, in the rows that have a valid step."""
        return ops.where(ops.greater(self._counts, 0), x, otherwise)


def _gather_steps(x: Tensor, order: Tensor) -> Tensor:
    """`x[b, order[b, t]]` for `(batch, time, features)`."""
    return graph().add("GatherND", x, ops.expand_dims(order, -1), batch_dims=1, shape=x.shape)
