"""An LSTM forecaster, defined once for Keras and for portable-layers."""

from __future__ import annotations

from typing import Any


def build(keras: Any, features: int = 5, units: int = 32, horizon: int = 7) -> Any:
    """The untrained network: a series of any length to its next values.

    Input shape:  `series`, float32 `(batch, any, features)`
    Output shape: `forecast`, `(batch, horizon, features)`

    Args:
        keras: the module to build it with, `keras` or `portable_layers`.
        features: numbers measured at each time.
        units: size of the states of both LSTMs.
        horizon: how many steps are forecast.
    """
    layers = keras.layers
    series = keras.Input((None, features), name="series")
    x = layers.LSTM(units, return_sequences=True, name="short")(series)
    x = layers.LSTM(units, name="long")(x)
    x = layers.Dense(horizon * features, name="steps")(x)
    forecast = layers.Reshape((horizon, features), name="forecast")(x)
    return keras.Model(series, forecast, name="forecaster")
