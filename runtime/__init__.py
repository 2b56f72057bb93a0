"""Serving and running ONNX models: one engine over the runtimes.

The public names are loaded when they are first used, so that the command line starts at once.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from runtime.engine import InferenceEngine
    from runtime.files import atomic_write
    from runtime.signature import TensorInfo
    from runtime.threads import usable_cpus

__all__ = ["InferenceEngine", "TensorInfo", "atomic_write", "usable_cpus"]

_HOMES = {
    "InferenceEngine": "engine",
    "TensorInfo": "signature",
    "atomic_write": "files",
    "usable_cpus": "threads",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # the next use does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
