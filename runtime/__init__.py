"""Serving and running ONNX models: one engine over the runtimes."""

from runtime.engine import InferenceEngine
from runtime.files import atomic_write
from runtime.signature import TensorInfo
from runtime.threads import usable_cpus

__all__ = ["InferenceEngine", "TensorInfo", "atomic_write", "usable_cpus"]
