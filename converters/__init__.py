"""Converters between Keras and ONNX, and the comparison of what came out."""

from converters.comparison import Comparison, OutputComparison
from converters.from_keras import from_keras
from converters.from_onnx import from_onnx
from converters.to_keras import to_keras, to_keras_file
from converters.verify import verify

__all__ = [
    "Comparison",
    "OutputComparison",
    "from_keras",
    "from_onnx",
    "to_keras",
    "to_keras_file",
    "verify",
]
