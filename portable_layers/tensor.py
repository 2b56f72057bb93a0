"""Tensors without values: `Tensor` in an ONNX graph, `KerasTensor` in a functional model.

Both, and `Variable`, know the Python operators and indexing; each operator is the function of that
name in `portable_layers.ops`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from portable_layers.dims import Dim, PartialShape, Shape

if TYPE_CHECKING:
    from portable_layers.graph import Graph
    from portable_layers.operation import Operation
    from portable_layers.packing import Packing


def _ops() -> Any:
    from portable_layers import ops  # ops need tensors; operators need ops

    return ops


class Operators:
    """The Python operators on tensors, each through the function of its name in `ops`."""

    __slots__ = ()
    # NumPy must leave `array * tensor` to the tensor.
    __array_priority__ = 1000
    __array_ufunc__ = None

    def __neg__(self):
        return _ops().negative(self)

    def __pos__(self):
        return self

    def __abs__(self):
        return _ops().absolute(self)

    def __invert__(self):
        return _ops().logical_not(self)

    def __add__(self, other):
        return _ops().add(self, other)

    def __radd__(self, other):
        return _ops().add(other, self)

    def __sub__(self, other):
        return _ops().subtract(self, other)

    def __rsub__(self, other):
        return _ops().subtract(other, self)

    def __mul__(self, other):
        return _ops().multiply(self, other)

    def __rmul__(self, other):
        return _ops().multiply(other, self)

    def __truediv__(self, other):
        return _ops().true_divide(self, other)

    def __rtruediv__(self, other):
        return _ops().true_divide(other, self)

    def __floordiv__(self, other):
        return _ops().floor_divide(self, other)

    def __rfloordiv__(self, other):
        return _ops().floor_divide(other, self)

    def __mod__(self, other):
        return _ops().mod(self, other)

    def __rmod__(self, other):
        return _ops().mod(other, self)

    def __pow__(self, other):
        return _ops().power(self, other)

    def __rpow__(self, other):
        return _ops().power(other, self)

    def __matmul__(self, other):
        return _ops().matmul(self, other)

    def __rmatmul__(self, other):
        return _ops().matmul(other, self)

    def __and__(self, other):
        return _ops().logical_and(self, other)

    def __rand__(self, other):
        return _ops().logical_and(other, self)

    def __or__(self, other):
        return _ops().logical_or(self, other)

    def __ror__(self, other):
        return _ops().logical_or(other, self)

    def __xor__(self, other):
        return _ops().logical_xor(self, other)

    def __rxor__(self, other):
        return _ops().logical_xor(other, self)

    def __lt__(self, other):
        return _ops().less(self, other)

    def __le__(self, other):
        return _ops().less_equal(self, other)

    def __gt__(self, other):
        return _ops().greater(self, other)

    def __ge__(self, other):
        return _ops().greater_equal(self, other)

    def __getitem__(self, key):
        return _ops().get_item(self, key)

    def __iter__(self):
        size = self.shape[0] if self.shape else None
        if not isinstance(size, int):
            raise TypeError(f"cannot iterate over {self!r}: its first size is not known")
        return (self[i] for i in range(size))

    def __len__(self):
        size = self.shape[0] if self.shape else None
        if not isinstance(size, int):
            raise TypeError(f"{self!r} has no known length")
        return size

    @property
    def ndim(self) -> int:
        return len(self.shape)

    # Subclasses hold the shape in a slot or a property.
    shape: Any


class Tensor(Operators):
    """A tensor of an ONNX graph that is being built.

    Attributes:
        graph: the graph, or body of a subgraph, that it belongs to.
        value: its value in the intermediate representation; only `graph.py` looks inside.
        dtype: its Keras dtype name, e.g. `float32`.
        shape: its sizes, `int` or `Dim`.
        constant: its value when that is known while building, else None.
        packing: how it is made of variables, when it is a weight, else None.
        mask: the Keras mask that travels with it, or None.
    """

    __slots__ = ("_keras_mask", "constant", "dtype", "graph", "packing", "shape", "value")
    __hash__ = object.__hash__

    def __init__(
        self,
        graph: Graph,
        value: Any,
        dtype: str,
        shape: Shape,
        constant: np.ndarray | None = None,
        packing: Packing | None = None,
    ):
        self.graph, self.value, self.dtype, self.shape = graph, value, dtype, shape
        self.constant, self.packing = constant, packing
        self._keras_mask: Tensor | None = None

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has no value while the graph is built; use ops.where or ops.cond")

    def __repr__(self) -> str:
        return f"<Tensor {self.dtype}{shape_text(self.shape)}>"


class KerasHistory(NamedTuple):
    """Where a `KerasTensor` comes from: which output of which call of which operation."""

    operation: Operation
    node_index: int
    tensor_index: int


class KerasTensor(Operators):
    """A placeholder in a functional model: the output of `Input` or of a layer called on one.

    Attributes:
        shape: as Keras gives it, None where the size is known only when the model runs.
        dims: the same shape with a `Dim` in place of each None.
        dtype: Keras dtype name.
        name: as Keras names it.
    """

    __hash__ = object.__hash__

    def __init__(
        self,
        dims: Shape,
        dtype: str = "float32",
        name: str | None = None,
        mask_dims: Shape | None = None,
    ):
        from portable_layers.scope import auto_name

        self.dims, self.dtype = tuple(dims), dtype
        self.name = name or auto_name("keras_tensor")
        # The shape of the mask that travels with the tensor; the mask itself exists only in graphs.
        self.mask_dims = mask_dims
        self._keras_history: KerasHistory | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        return tuple(d if isinstance(d, int) else None for d in self.dims)

    @property
    def history(self) -> KerasHistory:
        if self._keras_history is None:
            raise ValueError(f"{self!r} was not made by Input or by a layer")
        return self._keras_history

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is symbolic and has no value; use ops.where or ops.cond")

    def __array__(self, *_: Any, **__: Any):
        raise TypeError(f"{self!r} is symbolic and has no value to convert to an array")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def shape_text(shape: PartialShape) -> str:
    """A shape for messages: `(batch, 28, 28, 1)`."""
    return f"({', '.join(str(d) for d in shape)}{',' if len(shape) == 1 else ''})"


def keras_shape(shape: Shape) -> tuple[int | None, ...]:
    """A shape as Keras writes it: None for each size that is not known."""
    return tuple(None if isinstance(d, Dim) else d for d in shape)
