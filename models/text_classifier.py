"""A bidirectional LSTM over padded tokens, defined once for Keras and for portable-layers."""

from __future__ import annotations

from typing import Any


def build(keras: Any, vocabulary: int = 300, width: int = 24, units: int = 16, classes: int = 4) -> Any:
    """The untrained network: tokens to the probability of each class.

    Input shape:  `tokens`, int32 `(batch, any)`; 0 is padding and is passed over wherever it stands
    Output shape: `label`, `(batch, classes)`

    Args:
        keras: the module to build it with, `keras` or `portable_layers`.
        vocabulary: number of tokens.
        width: size of a token's vector.
        units: size of the state in each direction.
        classes: number of classes.
    """
    layers = keras.layers
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(vocabulary, width, mask_zero=True, name="embedding")(tokens)
    x = layers.Bidirectional(layers.LSTM(units, return_sequences=True, name="lstm"), name="both_ways")(x)
    x = layers.Bidirectional(layers.LSTM(units, name="summary_lstm"), name="summary")(x)
    x = layers.Dropout(0.3, seed=1, name="dropout")(x)
    label = layers.Dense(classes, activation="softmax", name="label")(x)
    return keras.Model(tokens, label, name="text_classifier")
