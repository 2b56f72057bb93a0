"""Other orders of axes for weights and constants, which cost nothing, and for small operands.

A moved weight keeps its packing (see `packing.py`), so that it can be brought back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from portable_layers.dims import Dim, Shape
from portable_layers.graph import Graph
from portable_layers.passes.permutations import Perm, is_free, permuted
from portable_layers.tensor import Tensor


class Weights:
    """Moves the weights and constants of a graph; equal moves of one weight give one tensor."""

    def __init__(self, graph: Graph):
        self._graph = graph
        self._made: dict[tuple[Tensor, Perm, Shape, Shape], Tensor] = {}

    def permuted(self, tensor: Tensor, perm: Perm) -> Tensor:
        """An operand that is broadcast, for other operands with permuted axes."""
        shape = (1,) * (len(perm) - tensor.ndim) + tensor.shape
        return self._move(tensor, shape, perm, permuted(shape, perm))

    def features_permuted(self, tensor: Tensor, axis: int, sizes: Shape, perm: Perm) -> Tensor:
        """A weight whose `axis` is a flattening of axes of these sizes, for their permuted order."""
        before, after = tensor.shape[:axis], tensor.shape[axis + 1 :]
        order = (
            *range(axis),
            *(axis + p for p in perm),
            *range(axis + len(perm), len(before) + len(perm) + len(after)),
        )
        return self._move(tensor, (*before, *sizes, *after), order, tensor.shape)

    def _move(self, tensor: Tensor, shape: Shape, perm: Perm, final: Shape) -> Tensor:
        key = tensor, perm, shape, final
        if key not in self._made:
            if tensor.packing is not None:
                sizes, target = [int(n) for n in shape], [int(n) for n in final]
                moved = self._graph.weight(tensor.packing.reshape(sizes).transpose(perm).reshape(target))
            else:
                assert tensor.constant is not None
                array = tensor.constant.reshape(shape).transpose(perm).reshape(final)
                moved = self._graph.constant(array)
            self._made[key] = moved
        return self._made[key]


def reordered(graph: Graph, tensor: Tensor, perm: Perm) -> Tensor:
    """The tensor, padded in front to the rank of the permutation, with its axes permuted.

    A Reshape where no element moves, else a Transpose.
    """
    shape = (1,) * (len(perm) - tensor.ndim) + tensor.shape
    wanted = permuted(shape, perm)
    target = reshape_target(tensor.shape, wanted) if is_free(shape, perm) else None
    if target is not None:
        return graph.add("Reshape", tensor, np.array(target, np.int64), shape=wanted)
    if len(shape) > tensor.ndim:
        axes = np.arange(len(shape) - tensor.ndim)
        tensor = graph.add("Unsqueeze", tensor, axes, shape=shape)
    return graph.add("Transpose", tensor, perm=perm, shape=wanted)


def moves_nothing(shape: Shape, perm: Perm) -> bool:
    """Whether a Transpose of a tensor of this shape can be a Reshape with a constant target."""
    return is_free(shape, perm) and reshape_target(shape, permuted(shape, perm)) is not None


def reshape_target(shape: Shape, wanted: Shape) -> Sequence[int] | None:
    """The second input of a Reshape from one shape to another, where it is a constant."""
    target = [
        0 if isinstance(n, Dim) and i < len(shape) and shape[i] == n else -1 if isinstance(n, Dim) else n
        for i, n in enumerate(wanted)
    ]
    has_empty = any(isinstance(n, int) and n == 0 for n in wanted)
    return None if has_empty or target.count(-1) > 1 else target
