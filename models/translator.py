"""A GRU encoder-decoder with additive attention, defined once for Keras and for portable-layers.

The model of Bahdanau, Cho and Bengio (2014), https://arxiv.org/abs/1409.0473, with the attention on the
decoder's outputs.
"""

from __future__ import annotations

from typing import Any


def build(
    keras: Any,
    source_vocabulary: int = 500,
    target_vocabulary: int = 400,
    width: int = 32,
    units: int = 48,
) -> Any:
    """The untrained network: what token of the translation comes next, at every place.

    Input shape:  `source`, int32 `(batch, any)`, and `target`, int32 `(batch, any)`, the translation so
        far; 0 is padding in both
    Output shape: `logits`, `(batch, target length, target_vocabulary)`

    Args:
        keras: the module to build it with, `keras` or `portable_layers`.
        source_vocabulary, target_vocabulary: numbers of tokens.
        width: size of a token's vector.
        units: size of the decoder's state; the encoder has half of it in each direction.
    """
    layers = keras.layers
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    x = layers.Embedding(source_vocabulary, width, mask_zero=True, name="source_embedding")(source)
    encoder = layers.GRU(units // 2, return_sequences=True, return_state=True, name="encoder")
    memory, forward, backward = layers.Bidirectional(encoder, name="both_ways")(x)
    state = layers.Concatenate(name="state")([forward, backward])
    y = layers.Embedding(target_vocabulary, width, mask_zero=True, name="target_embedding")(target)
    y = layers.GRU(units, return_sequences=True, name="decoder")(y, initial_state=state)
    context = layers.AdditiveAttention(name="attention")([y, memory])
    y = layers.Concatenate(name="joined")([y, context])
    y = layers.Dense(units, activation="tanh", name="mixed")(y)
    logits = layers.Dense(target_vocabulary, name="logits")(y)
    return keras.Model([source, target], logits, name="translator")
