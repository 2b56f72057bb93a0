"""A small convolutional network for 8x8 images of digits, defined once for Keras and for portable-layers."""

from __future__ import annotations

from typing import Any

IMAGE_SHAPE = (8, 8, 1)
CLASSES = 10


def build(keras: Any) -> Any:
    """The untrained network.

    Input shape:  `image`, `(batch, 8, 8, 1)`, pixels from 0 to 1
    Output shape: `digit`, `(batch, 10)`, probabilities

    Args:
        keras: the module to build it with, `keras` or `portable_layers`.
    """
    layers = keras.layers
    image = keras.Input(IMAGE_SHAPE, name="image")
    x = image
    for index, filters in enumerate((32, 64), start=1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{index}")(x)
        # An epoch is 45 steps: the statistics must follow faster than with the default of 0.99.
        x = layers.BatchNormalization(momentum=0.9, name=f"norm_{index}")(x)
        x = layers.ReLU(name=f"relu_{index}")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    x = layers.Dense(64, activation="relu", name="hidden")(x)
    digit = layers.Dense(CLASSES, activation="softmax", name="digit")(x)
    return keras.Model(image, digit, name="digits")
