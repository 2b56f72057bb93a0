"""The window functions that need no parameter, under SciPy's names.

The formulas are those of the literature that `scipy.signal.windows` cites; SciPy itself, which Keras
uses for `keras.initializers.STFT`, is not needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def check_window(name: str) -> None:
    """Raises a ValueError if `name` is not a window that `window` can make."""
    if _split(name)[0] not in _WINDOWS:
        raise ValueError(f"Unknown window {name!r}. Expected one of {', '.join(sorted(_WINDOWS))}")


def window(name: str, length: int, periodic: bool = False) -> np.ndarray:
    """The window of `length` samples, float64, shape `(length,)`.

    Args:
        name: SciPy's name or short name (`"hann"`, `"hamm"`, ...); the endings `_periodic` and
            `_symmetric` decide over `periodic`.
        length: number of samples, at least 1.
        periodic: leave out the last sample of the symmetric window of `length + 1` samples.

    Raises:
        ValueError: an unknown name or a window that needs parameters, or no samples.
    """
    check_window(name)
    if length < 1:
        raise ValueError(f"A window has at least one sample. Received: length={length}")
    base, periodic_by_name = _split(name)
    if length == 1:
        return np.ones(1)
    if periodic if periodic_by_name is None else periodic_by_name:
        return _WINDOWS[base](length + 1)[:-1]
    return _WINDOWS[base](length)


def _split(name: str) -> tuple[str, bool | None]:
    for ending, periodic in (("_periodic", True), ("_symmetric", False)):
        if name.endswith(ending):
            return name.removesuffix(ending), periodic
    return name, None


def _position(length: int) -> np.ndarray:
    """From -1 at the first sample to 1 at the last."""
    return np.linspace(-1.0, 1.0, length)


def _cosine_sum(length: int, *weights: float) -> np.ndarray:
    x = np.pi * _position(length)
    return np.sum([weight * np.cos(k * x) for k, weight in enumerate(weights)], axis=0)


def _bartlett_hann(length: int) -> np.ndarray:
    x = np.abs(_position(length)) / 2
    return 0.62 - 0.48 * x + 0.38 * np.cos(2 * np.pi * x)


def _bohman(length: int) -> np.ndarray:
    x = np.abs(_position(length))
    values = (1 - x) * np.cos(np.pi * x) + np.sin(np.pi * x) / np.pi
    values[[0, -1]] = 0.0
    return values


def _cosine(length: int) -> np.ndarray:
    return np.sin(np.pi / length * (np.arange(length) + 0.5))


def _exponential(length: int) -> np.ndarray:
    return np.exp(-np.abs(np.arange(length) - (length - 1) / 2))


def _parzen(length: int) -> np.ndarray:
    distance = np.abs(np.arange(length) - (length - 1) / 2)
    x = distance / (length / 2)
    return np.where(distance <= (length - 1) / 4, 1 - 6 * x**2 * (1 - x), 2 * (1 - x) ** 3)


def _taylor(length: int, equal_lobes: int = 4, level_db: float = 30.0) -> np.ndarray:
    """Taylor's window with `equal_lobes - 1` side lobes `level_db` below the main one, 1 in the middle."""
    a = np.arccosh(10 ** (level_db / 20)) / np.pi
    spread = equal_lobes**2 / (a**2 + (equal_lobes - 0.5) ** 2)
    lobes = np.arange(1, equal_lobes)
    x = (np.arange(length) - (length - 1) / 2) / length
    values, middle = np.ones(length), 1.0
    for m in lobes:
        others = lobes[lobes != m]
        numerator = np.prod(1 - m**2 / spread / (a**2 + (lobes - 0.5) ** 2))
        weight = (-1) ** (m + 1) * numerator / np.prod(1 - m**2 / others**2)
        values = values + weight * np.cos(2 * np.pi * m * x)
        middle += weight
    return values / middle


def _triangle(length: int) -> np.ndarray:
    """A triangle whose ends are above zero."""
    return 1 - np.abs(2 * np.arange(length) - (length - 1)) / (length + length % 2)


def _tukey(length: int, tapered: float = 0.5) -> np.ndarray:
    edge = tapered * (length - 1) / 2
    n = np.arange(length)
    distance = np.minimum(n, length - 1 - n)
    return np.where(distance < edge, 0.5 * (1 - np.cos(np.pi * distance / edge)), 1.0)


def _cosines(*weights: float) -> Callable[[int], np.ndarray]:
    return lambda length: _cosine_sum(length, *weights)


_BY_NAMES: dict[str, Callable[[int], np.ndarray]] = {
    "barthann brthan bth": _bartlett_hann,
    "bartlett bart brt": lambda length: 1 - np.abs(_position(length)),
    "blackman black blk": _cosines(0.42, 0.5, 0.08),
    "blackmanharris blackharr bkh": _cosines(0.35875, 0.48829, 0.14128, 0.01168),
    "bohman bman bmn": _bohman,
    "boxcar box ones rect rectangular": np.ones,
    "cosine halfcosine": _cosine,
    "exponential poisson": _exponential,
    "flattop flat flt": _cosines(0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
    "hamming hamm ham": _cosines(0.54, 0.46),
    "hann han": _cosines(0.5, 0.5),
    "lanczos sinc": lambda length: np.sinc(_position(length)),
    "nuttall nutl nut": _cosines(0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "parzen parz par": _parzen,
    "taylor taylorwin": _taylor,
    "triang triangle tri": _triangle,
    "tukey tuk": _tukey,
}
_WINDOWS = {name: function for names, function in _BY_NAMES.items() for name in names.split()}
