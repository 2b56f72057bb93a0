"""Integers and booleans for which ONNX Runtime lacks a kernel: computed in a wider type, and back.

Float types without a kernel are the concern of the pass `passes.kernels`, which sees every node. For
integers the wider type is part of what an operator means: sums and products wrap around at the width
of the narrow type, and the cast back does just that.
"""

from __future__ import annotations

from typing import Any

from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.tensor import Tensor

_WIDE = {
    "bool": "int32",
    "int8": "int32",
    "uint8": "int32",
    "int16": "int32",
    "uint16": "int32",
    "uint32": "int64",
}
_WIDE64 = {**_WIDE, "uint64": "int64"}
# Where even uint64 has none; sums and products come out right modulo 2**64.
_SIGNED_ONLY = frozenset(
    "ReduceSum ReduceMean ReduceProd ReduceMax ReduceMin ReduceSumSquare CumSum Pow TopK Where NonZero "
    "Einsum Trilu Range ArgMax ArgMin Unique".split()
)


def wide_dtype(op_type: str, dtype: str) -> str:
    """The dtype in which an operator is computed."""
    return (_WIDE64 if op_type in _SIGNED_ONLY else _WIDE).get(dtype, dtype)


def widen(op_type: str, *xs: Tensor) -> list[Tensor]:
    """Tensors of one dtype in the dtype in which the operator is computed."""
    return [cast_to(x, wide_dtype(op_type, x.dtype)) for x in xs]


def emit(op_type: str, *xs: Tensor, **attributes: Any) -> Tensor:
    """An operator on tensors of one dtype whose result has that dtype or is boolean."""
    dtype = xs[0].dtype
    wide = wide_dtype(op_type, dtype)
    result = graph().add(op_type, *(cast_to(x, wide) for x in xs), **attributes)
    return cast_to(result, dtype) if result.dtype == wide else result
