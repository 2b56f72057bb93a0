"""MultiHeadAttention: attention of several heads, over one axis or several."""

from __future__ import annotations

import math
import string
from typing import Any

from portable_layers import ops, regularizers
from portable_layers.cases import Array, case
from portable_layers.dims import product
from portable_layers.layers.attention.projected_attention import _ProjectedAttention, align_mask
from portable_layers.ops.attention import attend
from portable_layers.ops.attention_masks import causal_mask, check_broadcast
from portable_layers.tensor import Tensor

_SELF = " ".join(["MatMul Add"] * 3 + ["Attention MatMul Add"])


class MultiHeadAttention(_ProjectedAttention):
    """`softmax(q @ k.T / sqrt(key_dim)) @ v` for each head, of projections q, k and v of the inputs; the
    results of all heads are projected once more.

    Args:
        num_heads: number of heads.
        key_dim, value_dim: sizes of a head of query and key, and of value (`key_dim` by default).
        dropout: share of the weights that is dropped in training.
        use_bias: whether projections have a bias.
        output_shape: sizes of the output's axes after those of the query but the last, whose size it
            has by default.
        attention_axes: axes that are attended over; all but batch and features by default.
        sliding_window: a query attends only to keys less than this many places away.
        flash_attention: accepted; the runtime chooses its kernel.
        kernel_initializer, ..., bias_constraint: of the weights of all projections.
        use_gate: multiply the heads' results by `sigmoid` of another projection of the query.
        seed: of the dropout.

    Input shape:  query `(batch, *queries, features)`, value and key `(batch, *keys, features)`; further
        arguments of a call as in Keras: `attention_mask` broadcasts to `(batch, queries, keys)` or
        `(batch, heads, queries, keys)`, True where a query may attend to a key
    Output shape: `(batch, *queries, *output_shape)`; with `return_attention_scores` also the weights,
        `(batch, heads, *queries, *keys)`
    """

    cases = (
        case((5, 8), (5, 8), as_list=False, num_heads=2, key_dim=3, ops=_SELF,
             dtypes=("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")),
        case(Array((None, 8), sizes=(5,)), Array((None, 6), sizes=(4,)), as_list=False,
             num_heads=2, key_dim=3, value_dim=5, use_bias=False, output_shape=7,
             ops="MatMul MatMul MatMul Attention MatMul"),
        case(Array((None, 8), sizes=(5,)), Array((None, 8), sizes=(5,)), as_list=False, num_heads=2,
             key_dim=4, use_gate=True, dropout=0.3, call={"use_causal_mask": True},
             ops="MatMul Add Reshape Sigmoid " + "MatMul Add " * 3 + "Attention Reshape Mul Reshape MatMul Add",
             dtypes=("mixed_float16",)),
        case((4, 6), (4, 6), as_list=False, num_heads=2, key_dim=3, output_shape=(3, 2), sliding_window=2,
             call={"return_attention_scores": True},
             ops="MatMul Add MatMul Add Reshape MatMul Add Reshape Mul Reshape Transpose Transpose MatMul "
             "Where Softmax Where Transpose MatMul Transpose Reshape MatMul Add Reshape"),
        case((3, 4, 6), (3, 2, 6), as_list=False, num_heads=2, key_dim=3, attention_axes=2,
             ops="MatMul Add " * 3 + "Reshape " * 3 + "Attention Reshape Reshape MatMul Add"),
        case((3, 4, 6), (2, 4, 6), as_list=False, num_heads=2, key_dim=3, attention_axes=(1,),
             ops="MatMul Add Reshape " * 3 + "Transpose Reshape " * 3 + "Attention Reshape Transpose Reshape MatMul Add"),
        case((3, 4, 6), (2, 5, 6), as_list=False, num_heads=2, key_dim=3,
             ops="MatMul Add " * 3 + "Reshape " * 3 + "Attention Reshape MatMul Add"),
    )  # fmt: skip

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
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
        for name, size in (("num_heads", num_heads), ("key_dim", key_dim), ("value_dim", value_dim)):
            if not (name == "value_dim" and size is None) and (not isinstance(size, int) or size <= 0):
                raise ValueError(f"{name} must be a positive integer. Received: {name}={size!r}")
        super().__init__(dropout, sliding_window, flash_attention, **kwargs)
        # It is one of the projections, not of the layer itself.
        self._activity_regularizer = regularizers.get(activity_regularizer)
        self.value_dim = value_dim or key_dim
        if isinstance(output_shape, int):
            output_shape = (output_shape,)
        if output_shape and not isinstance(output_shape, list | tuple):
            raise ValueError(f"output_shape must be an int, list or tuple. Received: {output_shape!r}")
        self._output_shape = tuple(output_shape) if output_shape else output_shape
        if isinstance(attention_axes, int):
            attention_axes = (attention_axes,)
        if attention_axes and not isinstance(attention_axes, list | tuple):
            raise ValueError(
                f"attention_axes must be an int, list or tuple. Received: attention_axes={attention_axes!r}"
            )
        self.attention_axes = attention_axes

    @property
    def _inner_activity_regularizer(self) -> Any:
        return self._activity_regularizer

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # type: ignore[override]
        key_shape = value_shape if key_shape is None else key_shape
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(
                "value and key must have equal sizes but for the features. "
                f"Received: value_shape={value_shape}, key_shape={key_shape}"
            )
        # Keras stores weights under the public names where there are both.
        self.query_dense = self._query_dense = self._to_heads("query", query_shape, self.key_dim)
        self.key_dense = self._key_dense = self._to_heads("key", key_shape, self.key_dim)
        if self.use_gate:
            self._gate_dense = self._to_heads("gate", query_shape, self.value_dim, "sigmoid")
        self.value_dense = self._value_dense = self._to_heads("value", value_shape, self.value_dim)
        rank = len(value_shape) + 1
        if self.attention_axes is None:
            self.attention_axes = tuple(range(1, rank - 2))
        else:
            self.attention_axes = tuple(a if a >= 0 else rank - 1 + a for a in self.attention_axes)
        attended = len(self.attention_axes)
        self._build_weighting(tuple(range(rank - 1, rank - 1 + attended)))
        shape = list(self._output_shape or [query_shape[-1]])
        equation, bias_axes = _projection_equation(len(query_shape) - 1, 2, len(shape))
        self._output_dense = self._projection(
            "attention_output", equation, [None] * (len(query_shape) - 2) + shape, bias_axes
        )
        self.output_dense = self._output_dense
        self._output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))

    def _to_heads(self, name: str, shape: Any, size: int, activation: Any = None) -> Any:
        equation, bias_axes = _projection_equation(len(shape) - 1, 1, 2)
        output_shape = [None] * (len(shape) - 2) + [self.num_heads, size]
        layer = self._projection(name, equation, output_shape, bias_axes, activation)
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
        # Keras's rule: the query's own mask is what counts, and masks end here; what else uses these
        # tensors after this layer does not see them.
        query_mask = query._keras_mask
        for x in (query, value, key):
            x._keras_mask = None
        masks = (query_mask, value_mask, key_mask, attention_mask)
        causal = bool(use_causal_mask) and self.sliding_window is None and all(m is None for m in masks)
        mask = None
        if not causal:
            mask = self._combined_mask(query, value, *masks, bool(use_causal_mask))
        gate = self._gate_dense(query) if self.use_gate else None
        heads = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        y, weights = self._attend(
            *heads, mask, causal, training, self._returns_weights(return_attention_scores)
        )
        y = self._output_dense(y if gate is None else ops.multiply(y, gate))
        if query_mask is not None:
            y._keras_mask = query_mask
        return (y, weights) if return_attention_scores else y

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        causal: bool,
        training: bool | None,
        return_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Attention of heads `(batch, ..., heads, dim)`, and its weights where they are asked for."""
        rank, attended = query.ndim, len(self.attention_axes)
        # Where Keras leaves it to `dot_product_attention`, which attends over axis 1.
        plain = rank == 4 and self.dropout <= 0 and not return_weights
        axes = (1,) if plain else self.attention_axes
        if causal and (axes != (1,) or rank > 4):
            causal, mask = False, causal_mask(query.shape[1], key.shape[1])
        batch = [a for a in range(rank - 1) if a not in axes]
        sizes = (
            *(query.shape[a] for a in batch),
            *(query.shape[a] for a in axes),
            *(key.shape[a] for a in axes),
        )
        if mask is not None:
            aligned = align_mask(ops.cast(mask, "bool"), len(sizes), attended)
            check_broadcast(aligned, sizes, "attention_mask", "(batch, heads, queries, keys)", mask)
            mask = aligned
        lead, count = len(batch) - 1, len(axes)
        mask_sizes = None if mask is None else _merged(mask.shape, sizes, (lead, 1, count, count))
        if (
            not batch
            or batch[0] != 0
            or batch[-1] != rank - 2
            or any(query.shape[a] != key.shape[a] for a in batch)
            or (mask is not None and mask_sizes is None)
        ):
            return self._attend_by_equation(query, key, value, axes, mask, training)
        order = [*batch[:-1], *axes, rank - 2, rank - 1]

        def joined(x: Tensor) -> Tensor:
            x = ops.transpose(x, order)
            return ops.reshape(
                x, (product(x.shape[:lead]), product(x.shape[lead : lead + count]), x.shape[-2] * x.shape[-1])
            )

        y, weights = attend(
            joined(query),
            joined(key),
            joined(value),
            None if mask is None else ops.reshape(mask, mask_sizes),
            heads=self.num_heads,
            key_heads=self.num_heads,
            scale=1 / math.sqrt(self.key_dim),
            causal=causal,
            zero_masked=not plain,
            return_weights=return_weights,
            drop=self._drop(training),
        )
        y = ops.reshape(y, (*(query.shape[a] for a in order[:-1]), self.value_dim))
        back = [order.index(a) for a in range(rank)]
        return ops.transpose(y, back), None if weights is None else ops.reshape(weights, sizes)

    def _attend_by_equation(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        axes: tuple[int, ...],
        mask: Tensor | None,
        training: bool | None,
    ) -> tuple[Tensor, Tensor]:
        """The same for any axes and masks."""
        letters = iter(string.ascii_letters)
        of_query = [next(letters) for _ in range(query.ndim)]
        of_key = [next(letters) if a in axes else c for a, c in enumerate(of_query)]
        batch = [c for a, c in enumerate(of_query[:-1]) if a not in axes]
        scores = "".join(batch + [of_query[a] for a in axes] + [of_key[a] for a in axes])
        left, right = "".join(of_query), "".join(of_key)
        query = ops.multiply(query, 1 / math.sqrt(self.key_dim))
        weights = self._softmax(ops.einsum(f"{right},{left}->{scores}", key, query), mask=mask)
        drop = self._drop(training)
        applied = weights if drop is None else drop(weights)
        return ops.einsum(f"{scores},{right}->{left}", applied, value), weights

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_shape": self._output_shape}


def _projection_equation(free: int, bound: int, made: int) -> tuple[str, str]:
    """The equation of a projection of the last axes, and its bias's axes.

    Args:
        free: how many axes stay; bound: how many are summed over; made: how many come in their place.
    """
    letters = string.ascii_lowercase
    kept, summed = letters[:free], letters[free : free + bound]
    new = letters[free + bound : free + bound + made]
    return f"{kept}{summed},{summed}{new}->{kept}{new}", new


def _merged(shape: tuple, sizes: tuple, groups: tuple[int, ...]) -> tuple | None:
    """The sizes of a mask with each group of axes made one; None where a group is broadcast in part."""
    found: list[Any] = []
    start = 0
    for length in groups:
        part, whole = shape[start : start + length], sizes[start : start + length]
        # A single axis needs no merging, so that whether it broadcasts may be known only at run time.
        if length > 1 and any(n != 1 for n in part) and tuple(part) != tuple(whole):
            return None
        found.append(product(part))
        start += length
    return tuple(found)
