"""What of `keras.ops` ONNX cannot say, with the reason: for errors and for the documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_COMPLEX = "its result is complex, and ONNX Runtime has no kernels for complex numbers"

# Functions of keras.ops that are not mapped.
REASONS: dict[str, str] = {
    "eig": f"{_COMPLEX}; eigh is there for symmetric matrices",
    "jvp": "it differentiates a Python function, which a graph of ONNX does not hold",
    "polar": _COMPLEX,
    "view_as_complex": _COMPLEX,
}

# The operation classes whose names do not follow from the functions'.
_CLASSES = {"Eig": "eig", "JVP": "jvp", "Polar": "polar", "ViewAsComplex": "view_as_complex"}


def _sparse(config: Mapping[str, Any]) -> str | None:
    return "ONNX has no sparse tensors; use sparse=False" if config.get("sparse") else None


def _beams(config: Mapping[str, Any]) -> str | None:
    if config.get("strategy") == "beam_search":
        return "a beam search keeps sets of sequences, which ONNX has no form for; use strategy='greedy'"
    return None


# Options of functions that are mapped: by operation class, from its config to the reason or None.
OPTIONS: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    "Bincount": _sparse,
    "CTCDecode": _beams,
    "MultiHot": _sparse,
    "OneHot": _sparse,
}


def reason_for(class_name: str, config: Mapping[str, Any]) -> str | None:
    """Why a recorded operation cannot be exported; None where nothing is known against it."""
    if class_name in _CLASSES:
        return REASONS[_CLASSES[class_name]]
    option = OPTIONS.get(class_name)
    return option(config) if option else None
