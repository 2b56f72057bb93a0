"""A causal transformer decoder with grouped-query attention, defined once for Keras and for
portable-layers: the form of today's language models (RMS normalization, gated feed-forward)."""

from __future__ import annotations

from typing import Any


def build(
    keras: Any,
    vocabulary: int = 1000,
    length: int | None = None,
    width: int = 64,
    blocks: int = 2,
    heads: int = 8,
    key_heads: int = 2,
) -> Any:
    """The untrained network: what token comes next, at every place.

    Input shape:  `tokens`, int32 `(batch, length)`
    Output shape: `logits`, `(batch, length, vocabulary)`

    Args:
        keras: the module to build it with, `keras` or `portable_layers`.
        vocabulary: number of tokens.
        length: tokens of a sequence; None for any number.
        width: size of a token's vector.
        blocks: how many blocks.
        heads, key_heads: heads of queries, and of keys and values that they share.
    """
    layers = keras.layers
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    x = layers.Embedding(vocabulary, width, name="embedding")(tokens)
    for index in range(1, blocks + 1):
        x = decoder_block(layers, x, width, heads, key_heads, f"block_{index}")
    x = layers.RMSNormalization(name="norm")(x)
    logits = layers.Dense(vocabulary, use_bias=False, name="logits")(x)
    return keras.Model(tokens, logits, name="causal_decoder")


def decoder_block(layers: Any, x: Any, width: int, heads: int, key_heads: int, name: str) -> Any:
    """Causal self-attention and a gated feed-forward network, each added to its input."""
    y = layers.RMSNormalization(name=f"{name}_norm_1")(x)
    y = layers.GroupQueryAttention(
        width // heads, heads, key_heads, use_bias=False, name=f"{name}_attention"
    )(y, y, use_causal_mask=True)
    x = layers.Add(name=f"{name}_add_1")([x, y])
    y = layers.RMSNormalization(name=f"{name}_norm_2")(x)
    gate = layers.Dense(2 * width, activation="silu", use_bias=False, name=f"{name}_gate")(y)
    y = layers.Dense(2 * width, use_bias=False, name=f"{name}_expand")(y)
    y = layers.Multiply(name=f"{name}_gated")([gate, y])
    y = layers.Dense(width, use_bias=False, name=f"{name}_project")(y)
    return layers.Add(name=f"{name}_add_2")([x, y])
