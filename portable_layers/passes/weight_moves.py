"""Other orders of axes for weights and constants, which cost nothing, and for small operands.

A moved weight keeps its packing (see `packing.py`), so that it can be brought back.
"""

from __future__ import annotations

import numpy as np

from portable_layers.dims import Shape
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

    A Reshape where no element moves and its target is a constant, else a Transpose.
    """
    shape = _padded(tensor.shape, len(perm))
    target = _reshape_target(tensor.shape, perm)
    if target is not None:
        return graph.add("Reshape", tensor, np.array(target, np.int64), shape=permuted(shape, perm))
    if len(shape) > tensor.ndim:
        tensor = graph.add("Unsqueeze", tensor, np.arange(len(shape) - tensor.ndim), shape=shape)
    return graph.add("Transpose", tensor, perm=perm, shape=permuted(shape, perm))


def needs_transpose(shape: Shape, perm: Perm) -> bool:
    """Whether `reordered` makes a Transpose of a tensor of this shape."""
    return _reshape_target(shape, perm) is None


def _padded(shape: Shape, rank: int) -> Shape:
    return (1,) * (rank - len(shape)) + shape


def _reshape_target(shape: Shape, perm: Perm) -> list[int] | None:
    """The target of the Reshape that is as good as a Transpose, where there is one."""
    full = _padded(shape, len(perm))
    if not is_free(full, perm) or any(isinstance(n, int) and n == 0 for n in full):
        return None
    target = []
    for axis, size in enumerate(permuted(full, perm)):
        copied = axis < len(shape) and shape[axis] == size
        target.append(size if isinstance(size, int) else 0 if copied else -1)
    return target if target.count(-1) <= 1 else None
