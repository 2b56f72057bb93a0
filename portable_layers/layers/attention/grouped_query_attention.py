"""GroupedQueryAttention: several heads of queries share one of keys and values."""

from __future__ import annotations

import math
from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, Case, case
from portable_layers.layers.attention.projected_attention import _ProjectedAttention, align_mask
from portable_layers.ops.attention import attend
from portable_layers.ops.attention_masks import check_broadcast

_PLAIN = "MatMul Add " * 3 + "Attention MatMul Add"


class GroupedQueryAttention(_ProjectedAttention):
    """`MultiHeadAttention` over one axis, with fewer heads of keys and values than of queries.

    Args:
        head_dim: size of a head.
        num_query_heads: number of heads of queries; a multiple of that of keys.
        num_key_value_heads: number of heads of keys and values; 1 is multi-query attention.
        dropout, use_bias, sliding_window, flash_attention, kernel_initializer, ..., bias_constraint,
            use_gate, seed: as for `MultiHeadAttention`.

    Input shape:  query `(batch, queries, features)`, value and key `(batch, keys, features)`; masks as for
        `MultiHeadAttention`
    Output shape: that of the query; with `return_attention_scores` also the weights,
        `(batch, heads, queries, keys)`
    """

    # Keras exports the class under another name than its own.
    keras_name = "GroupQueryAttention"
    aliases = ("GroupQueryAttention",)
    cases: tuple[Case, ...] = (
        case((5, 8), (4, 8), as_list=False, head_dim=3, num_query_heads=4, num_key_value_heads=2, ops=_PLAIN,
             dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case(Array((None, 8), sizes=(5,)), Array((None, 8), sizes=(5,)), as_list=False, head_dim=3,
             num_query_heads=4, num_key_value_heads=1, use_bias=False, dropout=0.2, sliding_window=3,
             call={"use_causal_mask": True},
             ops="Shape Squeeze Range Unsqueeze " * 2 + "GreaterOrEqual Sub Abs Less And Unsqueeze MatMul MatMul MatMul "
             "Where Attention ReduceMax Squeeze GreaterOrEqual Where MatMul"),
        case((4, 6), (4, 6), as_list=False, head_dim=3, num_query_heads=4, num_key_value_heads=2, use_gate=True,
             call={"return_attention_scores": True, "use_causal_mask": True},
             ops="MatMul Add Reshape Sigmoid " + "MatMul Add " * 3 + "Mul Reshape Transpose Reshape Transpose MatMul "
             "Where Softmax Where Reshape Transpose MatMul Transpose Reshape Reshape Mul Reshape MatMul Add",
             dtypes=("mixed_float16",)),
        case((4, 6), (4, 6), (4, 5), as_list=False, head_dim=3, num_query_heads=2, num_key_value_heads=2,
             ops=_PLAIN),
    )  # fmt: skip

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "num_query_heads must be a multiple of num_key_value_heads. "
                f"Received: num_query_heads={num_query_heads}, num_key_value_heads={num_key_value_heads}"
            )
        super().__init__(
            dropout, sliding_window, flash_attention, activity_regularizer=activity_regularizer, **kwargs
        )

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # type: ignore[override]
        key_shape = value_shape if key_shape is None else key_shape
        if query_shape[-1] != value_shape[-1]:
            raise ValueError(
                "query and value must have as many features. "
                f"Received: query_shape={query_shape}, value_shape={value_shape}"
            )
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(
                "value and key must have equal sizes but for the features. "
                f"Received: value_shape={value_shape}, key_shape={key_shape}"
            )
        queries, keys = self.num_query_heads, self.num_key_value_heads
        self._query_dense = self._to_heads("query", "bqm,muh->bquh", query_shape, queries)
        self._key_dense = self._to_heads("key", "bkm,mvh->bkvh", key_shape, keys)
        if self.use_gate:
            self._gate_dense = self._to_heads("gate", "bqm,muh->bquh", query_shape, queries, "sigmoid")
        self._value_dense = self._to_heads("value", "bkm,mvh->bkvh", value_shape, keys)
        self._build_weighting(-1)
        self._output_dense = self._projection(
            "attention_output", "bquh,uhm->bqm", [None, query_shape[-1]], "m"
        )
        self._output_dense.build((None, None, queries, self.head_dim))

    def _to_heads(self, name: str, equation: str, shape: Any, heads: int, activation: Any = None) -> Any:
        layer = self._projection(name, equation, [None, heads, self.head_dim], equation[-2:], activation)
        layer.build(shape)
        return layer

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        returns_weights = self._returns_weights(return_attention_scores)
        plain = self.dropout <= 0 and not returns_weights
        masks = (query_mask, value_mask, key_mask, attention_mask)
        causal = bool(use_causal_mask) and self.sliding_window is None and all(m is None for m in masks)
        mask = None
        if not causal:
            mask = self._combined_mask(query, value, *masks, bool(use_causal_mask))
        if mask is not None:
            sizes = (query.shape[0], self.num_query_heads, query.shape[1], key.shape[1])
            aligned = align_mask(mask, 4, 1)
            check_broadcast(aligned, sizes, "attention_mask", "(batch, heads, queries, keys)", mask)
            if aligned.dtype != "bool" and not plain:
                # Keras's Softmax reads numbers so.
                aligned = ops.greater(aligned, ops.cast(0.5, aligned.dtype))
            mask = ops.cast(aligned, "bool")
        gate = self._gate_dense(query) if self.use_gate else None
        heads = [self._query_dense(query), self._key_dense(key), self._value_dense(value)]
        q, k, v = (ops.reshape(x, (*x.shape[:2], x.shape[2] * x.shape[3])) for x in heads)
        y, weights = attend(
            q,
            k,
            v,
            mask,
            heads=self.num_query_heads,
            key_heads=self.num_key_value_heads,
            scale=1 / math.sqrt(self.head_dim),
            causal=causal,
            zero_masked=not plain,
            return_weights=returns_weights,
            drop=self._drop(training),
        )
        y = ops.reshape(y, heads[0].shape)
        y = self._output_dense(y if gate is None else ops.multiply(y, gate))
        return (y, weights) if return_attention_scores else y
