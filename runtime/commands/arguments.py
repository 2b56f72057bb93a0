"""Argument types and options that several commands share."""

from __future__ import annotations

import argparse
import math


def positive(text: str) -> int:
    """A whole number from 1 on."""
    value = int(text) if text.isascii() and text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a positive number, received {text!r}")
    return value


def tolerance(text: str) -> float:
    """A finite number from 0 on."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number from 0 on, received {text!r}")
    return value


def add_provider(parser: argparse.ArgumentParser, default: str) -> None:
    """Declare `--provider`."""
    names = ("auto", "cpu", "cuda", "tensorrt", "openvino", "reference")
    listed = ", ".join(f"{name} (default)" if name == default else name for name in names)
    parser.add_argument(
        "--provider", default=default, metavar="NAME", help=f"{listed}; or several in order: cuda,cpu"
    )


def providers(text: str) -> str | list[str]:
    """What `InferenceEngine` takes for the value of `--provider`."""
    return text.split(",") if "," in text else text
