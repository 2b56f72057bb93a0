"""A transformer encoder, defined once for Keras and for portable-layers.

The blocks are those of "Attention Is All You Need" with the normalization in front (pre-norm).
"""

from __future__ import annotations

from typing import Any


def build(
    keras: Any,
    vocabulary: int = 1000,
    length: int | None = 128,
    width: int = 256,
    blocks: int = 4,
    heads: int = 8,
    classes: int = 10,
    mask_zero: bool = True,
    dropout: float = 0.1,
) -> Any:
    """The untrained network: a classifier of token sequences.

    Input shape:  `tokens`, int32 `(batch, length)`; 0 is padding where `mask_zero`
    Output shape: `label`, `(batch, classes)`, probabilities

    Args:
        keras: the module to build it with, `keras` or `portable_layers`.
        vocabulary: number of tokens.
        length: tokens of a sequence; None for any number.
        width: size of a token's vector.
        blocks, heads: how many blocks, and heads of attention in each.
        mask_zero: whether token 0 is left out of attention and of the mean.
        dropout: of weights and results in training.
    """
    layers = keras.layers
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    x = layers.Embedding(vocabulary, width, mask_zero=mask_zero, name="embedding")(tokens)
    for index in range(1, blocks + 1):
        x = encoder_block(layers, x, width, heads, dropout, f"block_{index}")
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    label = layers.Dense(classes, activation="softmax", name="label")(x)
    return keras.Model(tokens, label, name="transformer_encoder")


def encoder_block(layers: Any, x: Any, width: int, heads: int, dropout: float, name: str) -> Any:
    """Self-attention and a feed-forward network, each added to its input."""
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm_1")(x)
    y = layers.MultiHeadAttention(heads, width // heads, dropout=dropout, name=f"{name}_attention")(y, y)
    y = layers.Dropout(dropout, name=f"{name}_dropout_1")(y)
    x = layers.Add(name=f"{name}_add_1")([x, y])
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm_2")(x)
    y = layers.Dense(4 * width, activation="gelu", name=f"{name}_expand")(y)
    y = layers.Dense(width, name=f"{name}_project")(y)
    y = layers.Dropout(dropout, name=f"{name}_dropout_2")(y)
    return layers.Add(name=f"{name}_add_2")([x, y])
