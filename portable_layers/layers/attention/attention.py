"""Attention: a weighted mean of values, by the likeness of queries and keys."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, Case, case
from portable_layers.layer import Layer
from portable_layers.ops.attention_masks import causal_mask, check_broadcast
from portable_layers.ops.random import dropout
from portable_layers.random import SeedGenerator
from portable_layers.tensor import Tensor


class Attention(Layer):
    """`softmax(scores(query, key)) @ value`.

    Args:
        use_scale: multiply the scores by a weight; with `concat`, the sum in the tanh.
        score_mode: `dot` for `query @ key.T`; `concat` for a weight times the sum of `tanh(query + key)`.
        dropout: share of the weights that is dropped in training.
        seed: of the dropout.

    Input shape:  a list `[query, value]` or `[query, value, key]`: `(batch, queries, dim)`,
        `(batch, keys, value_dim)` and `(batch, keys, dim)`; `mask` is a list `[query_mask, value_mask]`
        of shapes `(batch, queries)` and `(batch, keys)`
    Output shape: `(batch, queries, value_dim)`; with `return_attention_scores` also the weights,
        `(batch, queries, keys)`
    """

    cases: tuple[Case, ...] = (
        case((5, 4), (3, 4), ops="Transpose MatMul Softmax MatMul",
             dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((5, 4), (3, 6), (3, 4), use_scale=True, dropout=0.5, seed=1, call={"use_causal_mask": True},
             ops="Transpose MatMul Mul Sub Where Softmax MatMul"),
        case(Array((None, 4), sizes=(3,)), Array((None, 4), sizes=(5,)), score_mode="concat",
             call={"return_attention_scores": True},
             ops="Unsqueeze Unsqueeze Add Tanh ReduceSum Mul Softmax MatMul"),
        case((5, 4), (3, 4), score_mode="concat", use_scale=True,
             ops="Unsqueeze Unsqueeze Add Mul Tanh ReduceSum Mul Softmax MatMul", dtypes=("mixed_float16",)),
        case((2, 5, 4), (2, 3, 4), ops="Transpose MatMul Softmax MatMul"),
    )  # fmt: skip

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        if score_mode not in ("dot", "concat"):
            raise ValueError(f"score_mode must be 'dot' or 'concat'. Received: score_mode={score_mode!r}")
        super().__init__(**kwargs)
        self.seed = seed
        if dropout > 0:
            self.seed_generator = SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        self._check_list(input_shape, "inputs")
        self.scale = self._add_scalar("scale") if self.use_scale else None
        self.concat_score_weight = (
            self._add_scalar("concat_score_weight") if self.score_mode == "concat" else None
        )

    def _add_scalar(self, name: str) -> Any:
        return self.add_weight(name=name, shape=(), initializer="ones", dtype=self.dtype)

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool | None = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_list(inputs, "inputs")
        query, value, *rest = inputs
        key = rest[0] if rest else value
        query_mask, value_mask = self._masks(mask, query, value)
        scores = self.scores(query, key)
        allowed = None if value_mask is None else ops.expand_dims(value_mask, -2)
        if use_causal_mask:
            triangle = causal_mask(scores.shape[-2], scores.shape[-1])
            allowed = triangle if allowed is None else ops.logical_and(allowed, triangle)
        if allowed is not None:
            # Keras lowers the scores by a number: between keys that are all masked their likeness counts.
            least = 65504.0 if scores.dtype == "float16" else 1.0e9
            scores = ops.where(allowed, scores, ops.subtract(scores, least))
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = dropout(weights, self.dropout, None, self.seed_generator)
        y = ops.matmul(weights, value)
        if query_mask is not None:
            y = ops.where(ops.expand_dims(query_mask, -1), y, 0)
        return (y, weights) if return_attention_scores else y

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """The likeness of each query and key, `(batch, queries, keys)`."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else ops.multiply(scores, self.scale)
        x = self._sums(query, key)
        x = ops.tanh(x if self.scale is None else ops.multiply(self.scale, x))
        return ops.multiply(self.concat_score_weight, ops.sum(x, axis=-1))

    @staticmethod
    def _sums(query: Tensor, key: Tensor) -> Tensor:
        """The sums of each query and key, `(batch, queries, keys, dim)`."""
        return ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))

    def _masks(self, mask: Any, query: Tensor, value: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The masks of query and value as booleans."""
        if mask is None:
            return None, None
        self._check_list(mask, "mask")
        found = []
        for one, x, name in zip(mask, (query, value), ("query_mask", "value_mask"), strict=False):
            if one is not None:
                check_broadcast(
                    one, x.shape[:-1], f"mask: {name}", "the sizes of its tensor without the features"
                )
                one = ops.cast(one, "bool")
            found.append(one)
        return found[0], found[1]

    def _check_list(self, items: Any, what: str) -> None:
        if not isinstance(items, list | tuple) or len(items) not in (2, 3):
            form = "[query_mask, value_mask]" if what == "mask" else "[query, value] or [query, value, key]"
            raise ValueError(f"{what} of {type(self).__name__} must be a list {form}. Received: {items}")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else mask[0]
