"""A ConvLSTM2D over frames, defined once for Keras and for portable-layers."""

from __future__ import annotations

from typing import Any


def build(keras: Any, height: int = 12, width: int = 16, filters: int = 6) -> Any:
    """The untrained network: frames so far to the next frame, at every time.

    Input shape:  `frames`, float32 `(batch, any, height, width, 1)`
    Output shape: `next_frame`, of the same shape

    Args:
        keras: the module to build it with, `keras` or `portable_layers`.
        height, width: size of a frame.
        filters: channels of the states.
    """
    layers = keras.layers
    frames = keras.Input((None, height, width, 1), name="frames")
    x = layers.ConvLSTM2D(filters, 3, padding="same", return_sequences=True, name="motion")(frames)
    x = layers.BatchNormalization(name="normal")(x)
    x = layers.ConvLSTM2D(filters, 3, padding="same", return_sequences=True, name="texture")(x)
    frame = layers.Conv3D(1, 3, padding="same", activation="sigmoid", name="next_frame")(x)
    return keras.Model(frames, frame, name="video")
