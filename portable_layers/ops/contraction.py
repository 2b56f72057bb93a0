"""Products of a tensor and a kernel that an equation describes (`keras.ops.einsum` of two operands).

Most equations of layers are a matrix product between moves of axes: the kernel's moves are folded
into its initializer, the tensor's are left out where a place for the matrix product needs none.
"""

from __future__ import annotations

import re
import string
from typing import Any

from portable_layers import dtypes
from portable_layers.dims import product
from portable_layers.ops import opset
from portable_layers.ops.convolution_kernels import LowRank
from portable_layers.ops.dispatch import cast_to, convert, graph, moved
from portable_layers.ops.elementwise import add
from portable_layers.ops.shaping import expand_dims, reshape, transpose
from portable_layers.tensor import Tensor
from portable_layers.variable import Variable


def axis_labels(equation: str, rank: int) -> tuple[str, str, str]:
    """The labels of input, kernel and output, an ellipsis spelt out for an input of this rank.

    Raises:
        ValueError: for an equation of another form than `ab,bc->ac`, `...b,bc->...c` or
            `ab...,bc->ac...`.
    """
    found = re.fullmatch(
        r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?", equation
    )
    if (
        not found
        or bool(found[1]) != bool(found[5])
        or bool(found[3]) != bool(found[7])
        or (found[1] and found[3])
    ):
        raise ValueError(
            "equation must have the form [X],[Y]->[Z], ...[X],[Y]->...[Z] or [X]...,[Y]->[Z].... "
            f"Received: equation={equation!r}"
        )
    left, xs, right, ks, _, ys, _ = found.groups()
    elided = rank - len(xs)
    if elided < 0 or (elided > 0 and not (left or right)):
        raise ValueError(f"equation {equation!r} is not one for an input of rank {rank}")
    spare = [c for c in string.ascii_letters if c not in xs + ks + ys]
    more = "".join(spare[:elided])
    return (more + xs, ks, more + ys) if left else (xs + more, ks, ys + more)


def contract(equation: str, x: Any, kernel: Any, bias: Any = None) -> Tensor:
    """`einsum(equation, x, kernel) + bias`.

    Args:
        equation: see `axis_labels`; the labels of the kernel are all in x or in the output.
        x: the input.
        kernel: a weight, or a tensor that is made of weights.
        bias: a weight that broadcasts with the product, or None.

    Returns:
        The product, in the common dtype of both; int32 for int8, without overflow.
    """
    y, bias = _contract(equation, convert(x), kernel, bias)
    return y if bias is None else add(y, bias)


def _contract(equation: str, x: Tensor, kernel: Any, bias: Any) -> tuple[Tensor, Any]:
    """The product, and the bias where it is still to be added."""
    if isinstance(kernel, LowRank):
        kernel = kernel.merged(dtypes.result_type(x.dtype, _dtype(kernel.kernel)))
    xs, ks, ys = axis_labels(equation, x.ndim)
    dtype = dtypes.result_type(x.dtype, _dtype(kernel))
    integers = dtype in ("int8", "uint8")
    inner = [a for a in xs if a in ks and a not in ys]
    shared = [a for a in xs if a in ks and a in ys]
    diagonal = len(set(xs)) < len(xs) or len(set(ks)) < len(ks)
    matrices = bool(inner) and not shared and not diagonal
    dtype = "int32" if integers and not (matrices and set(xs) <= set(ks + ys)) else dtype
    x = cast_to(x, dtype)
    if diagonal or (inner and shared):
        y = graph().add("Einsum", x, moved(kernel, lambda t: t, dtype), equation=f"{xs},{ks}->{ys}")
        return y, bias
    summed = [i for i, a in enumerate(xs) if a not in ks and a not in ys]
    if summed:
        x = opset.reduce("ReduceSum", x, summed, False)
        xs = "".join(a for i, a in enumerate(xs) if i not in summed)
    if not inner:
        return _spread(x, kernel, xs, ks, ys, dtype), bias
    columns = [a for a in ys if a in ks]
    size = dict(zip(xs, x.shape, strict=True)) | dict(zip(ks, kernel.shape, strict=True))
    wanted = [size[a] for a in ys]
    depth, width = product(size[a] for a in inner), product(size[a] for a in columns)
    at = xs.index(inner[0])
    front, between, behind = xs[:at], xs[at : at + len(inner)], xs[at + len(inner) :]
    if behind and between == "".join(inner) and ys == front + "".join(columns) + behind:
        # The kernel on the left: the inner axes may stay where they are.
        order = [ks.index(a) for a in (*columns, *inner)]
        matrix = moved(kernel, lambda t: reshape(transpose(t, order), (width, depth)), dtype)
        x = reshape(x, (*x.shape[:at], depth, product(size[a] for a in behind)))
        return reshape(_matmul(matrix, x), wanted), bias
    rows = [a for a in ys if a not in ks]
    order = [ks.index(a) for a in (*inner, *columns)]
    matrix = moved(
        kernel, lambda t: reshape(transpose(t, order), (depth, width) if columns else (depth,)), dtype
    )
    x = transpose(x, [xs.index(a) for a in (*rows, *inner)])
    x = reshape(x, [*(size[a] for a in rows), depth])
    y = _matmul(x, matrix)
    if bias is not None and tuple(ys) == (*rows, *columns) and bias.shape == tuple(wanted[len(rows) :]):
        # Before the columns are told apart: the bias is right behind the product, where runtimes fuse it.
        y, bias = graph().add("Add", y, moved(bias, lambda t: reshape(t, (width,)), y.dtype)), None
    y = reshape(y, [size[a] for a in (*rows, *columns)])
    return transpose(y, [(*rows, *columns).index(a) for a in ys]), bias


def _matmul(a: Tensor, b: Tensor) -> Tensor:
    return graph().add("MatMulInteger" if a.dtype in ("int8", "uint8") else "MatMul", a, b)


def multiply_matrices(x: Any, kernel: Any) -> Tensor:
    """`x @ kernel` over the last axis of x and the first of a kernel of rank 2; int8 gives int32."""
    x = convert(x)
    if isinstance(kernel, LowRank):
        kernel = kernel.merged(dtypes.result_type(x.dtype, _dtype(kernel.kernel)))
    dtype = dtypes.result_type(x.dtype, _dtype(kernel))
    return _matmul(cast_to(x, dtype), moved(kernel, lambda t: t, dtype))


def _spread(x: Tensor, kernel: Any, xs: str, ks: str, ys: str, dtype: str) -> Tensor:
    """A product without a sum: both broadcast to the axes of the output."""

    def aligned(t: Tensor, labels: str) -> Tensor:
        t = transpose(t, [labels.index(a) for a in ys if a in labels])
        missing = [i for i, a in enumerate(ys) if a not in labels]
        return expand_dims(t, missing) if missing else t

    return graph().add("Mul", aligned(x, xs), moved(kernel, lambda t: aligned(t, ks), dtype))


def _dtype(x: Any) -> str:
    """The dtype in which a weight is seen in the layer that is being built."""
    if isinstance(x, Variable):
        wanted = graph().autocast
        return wanted if wanted and x.autocast and dtypes.is_float(x.dtype) else x.dtype
    return convert(x).dtype
