"""Whether ONNX Runtime can use CUDA here and, when it cannot, why and what to do about it."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.metadata
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

CUDA = "CUDAExecutionProvider"
INSTALL = "pip uninstall onnxruntime && pip install 'portable-layers[gpu]'"


@dataclass(frozen=True)
class Problem:
    """Why a provider cannot be used, and the fix."""

    reason: str
    fix: str

    def __str__(self) -> str:
        return f"{self.reason}. Fix: {self.fix}"


def cuda_problem(onnxruntime: ModuleType) -> Problem | None:
    """What keeps CUDA from being used, as far as can be told without loading a model; None if nothing."""
    return build_problem(onnxruntime, CUDA) or driver_problem()


def build_problem(onnxruntime: ModuleType, provider: str) -> Problem | None:
    """Whether the installed onnxruntime was built without a GPU provider."""
    if provider in onnxruntime.get_available_providers():
        return None
    if {"onnxruntime", "onnxruntime-gpu"} <= _installed("onnxruntime", "onnxruntime-gpu"):
        return Problem(
            "onnxruntime and onnxruntime-gpu are both installed, in one folder, and the CPU build won",
            "pip uninstall onnxruntime onnxruntime-gpu && pip install 'portable-layers[gpu]'",
        )
    return Problem(
        f"the installed onnxruntime {onnxruntime.__version__} is a build without {provider}", INSTALL
    )


def driver_problem() -> Problem | None:
    """Whether the NVIDIA driver is missing or shows no device."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError as error:
        return Problem(
            f"the NVIDIA driver cannot be loaded ({error})",
            "install the NVIDIA driver; in a container, start it with `--gpus all`",
        )
    devices = ctypes.c_int(0)
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(devices))
    if status == 0 and devices.value > 0:
        return None
    return Problem(
        f"the NVIDIA driver shows no usable device (cuInit/cuDeviceGetCount status {status}, "
        f"{devices.value} devices)",
        "check `nvidia-smi` and CUDA_VISIBLE_DEVICES; in a container, start it with `--gpus all`",
    )


def library_problem(onnxruntime: ModuleType, provider: str) -> Problem | None:
    """Which shared library a GPU provider lacks; None when all of them load.

    ONNX Runtime only logs this and goes on without the provider. To be called after it has tried:
    a provider's library that is loaded before ONNX Runtime has set up its side never works.
    """
    stem = {CUDA: "cuda", "TensorrtExecutionProvider": "tensorrt"}.get(provider)
    folder = Path(str(onnxruntime.__file__)).parent / "capi"
    if stem is None or sys.platform != "linux":
        return None
    library = folder / f"libonnxruntime_providers_{stem}.so"
    try:
        # The provider's library takes symbols from this one.
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(library))
    except OSError as error:
        wanted = "TensorRT 10: pip install tensorrt" if stem == "tensorrt" else "CUDA and cuDNN: " + INSTALL
        return Problem(f"a library that {provider} needs cannot be loaded ({error})", f"install {wanted}")
    return None


@functools.cache
def preload_libraries(onnxruntime: ModuleType) -> str:
    """Load the CUDA and cuDNN libraries that pip installed, which the dynamic loader does not find.

    Returns what onnxruntime has to say about it, which it prints instead of raising.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            if hasattr(onnxruntime, "preload_dlls"):
                onnxruntime.preload_dlls()
        except Exception as error:  # a preload that fails may still be followed by one that works
            said.write(str(error))
    return " ".join(said.getvalue().split())


def _installed(*distributions: str) -> set[str]:
    found = set()
    for name in distributions:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            importlib.metadata.version(name)
            found.add(name)
    return found
