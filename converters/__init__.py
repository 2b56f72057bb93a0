"""Converters between Keras and ONNX."""

from converters.from_keras import from_keras

__all__ = ["from_keras"]
