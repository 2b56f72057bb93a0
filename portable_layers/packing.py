"""Rearrangements of weights: how a Keras variable is laid out in an ONNX initializer, and the way back.

Keras and ONNX keep the same numbers in other orders (HWIO and OIHW kernels, gate orders). A
`Packing` says which moves lead from variables to an initializer: transpose, reshape, slice, take,
concatenate, also with zeros. It only moves elements, so it is evaluated lazily (nothing is copied before the file is
written), it is written into the model's metadata as JSON, and it is undone without any knowledge of
the layer: packing the index of each element tells where that element went.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from portable_layers.dtypes import standardize, to_numpy
from portable_layers.errors import SerializationError


class Source(Protocol):
    """What a packing starts from: a variable with a path, a shape, a dtype and a value."""

    path: str

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> str: ...

    def numpy(self) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Packing:
    """A node of the tree of moves that makes an initializer out of variables.

    Attributes:
        move: `variable`, `zeros`, `transpose`, `reshape`, `slice`, `take` or `concat`.
        sources: the packings that it moves; empty for `variable` and `zeros`.
        arguments: what the move needs, JSON-able (`perm`, `shape`, `axis` ...).
        variable: the variable of a leaf.
    """

    move: str
    shape: tuple[int, ...]
    dtype: str
    sources: tuple[Packing, ...] = ()
    arguments: tuple[Any, ...] = ()
    variable: Source | None = None

    @staticmethod
    def of(variable: Source) -> Packing:
        return Packing("variable", tuple(variable.shape), variable.dtype, variable=variable)

    @staticmethod
    def zeros(shape: Sequence[int], dtype: str) -> Packing:
        """Zeros of no variable: what an operator wants beside a variable (a second bias)."""
        return Packing("zeros", tuple(shape), dtype, arguments=(list(shape), dtype))

    def transpose(self, perm: Sequence[int]) -> Packing:
        perm = [int(p) for p in perm]
        if perm == list(range(len(self.shape))):
            return self
        if self.move == "transpose":
            inner = self.arguments[0]
            return self.sources[0].transpose([inner[p] for p in perm])
        return self._then("transpose", tuple(self.shape[p] for p in perm), perm)

    def reshape(self, shape: Sequence[int]) -> Packing:
        shape = tuple(int(n) for n in shape)
        if shape == self.shape:
            return self
        if math.prod(shape) != math.prod(self.shape) or any(n < 0 for n in shape):
            raise ValueError(f"a weight of shape {self.shape} cannot be reshaped to {shape}")
        if self.move == "reshape":
            return self.sources[0].reshape(shape)
        return self._then("reshape", shape, list(shape))

    def slice(self, axis: int, start: int, stop: int, step: int = 1) -> Packing:
        axis = self._axis(axis)
        size = len(range(*slice(start, stop, step).indices(self.shape[axis])))
        shape = (*self.shape[:axis], size, *self.shape[axis + 1 :])
        return self._then("slice", shape, axis, start, stop, step)

    def take(self, axis: int, indices: Sequence[int]) -> Packing:
        axis = self._axis(axis)
        if any(not 0 <= i < self.shape[axis] for i in indices):
            raise ValueError(f"a weight of shape {self.shape} has no such indices along axis {axis}")
        shape = (*self.shape[:axis], len(indices), *self.shape[axis + 1 :])
        return self._then("take", shape, axis, [int(i) for i in indices])

    def _axis(self, axis: int) -> int:
        if not -len(self.shape) <= axis < len(self.shape):
            raise ValueError(f"a weight of shape {self.shape} has no axis {axis}")
        return axis % len(self.shape)

    def _then(self, move: str, shape: tuple[int, ...], *arguments: Any) -> Packing:
        return Packing(move, shape, self.dtype, (self,), arguments)

    @staticmethod
    def concat(parts: Sequence[Packing], axis: int) -> Packing:
        first = parts[0]
        axis = first._axis(axis)
        size = sum(p.shape[axis] for p in parts)
        shape = (*first.shape[:axis], size, *first.shape[axis + 1 :])
        return Packing("concat", shape, first.dtype, tuple(parts), (axis,))

    def leaves(self) -> Iterator[Source]:
        """The variables that it is made of, in order."""
        if self.variable is not None:
            yield self.variable
        for source in self.sources:
            yield from source.leaves()

    def numpy(self) -> np.ndarray:
        """The initializer's value; a view of the variable where NumPy can give one."""
        return self.evaluate({id(v): v.numpy() for v in self.leaves()})

    def evaluate(self, values: Mapping[int, np.ndarray], filling: int = 0) -> np.ndarray:
        """Apply the moves to other arrays, given by the `id` of the variable they stand for.

        Args:
            filling: what stands in the place of zeros that belong to no variable.
        """
        if self.move == "variable":
            return values[id(self.variable)]
        if self.move == "zeros":
            dtype = next((v.dtype for v in values.values()), to_numpy(self.dtype))
            return np.full(self.shape, filling, dtype)
        parts = [s.evaluate(values, filling) for s in self.sources]
        x, args = parts[0], self.arguments
        if self.move == "transpose":
            return x.transpose(args[0])
        if self.move == "reshape":
            return x.reshape(self.shape)
        if self.move == "slice":
            axis, start, stop, step = args
            return x[(slice(None),) * axis + (slice(start, stop, step),)]
        if self.move == "take":
            return np.take(x, args[1], axis=args[0])
        return np.concatenate(parts, axis=args[0])

    def to_json(self, names: Mapping[int, str]) -> Any:
        """A JSON form: a leaf is the variable's name, a move a list with its name first.

        Args:
            names: a name for each variable, by its `id`.
        """
        if self.variable is not None:
            return names[id(self.variable)]
        return [self.move, [s.to_json(names) for s in self.sources], *self.arguments]

    @staticmethod
    def from_json(form: Any, variables: Mapping[str, Source]) -> Packing:
        """The packing of a JSON form, over variables given by name.

        Raises:
            SerializationError: for a form that `to_json` does not make, or an unknown variable.
        """
        try:
            if isinstance(form, str):
                return Packing.of(variables[form])
            move, parts, *args = form
            if move == "zeros":
                return Packing.zeros([int(n) for n in args[0]], standardize(args[1]))
            sources = [Packing.from_json(p, variables) for p in parts]
            if move == "concat":
                return Packing.concat(sources, int(args[0]))
            if move not in ("transpose", "reshape", "slice", "take"):
                raise ValueError(move)
            return getattr(sources[0], move)(*args)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise SerializationError(f"the weight layout {form!r} cannot be read: {error}") from None


def unpack(packing: Packing, packed: np.ndarray, into: Mapping[int, np.ndarray]) -> None:
    """Undo a packing: write the initializer's elements back where they came from.

    Args:
        packing: how the initializer was made.
        packed: the initializer's value.
        into: arrays to fill, by the `id` of the variable; elements that the packing dropped stay.
    """
    leaves = list({id(v): v for v in packing.leaves()}.values())
    if packing.move == "variable":
        into[id(leaves[0])][...] = packed
        return
    if packing.move == "transpose" and packing.sources[0].move == "variable":
        into[id(leaves[0])][...] = packed.transpose(np.argsort(packing.arguments[0]))
        return
    offset, indices = 0, {}
    for variable in leaves:
        size = int(np.prod(variable.shape, dtype=np.int64))
        indices[id(variable)] = np.arange(offset, offset + size).reshape(variable.shape)
        offset += size
    order = packing.evaluate(indices, filling=-1).ravel()
    flat = packed.ravel()
    for variable in leaves:
        index = indices[id(variable)]
        low, high = index.flat[0] if index.size else 0, (index.flat[-1] + 1 if index.size else 0)
        mine = (order >= low) & (order < high)
        into[id(variable)].reshape(-1)[order[mine] - low] = flat[mine]
