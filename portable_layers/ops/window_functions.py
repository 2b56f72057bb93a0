"""Windows of signal processing (`keras.ops.bartlett`, ...): vectors of a known length."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.ops.dispatch import graph, op


def _window(function: Any, x: Any, *args: Any) -> Any:
    return graph().constant(function(int(x), *args).astype(np.float32))


@op("")
def bartlett(x: int) -> Any:
    """A triangle of this length."""
    return _window(np.bartlett, x)


@op("")
def blackman(x: int) -> Any:
    """Blackman's window of this length."""
    return _window(np.blackman, x)


@op("")
def hamming(x: int) -> Any:
    """Hamming's window of this length."""
    return _window(np.hamming, x)


@op("")
def hanning(x: int) -> Any:
    """Hann's window of this length."""
    return _window(np.hanning, x)


@op("")
def kaiser(x: int, beta: float) -> Any:
    """Kaiser's window of this length; the larger beta, the narrower."""
    return _window(np.kaiser, x, float(beta))
