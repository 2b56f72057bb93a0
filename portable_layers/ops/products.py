"""Products of vectors, matrices and tensors (`keras.ops.numpy`)."""

from __future__ import annotations

from typing import Any

from portable_layers import dtypes
from portable_layers.dims import product
from portable_layers.ops.dispatch import cast_to, graph, normalize_axis, op, promote
from portable_layers.ops.elementwise import multiply, strong
from portable_layers.ops.kernels import emit
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import broadcast_together, expand_dims, moveaxis, reshape, transpose
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor

# What ONNX's MatMul takes; other integers are multiplied in 32 or 64 bits.
_MATMUL_INTEGERS = ("int32", "int64", "uint32", "uint64")


def matrix_product(a: Tensor, b: Tensor) -> Tensor:
    """ONNX MatMul of tensors of one dtype."""
    dtype = a.dtype
    if not dtypes.is_float(dtype) and dtype not in _MATMUL_INTEGERS:
        a, b = cast_to(a, "int32"), cast_to(b, "int32")
    return cast_to(graph().add("MatMul", a, b), dtype)


@op("numpy.Matmul", "x1", "x2")
def matmul(x1: Any, x2: Any) -> Any:
    """The product of matrices in the last two axes; the axes before are broadcast.

    Matrices of int8 give int32, as in Keras.
    """
    a, b = promote(x1, x2)
    if a.dtype == b.dtype == "int8" and a.ndim != 1 and b.ndim != 1:
        a, b = cast_to(a, "int32"), cast_to(b, "int32")
    return matrix_product(a, b)


@op("numpy.Dot", "x1", "x2")
def dot(x1: Any, x2: Any) -> Any:
    """The sum product over the last axis of x1 and the second to last (or only) one of x2."""
    a, b = strong(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    if b.ndim <= 2:
        return matrix_product(a, b)
    return tensordot(a, b, axes=[[a.ndim - 1], [b.ndim - 2]])


@op("numpy.Tensordot", "x1", "x2")
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """The sum product over pairs of axes.

    Args:
        axes: how many axes at the end of x1 and the start of x2, or a pair of lists of axes.
    """
    a, b = strong(x1, x2)
    if isinstance(axes, int):
        left, right = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        left, right = ([x] if isinstance(x, int) else list(x) for x in axes)
    left = [normalize_axis(i, a.ndim) for i in left]
    right = [normalize_axis(i, b.ndim) for i in right]
    free_a = [i for i in range(a.ndim) if i not in left]
    free_b = [i for i in range(b.ndim) if i not in right]
    inner = product(a.shape[i] for i in left)
    rows = product(a.shape[i] for i in free_a)
    columns = product(b.shape[i] for i in free_b)
    first = reshape(transpose(a, (*free_a, *left)), (rows, inner))
    second = reshape(transpose(b, (*right, *free_b)), (inner, columns))
    sizes = (*(a.shape[i] for i in free_a), *(b.shape[i] for i in free_b))
    return reshape(matrix_product(first, second), sizes)


@op("numpy.Inner", "x1", "x2")
def inner(x1: Any, x2: Any) -> Any:
    """The sum product over the last axes of both."""
    a, b = strong(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    return tensordot(a, b, axes=[[-1], [-1]])


@op("numpy.Vdot", "x1", "x2")
def vdot(x1: Any, x2: Any) -> Any:
    """The sum product of all elements."""
    a, b = strong(x1, x2)
    return matrix_product(reshape(a, -1), reshape(b, -1))


@op("numpy.Outer", "x1", "x2")
def outer(x1: Any, x2: Any) -> Any:
    """The product of each element of x1 (a row) with each of x2 (a column), both flat."""
    a, b = strong(x1, x2)
    return multiply(reshape(a, [-1, 1]), reshape(b, -1))


@op("numpy.Kron", "x1", "x2")
def kron(x1: Any, x2: Any) -> Any:
    """The Kronecker product: x2 in place of each element of x1, times that element."""
    a, b = strong(x1, x2)
    rank = max(a.ndim, b.ndim)
    a = reshape(a, [1] * (rank - a.ndim) + list(a.shape))
    b = reshape(b, [1] * (rank - b.ndim) + list(b.shape))
    spread_a = expand_dims(a, list(range(1, 2 * rank, 2)))
    spread_b = expand_dims(b, list(range(0, 2 * rank, 2)))
    sizes = [m * n for m, n in zip(a.shape, b.shape, strict=True)]
    return reshape(multiply(spread_a, spread_b), sizes)


@op("numpy.Cross", "x1", "x2")
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """The cross product of vectors of 2 or 3 components; of two plane ones the third component.

    Args:
        axisa, axisb: where the components of x1 and x2 are.
        axisc: where those of the result are.
        axis: in place of all three.

    Raises:
        ValueError: for another number of components.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = strong(x1, x2)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    counts = a.shape[-1], b.shape[-1]
    if not {2, 3}.issuperset(counts):
        raise ValueError(f"cross needs vectors of 2 or 3 components. Received: {x1!r} and {x2!r}")

    def times(x: Tensor, i: int, y: Tensor, j: int) -> Tensor | None:
        if i >= x.shape[-1] or j >= y.shape[-1]:
            return None  # a third component that is 0
        pick = x.ndim - 1, y.ndim - 1
        return emit("Mul", slice_axis(x, pick[0], i, i + 1), slice_axis(y, pick[1], j, j + 1))

    def component(i: int, j: int) -> Tensor:
        first, second = times(a, i, b, j), times(a, j, b, i)
        if first is None and second is None:
            raise AssertionError("plane vectors have only the third component")
        if second is None:
            return first  # type: ignore[return-value]
        return emit("Neg", second) if first is None else emit("Sub", first, second)

    if counts == (2, 2):
        return reduce("ReduceSum", component(0, 1), -1)
    from portable_layers.ops.joining import join

    parts = broadcast_together(component(1, 2), component(2, 0), component(0, 1))
    return moveaxis(join(parts, parts[0].ndim - 1), -1, axisc)
