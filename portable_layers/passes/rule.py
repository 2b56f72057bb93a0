"""What it takes to let a node work on a tensor whose axes are in another order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from portable_layers.passes.min_cut import INFINITE
from portable_layers.passes.permutations import Perm

# What a Transpose costs, and one that only moves axes of size 1 (a Reshape, no data moves).
TRANSPOSE = 1 << 50
RESHAPE = 1 << 24
# ONNX Runtime computes Softmax along the last axis, and transposes around it for any other one.
INNER_AXIS = 1 << 24
FORBIDDEN = INFINITE


def no_cost(_: Perm) -> int:
    return 0


def no_change(_: Perm) -> None:
    pass


@dataclass(slots=True)
class Rule:
    """How a node works on operands with permuted axes.

    Attributes:
        operands: the inputs whose axes are permuted together.
        follows: its outputs are permuted in the same way; else they stay as they are.
        cost: what it costs for a permutation, `FORBIDDEN` where it cannot be done.
        apply: changes the node, all but the inputs `operands`.
    """

    operands: tuple[int, ...]
    follows: bool = True
    cost: Callable[[Perm], int] = no_cost
    apply: Callable[[Perm], None] = no_change
