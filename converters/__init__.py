"""Converters between Keras and ONNX."""

from converters.from_keras import from_keras
from converters.from_onnx import from_onnx
from converters.to_keras import to_keras, to_keras_file

__all__ = ["from_keras", "from_onnx", "to_keras", "to_keras_file"]
