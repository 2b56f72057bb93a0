"""Scaled dot-product attention: the ONNX operator where it says what is meant, else its parts.

The operator `Attention` (opset 23) takes heads side by side, so that nothing is transposed, and has
fused kernels: ONNX Runtime's CPU provider in float32 and float16, its CUDA provider in those and
bfloat16 (flash attention without a mask in half precision, memory-efficient attention with one). What
its kernels lack is said by its parts: float64, weights that are returned, dropout between.

Three things are said with care. A mask is added as a finite number, because boolean masks are treated
differently by version and provider where a query may attend to nothing (zeros, the mean, NaN), and
because CUDA took no boolean masks at first. A mask has its full size along queries and keys, because
kernels broadcast only batch and heads. A causal mask beside another one is part of that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Dim, Size
from portable_layers.ops import opset
from portable_layers.ops.attention_masks import causal_mask, check_broadcast
from portable_layers.ops.comparison import choose, logical_and
from portable_layers.ops.dispatch import cast_to, convert, graph, op, promote
from portable_layers.ops.elementwise import add, multiply
from portable_layers.ops.products import matrix_product
from portable_layers.ops.shaping import broadcast_to, expand_dims, reshape, squeeze, transpose
from portable_layers.tensor import Tensor, shape_text

_OPERATOR_DTYPES = ("float32", "float16", "bfloat16")
# What is added to a masked score: so large that the score vanishes in it, far from overflow.
_MASKED = {"float16": -4e4}
_MASKED_ELSE = -1e20


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    heads: int,
    key_heads: int,
    scale: Any,
    causal: bool = False,
    zero_masked: bool = False,
    return_weights: bool = False,
    drop: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor | None]:
    """`softmax(scale * query @ key.T + bias) @ value` for each head.

    Args:
        query: `(batch, queries, heads * dim)`.
        key: `(batch, keys, key_heads * dim)`; each head of keys serves `heads / key_heads` of queries.
        value: `(batch, keys, key_heads * value_dim)`.
        mask: booleans of rank 4 that broadcast to `(batch, heads, queries, keys)`: what takes part.
        bias: numbers of such a shape.
        scale: a number, or a scalar tensor.
        causal: a query attends to the keys up to its own place.
        zero_masked: a query that may attend to nothing gives zeros, as in Keras's layers that return
            the weights; else the mean of the values, as in `keras.ops.dot_product_attention`.
        return_weights: whether the weights are wanted too.
        drop: what is done with the weights before they are applied, in training.

    Returns:
        `(batch, queries, heads * value_dim)`; and the weights `(batch, heads, queries, keys)`, or None.
    """
    if causal and (mask is not None or bias is not None):
        triangle = expand_dims(causal_mask(query.shape[1], key.shape[1]), 0)
        mask = triangle if mask is None else logical_and(mask, triangle)
        causal = False
    g = graph()
    sizes = (query.shape[0], heads, query.shape[1], key.shape[1])
    if (
        g.opset >= 23
        and query.dtype in _OPERATOR_DTYPES
        and isinstance(scale, float)
        and scale > 0
        and not return_weights
        and drop is None
        and all(t is None or _can_fill(t, sizes) for t in (mask, bias))
        and not (zero_masked and mask is not None and mask.shape[1] != 1)
    ):
        added = _addend(mask, bias, sizes, query.dtype)
        y = g.add(
            "Attention",
            query,
            key,
            value,
            added,
            q_num_heads=heads,
            kv_num_heads=key_heads,
            scale=scale,
            is_causal=1 if causal else None,
            shape=(*query.shape[:2], heads * (value.shape[2] // key_heads)),
        )
        if zero_masked and mask is not None and added is not None:
            largest = squeeze(opset.reduce("ReduceMax", added, [3], True), 1)
            open_ = g.add("GreaterOrEqual", largest, cast_to(_masked(y.dtype) / 2, y.dtype))
            y = choose(open_, y, cast_to(0.0, y.dtype))
        return y, None
    if causal:
        mask = expand_dims(causal_mask(query.shape[1], key.shape[1]), 0)
    return _decomposed(query, key, value, mask, bias, heads, key_heads, scale, zero_masked, drop)


def _masked(dtype: str) -> float:
    return _MASKED.get(dtype, _MASKED_ELSE)


def _can_fill(x: Tensor, sizes: tuple[Size, ...]) -> bool:
    """Whether x is known to have, or to be broadcast to, these sizes; the operator itself tells a batch
    of 1 from a whole one."""
    known = all(n == 1 or n == size for n, size in zip(x.shape[1:], sizes[1:], strict=True))
    return known and (isinstance(x.shape[0], Dim) or x.shape[0] in (1, sizes[0]))


def _addend(mask: Tensor | None, bias: Tensor | None, sizes: tuple[Size, ...], dtype: str) -> Tensor | None:
    """Mask and bias as one bias, of full size along queries and keys."""
    if mask is None:
        return None if bias is None else broadcast_to(bias, (*bias.shape[:2], *sizes[2:]))
    mask = broadcast_to(mask, (*mask.shape[:2], *sizes[2:]))
    return choose(mask, cast_to(0.0, dtype) if bias is None else bias, cast_to(_masked(dtype), dtype))


def _decomposed(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    heads: int,
    key_heads: int,
    scale: Any,
    zero_masked: bool,
    drop: Callable[[Tensor], Tensor] | None,
) -> tuple[Tensor, Tensor]:
    dtype, repeats = query.dtype, heads // key_heads
    # Heads of queries that share one of keys have an axis behind it.
    own: tuple[int, ...] = () if repeats == 1 else (repeats,)
    shared: tuple[int, ...] = () if repeats == 1 else (1,)
    if zero_masked:
        # Keras's layers scale the query.
        query = multiply(query, cast_to(scale, dtype))
    scores = matrix_product(_per_head(query, key_heads, own), _per_head(key, key_heads, shared, columns=True))
    wide = dtype
    if not zero_masked:
        wide = dtypes.result_type(dtype, "float32")
        scores = multiply(cast_to(scores, wide), cast_to(scale, wide))
    if bias is not None:
        scores = add(scores, cast_to(_grouped(bias, key_heads, own), wide))
    if mask is not None:
        mask = _grouped(mask, key_heads, own)
        least = -0.7 * 3.38953e38
        if zero_masked:
            least = -3e4 if wide == "float16" else -1e9
        scores = choose(mask, scores, cast_to(least, wide))
    weights = graph().add("Softmax", scores, axis=scores.ndim - 1)
    if mask is not None and zero_masked:
        weights = choose(mask, weights, cast_to(0.0, wide))
    weights = cast_to(weights, dtype)
    applied = weights if drop is None else drop(weights)
    y = matrix_product(applied, _per_head(value, key_heads, shared))
    batch, queries = query.shape[:2]
    if repeats > 1:
        y = transpose(y, (0, 3, 1, 2, 4))
        weights = reshape(weights, (batch, heads, queries, key.shape[1]))
    else:
        y = transpose(y, (0, 2, 1, 3))
    return reshape(y, (batch, queries, heads * y.shape[-1])), weights


def _per_head(x: Tensor, key_heads: int, sharing: tuple[int, ...], columns: bool = False) -> Tensor:
    """`(batch, time, heads * dim)` as `(batch, key_heads, *sharing, time, dim)`; time last for columns."""
    batch, time, width = x.shape
    parts = (key_heads, *sharing)
    split = reshape(x, (batch, time, *parts, width // math.prod(parts)))
    time_and_dim = [split.ndim - 1, 1] if columns else [1, split.ndim - 1]
    return transpose(split, [0, *range(2, split.ndim - 1), *time_and_dim])


def _grouped(x: Tensor, key_heads: int, own: tuple[int, ...]) -> Tensor:
    """What broadcasts to `(batch, heads, queries, keys)`, to broadcast with scores in groups of heads."""
    if not own:
        return x
    groups = (1, 1) if x.shape[1] == 1 else (key_heads, *own)
    return reshape(x, (x.shape[0], *groups, *x.shape[2:]))


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
    """`softmax(scale * query @ key.T + bias) @ value` for each head; softmax is computed in float32 at least.

    Args:
        query: `(batch, queries, heads, dim)`.
        key, value: `(batch, keys, key_heads, dim)`; `heads` is a multiple of `key_heads`.
        bias: is added to the scores; broadcasts to `(batch, heads, queries, keys)`.
        mask: True where a key takes part, of such a shape too.
        scale: `1 / sqrt(dim)` by default.
        is_causal: whether a query attends only to keys up to its own place.
        flash_attention: has no meaning here: the runtime chooses its kernel.
        attn_logits_soft_cap: must be None; Keras has it on TPUs only.

    Returns:
        `(batch, queries, heads, value_dim)`.

    Raises:
        ValueError: for shapes that do not fit together.
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(
            "attn_logits_soft_cap must be None, Keras supports it on TPUs only. "
            f"Received: attn_logits_soft_cap={attn_logits_soft_cap}"
        )
    query, key, value = promote(query, key, value)
    ranks = [t.ndim for t in (query, key, value)]
    if ranks != [4, 4, 4]:
        raise ValueError(
            "query, key and value must have the shape (batch, time, heads, dim). Received: "
            + ", ".join(shape_text(t.shape) for t in (query, key, value))
        )
    heads, dim, key_heads = query.shape[2], query.shape[3], key.shape[2]
    known = isinstance(heads, int) and isinstance(key_heads, int) and isinstance(dim, int)
    if not known or heads % key_heads or value.shape[2] != key_heads or key.shape[3] != dim:
        raise ValueError(
            "query, key and value must have known numbers of heads, those of the query a multiple of those of "
            "key and value, and query and key one dim. Received: query="
            f"{shape_text(query.shape)}, key={shape_text(key.shape)}, value={shape_text(value.shape)}"
        )
    sizes = (query.shape[0], heads, query.shape[1], key.shape[1])
    axes = "(batch, heads, queries, keys)"
    full: list[Tensor | None] = []
    for x, name, dtype in ((mask, "mask", "bool"), (bias, "bias", query.dtype)):
        tensor = None if x is None else cast_to(convert(x), dtype)
        if tensor is not None:
            check_broadcast(tensor, sizes, name, axes)
            tensor = reshape(tensor, (*(1,) * (4 - tensor.ndim), *tensor.shape))
        full.append(tensor)
    y, _ = attend(
        *(_joined(t) for t in (query, key, value)),
        *full,
        heads=heads,
        key_heads=key_heads,
        scale=_number(scale, dim),
        causal=is_causal,
    )
    return reshape(y, (*y.shape[:2], heads, value.shape[3]))


def _joined(x: Tensor) -> Tensor:
    """`(batch, time, heads, dim)` with the heads side by side."""
    return reshape(x, (*x.shape[:2], x.shape[2] * x.shape[3]))


def _number(scale: Any, dim: int) -> Any:
    """The scale as a number where it is known."""
    if scale is None:
        return 1 / math.sqrt(dim)
    constant = scale.constant if isinstance(scale, Tensor) else scale
    return float(constant) if isinstance(constant, int | float | np.ndarray | np.generic) else scale
