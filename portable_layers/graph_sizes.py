"""Sizes that are known only when a graph runs, as tensors of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Dim, Size
from portable_layers.errors import GraphError
from portable_layers.tensor import Tensor


class Sizes:
    """The part of `Graph` that computes sizes."""

    # Of the graph.
    add: Any
    constant: Any
    parent: Any
    path: Any
    root: Any
    scratch: bool
    unique_name: Any
    _dim: Any
    _insert_before: Any
    _sizes: dict[Dim, Tensor]

    def size(self, size: Size) -> Tensor:
        """A size as an int64 tensor of shape `(1,)`."""
        if isinstance(size, int):
            return self.constant(np.array([size], np.int64))
        graph: Any = self
        while graph is not None:
            if size in graph._sizes and _exists(graph._sizes[size]):
                return graph._sizes[size]
            graph = graph.parent
        source = self.root.dims.get(size)
        if source is not None and _exists(source[0]):
            axis = source[0].shape.index(size)  # passes permute axes
            found = self.add("Shape", source[0], start=axis, end=axis + 1)
        elif size.name is not None:
            if not self.scratch:
                raise GraphError(f"{self.path}: no tensor of the graph has the size {size}")
            found = self.root.input(f"size/{size}", "int64", (1,))
        else:
            names = {name: self.size(Dim.named(name)) for name in size.names()}
            found = size.evaluate(
                {n: _SizeMath(self, t) for n, t in names.items()},
                lambda n: _SizeMath(self, self.constant(np.array([n], np.int64))),
                lambda a, b: _SizeMath(self, self.add("Div", a.tensor, b.tensor)),
            ).tensor
        if self._insert_before is None:  # a pass may insert before the place where others need it
            self._sizes[size] = found
        return found

    def shape_tensor(self, sizes: Sequence[Any]) -> Tensor:
        """Sizes (`int`, `Dim`, or integer tensors of one element) as an int64 tensor of rank 1."""
        if all(isinstance(n, int | np.integer) for n in sizes):
            return self.constant(np.array(list(sizes), np.int64).reshape(-1))
        parts: list[Tensor] = []
        run: list[int] = []

        def flush() -> None:
            if run:
                parts.append(self.constant(np.array(run, np.int64)))
                run.clear()

        for n in sizes:
            if isinstance(n, int | np.integer):
                run.append(int(n))
                continue
            flush()
            if isinstance(n, Tensor):
                if n.dtype != "int64":
                    n = self.add("Cast", n, to=dtypes.to_onnx("int64"))
                if n.shape != (1,):
                    n = self.add("Reshape", n, np.array([1], np.int64))
                parts.append(n)
            else:
                parts.append(self.size(n))
        flush()
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=0)

    def fresh_dim(self, hint: str) -> Dim:
        """A dim with a name of its own; the tensor that has it must be registered."""
        return self._dim(self.unique_name(f"dim/{hint}"))


class _SizeMath:
    """Lets `Dim.evaluate` add and multiply size tensors."""

    def __init__(self, graph: Sizes, tensor: Tensor):
        self.graph, self.tensor = graph, tensor

    def __add__(self, other: _SizeMath) -> _SizeMath:
        return _SizeMath(self.graph, self.graph.add("Add", self.tensor, other.tensor))

    def __mul__(self, other: _SizeMath) -> _SizeMath:
        return _SizeMath(self.graph, self.graph.add("Mul", self.tensor, other.tensor))


def _exists(tensor: Tensor) -> bool:
    """Whether no pass has removed the node that gives the tensor."""
    producer = tensor.value.producer()
    return producer is None or producer.graph is not None
