"""Attention (`keras.ops.nn`)."""

from __future__ import annotations

import math
from typing import Any

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import scalar
from portable_layers.ops.reduction import positions
from portable_layers.ops.reordering import repeat
from portable_layers.ops.shaping import expand_dims, transpose
from portable_layers.tensor import Tensor


@op("nn.DotProductAttention", "query", "key", "value", keywords=("bias", "mask", "scale"))
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """`softmax(query @ key * scale + bias) @ value` for each head.

    Args:
        query: `(batch, target, heads, dim)`.
        key, value: `(batch, source, heads, dim)`; with fewer heads each serves several of the query.
        bias: added to the logits `(batch, heads, target, source)`.
        mask: what may be attended to, booleans that broadcast with the logits.
        scale: 1 / sqrt(dim) by default.
        is_causal: no attention to what comes later.
        flash_attention: how to compute it, not what.

    Returns:
        `(batch, target, heads, dim)`.

    Raises:
        ValueError: for tensors of another rank, or a soft cap, which Keras has on TPUs only.
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(f"a soft cap is for TPUs only. Received: {attn_logits_soft_cap}")
    q, k, v = convert(query), convert(key), convert(value)
    if any(x.ndim != 4 for x in (q, k, v)):
        raise ValueError(f"dot_product_attention needs tensors of rank 4. Received: {q!r}, {k!r}, {v!r}")
    dtype = dtypes.result_type(q.dtype, k.dtype, v.dtype)
    q, k, v = (cast_to(x, dtype) for x in (q, k, v))
    heads, shared = q.shape[2], k.shape[2]
    if isinstance(heads, int) and isinstance(shared, int) and heads > shared > 1:
        k, v = repeat(k, heads // shared, axis=2), repeat(v, heads // shared, axis=2)
    g = graph()
    logits = g.add("MatMul", transpose(q, (0, 2, 1, 3)), transpose(k, (0, 2, 3, 1)))
    logits = cast_to(logits, dtypes.result_type(dtype, "float32"))
    logits = g.add("Mul", logits, cast_to(_scale(k) if scale is None else scale, logits.dtype))
    if bias is not None:
        logits = g.add("Add", logits, cast_to(cast_to(bias, dtype), logits.dtype))
    allowed = _allowed(logits, mask, is_causal)
    if allowed is not None:
        # Keras's large negative number, not -inf: a row that may attend to nothing gives a mean.
        logits = g.add("Where", allowed, logits, scalar(-0.7 * 3.38953e38, logits))
    shares = cast_to(g.add("Softmax", logits, axis=3), dtype)
    return transpose(g.add("MatMul", shares, transpose(v, (0, 2, 1, 3))), (0, 2, 1, 3))


def _scale(key: Tensor) -> Any:
    size = key.shape[-1]
    if isinstance(size, int):
        return 1.0 / math.sqrt(size)
    root = graph().add("Sqrt", cast_to(graph().size(size), "float32"))
    return graph().add("Reciprocal", root)


def _allowed(logits: Tensor, mask: Any, is_causal: bool) -> Tensor | None:
    allowed = None if mask is None else cast_to(mask, "bool")
    if is_causal:
        target, source = logits.shape[-2:]
        past = graph().add("GreaterOrEqual", expand_dims(positions(target), -1), positions(source))
        allowed = past if allowed is None else graph().add("And", allowed, past)
    return allowed
