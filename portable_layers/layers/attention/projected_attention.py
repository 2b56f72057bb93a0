"""What attention layers share that project their inputs to several heads."""

from __future__ import annotations

from typing import Any

from portable_layers import ops, regularizers
from portable_layers.layer import Layer
from portable_layers.layers.activations.softmax import Softmax
from portable_layers.layers.core.einsum_dense import EinsumDense
from portable_layers.layers.regularization.dropout import Dropout
from portable_layers.ops.attention_masks import causal_mask, check_broadcast, window_mask
from portable_layers.tensor import Tensor

_SHARED = (
    "kernel_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "bias_constraint",
)


class _ProjectedAttention(Layer):
    """An attention layer with projections of query, key, value and result.

    A subclass sets `dropout`, `use_bias`, `seed`, `sliding_window` and the arguments of the weights.
    """

    def __init__(
        self, dropout: float, sliding_window: int | None, flash_attention: bool | None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        if sliding_window is not None and (not isinstance(sliding_window, int) or sliding_window <= 0):
            raise ValueError(
                f"sliding_window must be None or a positive integer. Received: sliding_window={sliding_window!r}"
            )
        if flash_attention and dropout > 0:
            raise ValueError(f"flash_attention excludes dropout. Received: dropout={dropout}")

    # Building

    def _projection(
        self, name: str, equation: str, output_shape: list[Any], bias_axes: str, activation: Any = None
    ) -> EinsumDense:
        shared = {argument: getattr(self, argument) for argument in _SHARED}
        initializers = {
            argument: _copy(getattr(self, argument))
            for argument in ("kernel_initializer", "bias_initializer")
        }
        return EinsumDense(
            equation,
            output_shape=output_shape,
            bias_axes=bias_axes if self.use_bias else None,
            activation=activation,
            activity_regularizer=self._inner_activity_regularizer,
            name=name,
            dtype=self.dtype_policy,
            **shared,
            **initializers,
        )

    @property
    def _inner_activity_regularizer(self) -> Any:
        return self.activity_regularizer

    def _build_weighting(self, axis: Any) -> None:
        self._softmax = Softmax(axis=axis, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(rate=self.dropout, dtype=self.dtype_policy, seed=self.seed)

    # Calling

    def _returns_weights(self, asked: bool) -> bool:
        if asked and self.flash_attention:
            raise ValueError(f"layer {self.name}: flash_attention excludes return_attention_scores")
        return asked

    def _combined_mask(
        self,
        query: Tensor,
        value: Tensor,
        query_mask: Tensor | None,
        value_mask: Tensor | None,
        key_mask: Tensor | None,
        attention_mask: Tensor | None,
        use_causal_mask: bool,
    ) -> Tensor | None:
        """All masks in one, before its axes are told those of the scores; None where there is none.

        Args:
            query, value: `(batch, queries, ...)` and `(batch, keys, ...)`.
            query_mask: `(batch, queries)`; value_mask, key_mask: `(batch, keys)`.
            attention_mask: of any shape that broadcasts to the scores.
        """
        masks = []
        for mask, x, name, axis in (
            (query_mask, query, "query_mask", -1),
            (value_mask, value, "value_mask", -2),
            (key_mask, value, "key_mask", -2),
        ):
            if mask is not None:
                check_broadcast(mask, x.shape[:-1], name, "the sizes of its tensor without the features")
                masks.append(ops.expand_dims(ops.cast(mask, "bool"), axis))
        if use_causal_mask:
            masks.append(causal_mask(query.shape[1], value.shape[1]))
        if self.sliding_window is not None:
            masks.append(window_mask(query.shape[1], value.shape[1], self.sliding_window))
        if not masks:
            return attention_mask
        if attention_mask is not None:
            masks.insert(0, ops.cast(attention_mask, "bool"))
        combined = masks[0]
        for mask in masks[1:]:
            combined = ops.logical_and(combined, mask)
        return combined

    def _drop(self, training: bool | None) -> Any:
        """What is done with the weights in training; None where nothing is."""
        if not training or self.dropout <= 0:
            return None
        return lambda weights: self._dropout_layer(weights, training=True)

    # Config

    def config_arguments(self) -> list[str]:
        # How a runtime computes it is not part of what the layer is.
        return [n for n in super().config_arguments() if n != "flash_attention"]

    def get_config(self) -> dict[str, Any]:
        regularizer = regularizers.serialize(self._inner_activity_regularizer)
        return {**super().get_config(), "activity_regularizer": regularizer}


def align_mask(mask: Tensor, rank: int, attended: int) -> Tensor:
    """A mask `(*batch, *queries, *keys)` with axes of size 1 behind those of the batch, up to a rank.

    Args:
        attended: how many axes of queries, and of keys, there are.

    Raises:
        ValueError: for a mask without all of these axes.
    """
    lead = mask.ndim - 2 * attended
    if lead < 0 or mask.ndim > rank:
        raise ValueError(
            f"attention_mask must have {attended} axes of queries, {attended} of keys, and up to "
            f"{rank - 2 * attended} before them. Received: shape {tuple(mask.shape)}"
        )
    missing = rank - mask.ndim
    return ops.expand_dims(mask, list(range(lead, lead + missing))) if missing else mask


def _copy(initializer: Any) -> Any:
    """An initializer of the same config: one with a random seed draws other values for each weight."""
    if not hasattr(initializer, "get_config"):
        return initializer
    return type(initializer).from_config(initializer.get_config())
