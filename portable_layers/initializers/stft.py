"""The kernel of a convolution that computes a short-time Fourier transform.

Definition: `STFT` in `keras/src/initializers/constant_initializers.py` of Keras 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.arrays import is_float, standardize_dtype, standardize_shape
from portable_layers.initializers.initializer import Initializer
from portable_layers.windows import check_window, window


class STFT(Initializer):
    """The real or the imaginary side of a windowed discrete Fourier transform, as a Conv1D kernel.

    Output shape: `(frame_length, 1, fft_length // 2 + 1)`

    Args:
        side: `"real"` or `"imag"`.
        window: the name of a window function (see `portable_layers.windows`), the window's values of
            shape `(frame_length,)`, or None for no window.
        scaling: `"density"` (L2 norm of the window), `"spectrum"` (L1 norm) or None for no scaling.
        periodic: whether a window that is named is the periodic one.

    Raises:
        ValueError: another side, window name or scaling.
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ):
        super().__init__()
        if side not in ("real", "imag"):
            raise ValueError(f"side should be 'real' or 'imag'. Received: side={side}")
        if isinstance(window, str):
            check_window(window)
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(f"scaling should be None, 'density' or 'spectrum'. Received: scaling={scaling}")
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """The kernel; every step is rounded to `dtype`, as in Keras.

        Raises:
            ValueError: a shape other than `(frame_length, 1, bins)` with at least two bins, a dtype
                that is not floating, or window values of another length.
        """
        dtype = standardize_dtype(dtype)
        shape = standardize_shape(shape)
        if not is_float(dtype):
            raise ValueError(f"A Fourier kernel has a floating dtype. Received: dtype={dtype}")
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            raise ValueError(
                f"Expected shape=(frame_length, 1, bins) with two bins or more. Received: shape={shape}"
            )
        frame_length, _, bins = shape
        time = np.arange(frame_length).astype(dtype).reshape(frame_length, 1, 1)
        frequency = np.arange(bins).astype(dtype) / dtype.type((bins - 1) * 2)
        angle = (time * dtype.type(-2)) * frequency * np.arccos(dtype.type(-1))
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is None:
            return kernel
        values = self._window_values(frame_length).astype(dtype).reshape(frame_length, 1, 1)
        return (kernel * values) / self._norm(values)

    def _window_values(self, frame_length: int) -> np.ndarray:
        if isinstance(self.window, str):
            return window(self.window, frame_length, self.periodic)
        values = np.asarray(self.window)
        if values.shape != (frame_length,):
            raise ValueError(
                f"The window must have the shape ({frame_length},) of a frame. "
                f"Received: window of shape {values.shape}"
            )
        return values

    def _norm(self, values: np.ndarray) -> np.ndarray:
        dtype = values.dtype
        wide = np.promote_types(dtype, np.float32)
        if self.scaling == "density":
            return np.sqrt(np.sum(np.square(values), dtype=wide).astype(dtype))
        if self.scaling == "spectrum":
            return np.sum(np.abs(values), dtype=wide).astype(dtype)
        return np.ones((), dtype)
