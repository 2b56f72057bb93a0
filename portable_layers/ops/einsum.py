"""Sums of products by Einstein's convention (`keras.ops.einsum`).

Two operands whose indices say a product of matrices become one MatMul, which every runtime is fastest
at; all else is ONNX's Einsum.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portable_layers import dtypes
from portable_layers.dims import Size, product
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.products import matrix_product
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import reshape, transpose
from portable_layers.tensor import Tensor


@dataclass(frozen=True)
class Subscripts:
    """Indices of the operands and of the result, one letter an axis; an ellipsis is spelled out."""

    operands: tuple[str, ...]
    result: str


def parse(subscripts: str, ranks: Sequence[int]) -> Subscripts:
    """The indices of every axis.

    Raises:
        ValueError: for subscripts that do not fit the operands.
    """
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise ValueError(f"{subscripts!r} describes {len(parts)} operands. Received: {len(ranks)}")
    spare = [c for c in string.ascii_letters if c not in text]
    lengths = [rank - len(p.replace("...", "")) for p, rank in zip(parts, ranks, strict=True)]
    longest = max((n for n, p in zip(lengths, parts, strict=True) if "..." in p), default=0)
    dots = "".join(spare[:longest])
    spelled = []
    for part, length, rank in zip(parts, lengths, ranks, strict=True):
        if length < 0 or (length and "..." not in part):
            raise ValueError(f"{part!r} in {subscripts!r} does not fit an operand of rank {rank}")
        spelled.append(part.replace("...", dots[longest - length :]))
    if not arrow:
        once = sorted(c for c in set(left) - set(",.") if left.count(c) == 1)
        right = ("..." if "..." in left else "") + "".join(once)
    result = right.replace("...", dots)
    unknown = set(result) - set("".join(spelled))
    if unknown or len(set(result)) != len(result):
        raise ValueError(f"the result of {subscripts!r} must name indices of the operands, each once")
    return Subscripts(tuple(spelled), result)


@op("numpy.Einsum", "*operands")
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """The sum of products that the subscripts say, with an ellipsis too.

    Operands of int8 give int32, as in Keras. Further options (`optimize`) say how to compute it, not
    what.
    """
    xs = [convert(x) for x in operands]
    found = {x.dtype for x in xs}
    dtype = "int32" if found == {"int8"} else dtypes.result_type(*(x.dtype for x in xs))
    # Keras computes integers in float32, whose whole numbers end at 2**24; these do not.
    compute = dtype if dtypes.is_float(dtype) or dtype == "int64" else "int32"
    xs = [cast_to(x, compute) for x in xs]
    indices = parse(subscripts, [x.ndim for x in xs])
    reduced = [_summed(x, i, indices, n) for n, (x, i) in enumerate(zip(xs, indices.operands, strict=True))]
    xs, names = [x for x, _ in reduced], [i for _, i in reduced]
    plain = all(len(set(i)) == len(i) for i in names)
    if plain and len(xs) == 1:
        result = transpose(xs[0], [names[0].index(c) for c in indices.result])
    elif plain and len(xs) == 2 and _sizes_agree(xs, names):
        result = _pair(xs[0], xs[1], names[0], names[1], indices.result)
    else:
        equation = f"{','.join(names)}->{indices.result}"
        result = graph().add("Einsum", *xs, equation=equation, shape=_result_shape(xs, names, indices.result))
    return cast_to(result, dtype)


def _summed(x: Tensor, names: str, indices: Subscripts, place: int) -> tuple[Tensor, str]:
    """An operand without the axes that stand nowhere else."""
    others = indices.result + "".join(i for n, i in enumerate(indices.operands) if n != place)
    alone = [a for a, c in enumerate(names) if c not in others and names.count(c) == 1]
    kept = "".join(c for a, c in enumerate(names) if a not in alone)
    return (reduce("ReduceSum", x, alone) if alone else x), kept


def _sizes_agree(xs: Sequence[Tensor], names: Sequence[str]) -> bool:
    """Whether no shared axis is broadcast from size 1."""
    sizes: dict[str, Size] = {}
    for x, name in zip(xs, names, strict=True):
        for c, n in zip(name, x.shape, strict=True):
            if (sizes.setdefault(c, n) == 1) != (n == 1):
                return False
    return True


def _result_shape(xs: Sequence[Tensor], names: Sequence[str], result: str) -> tuple[Size, ...]:
    sizes: dict[str, Size] = {}
    for x, name in zip(xs, names, strict=True):
        for c, n in zip(name, x.shape, strict=True):
            if (isinstance(n, int) and n != 1) or sizes.get(c, 1) == 1:
                sizes[c] = n
    return tuple(sizes[c] for c in result)


def _pair(a: Tensor, b: Tensor, left: str, right: str, result: str) -> Tensor:
    """Two operands as one product of matrices: `(batch, rows, inner) @ (batch, inner, columns)`."""
    batch = [c for c in result if c in left and c in right]
    inner = [c for c in left if c in right and c not in result]
    rows = [c for c in result if c in left and c not in right]
    columns = [c for c in result if c in right and c not in left]
    sizes = dict(zip(left + right, a.shape + b.shape, strict=True))
    # A size that is known in one operand holds in the other.
    for c, n in zip(left + right, a.shape + b.shape, strict=True):
        if isinstance(n, int):
            sizes[c] = n

    def shaped(x: Tensor, names: str, *groups: list[str]) -> Tensor:
        order = [names.index(c) for group in (batch, *groups) for c in group]
        wanted = [sizes[c] for c in batch] + [product(sizes[c] for c in group) for group in groups]
        return reshape(transpose(x, order), wanted)

    # A plain stack of vectors times one matrix needs no flattening: MatMul broadcasts.
    if not batch and len(columns) == 1 and len(inner) == 1 and left == "".join(rows + inner):
        second = transpose(b, [right.index(c) for c in inner + columns])
        made = matrix_product(a, second)
    else:
        made = matrix_product(shaped(a, left, rows, inner), shaped(b, right, inner, columns))
        made = reshape(made, [sizes[c] for c in batch + rows + columns])
    named = batch + rows + columns
    return transpose(made, [named.index(c) for c in result])
