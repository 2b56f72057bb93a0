"""Dot: the products of the vectors of two tensors, sample by sample."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.merging.merge import _Merge
from portable_layers.tensor import Tensor

# Keras's fuzz factor: what the length of a vector is held above.
_EPSILON = 1e-7


class Dot(_Merge):
    """The sum product over one axis of each input; all other axes of both stay.

    Args:
        axes: the axis of both inputs, or one of each; the batch is axis 0.
        normalize: whether vectors are brought to length 1 before (cosine similarity).

    Input shape:  a list of two, `(batch, ...)` and `(batch, ...)`
    Output shape: `(batch, *rest of the first, *rest of the second)`; `(batch, 1)` where nothing is left
    """

    cases = (
        case((4,), (4,), axes=1, ops="Mul ReduceSum", dtypes=("float16", "bfloat16", "float64")),
        case(
            (4,),
            (4,),
            axes=-1,
            normalize=True,
            ops="Mul ReduceSum Sqrt Reciprocal Min Mul " * 2 + "Mul ReduceSum",
        ),
        case((3, 4), (5, 4), axes=2, ops="Transpose MatMul"),
        case((4, 3), (4, 5), axes=[1, 1], ops="Transpose MatMul"),
        case((4,), (4, 5), axes=1, ops="Unsqueeze MatMul Squeeze"),
        case((3, 4), (4,), axes=[2, 1], ops="Unsqueeze MatMul Squeeze"),
        case((2, 3, 4), (5, 4, 2), axes=[3, 2], ops="Transpose Reshape Reshape MatMul Reshape"),
        case(Array((None, 4), sizes=(3,)), (4, 5), axes=[2, 1], ops="MatMul"),
    )

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axes, int | list | tuple):
            raise TypeError(f"axes must be an integer or a list of two. Received: axes={axes!r}")
        if not isinstance(axes, int) and (len(axes) != 2 or not all(isinstance(a, int) for a in axes)):
            raise ValueError(f"axes must be an integer or a list of two. Received: axes={axes!r}")

    def build(self, input_shape: Any) -> None:
        self.check_list(input_shape, 2)
        first, second = input_shape
        a, b = self._axes(len(first), len(second))
        if first[a] != second[b]:
            raise ValueError(
                f"Dot takes inputs with equal sizes along axes {(a, b)}. "
                f"Received: {first[a]} and {second[b]}, shapes {first} and {second}"
            )

    def _axes(self, rank1: int, rank2: int) -> tuple[int, int]:
        a, b = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        for axis, rank in ((a, rank1), (b, rank2)):
            if not -rank <= axis < rank or axis % rank == 0:
                raise ValueError(
                    f"axes must be axes of the inputs, not the batch. "
                    f"Received: axes={self.axes}, inputs of rank {rank1} and {rank2}"
                )
        return a % rank1, b % rank2

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple) or len(inputs) != 2:
            raise ValueError(f"Dot takes a list of 2 inputs. Received: inputs={inputs}")
        x, y = inputs
        a, b = self._axes(x.ndim, y.ndim)
        if self.normalize:
            x, y = _normalize(x, a), _normalize(y, b)
        return _batch_dot(x, y, a, b)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None


def _normalize(x: Tensor, axis: int) -> Tensor:
    inverse = ops.rsqrt(ops.sum(ops.square(x), axis=axis, keepdims=True))
    return x * ops.minimum(inverse, 1 / _EPSILON)


def _batch_dot(x: Tensor, y: Tensor, a: int, b: int) -> Tensor:
    if x.ndim == y.ndim == 2:
        return ops.sum(x * y, axis=1, keepdims=True)
    rows, columns = x.shape[1:a] + x.shape[a + 1 :], y.shape[1:b] + y.shape[b + 1 :]
    inner = x.shape[a] if isinstance(x.shape[a], int) else y.shape[b]
    x = ops.moveaxis(x, a, -1)
    y = ops.moveaxis(y, b, 1)
    x = ops.expand_dims(x, 1) if not rows else x
    y = ops.expand_dims(y, 2) if not columns else y
    # One axis of rows, one of columns.
    x = ops.reshape(x, (x.shape[0], -1, inner)) if len(rows) > 1 else x
    y = ops.reshape(y, (y.shape[0], inner, -1)) if len(columns) > 1 else y
    product = ops.matmul(x, y)
    if not rows or not columns:
        product = ops.squeeze(product, 1 if not rows else 2)
    if len(rows) > 1 or len(columns) > 1:
        product = ops.reshape(product, (product.shape[0], *rows, *columns))
    return product


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """`Dot(axes, **kwargs)(inputs)`."""
    return Dot(axes=axes, **kwargs)(inputs)
