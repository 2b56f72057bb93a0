"""STFTSpectrogram: the frequencies of overlapping frames of a signal, by a convolution."""

from __future__ import annotations

import math
from typing import Any

from portable_layers import initializers, ops
from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.layout import standardize_data_format
from portable_layers.windows import check_window

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_EPSILON = 1e-7  # keras.config.epsilon()


class STFTSpectrogram(Layer):
    """The short-time Fourier transform of each channel, as a convolution with weights that can be trained.

    Args:
        mode: what comes out: `log` (of the magnitude), `magnitude`, `psd` (the power), `real`, `imag`,
            `angle`, or `stft` (real and imaginary parts side by side).
        frame_length: elements of a frame.
        frame_step: elements from one frame to the next; half a frame by default.
        fft_length: of the transform; by default the power of two that holds a frame.
        window: the name of a window function, its values, or None.
        periodic: whether a window that is named is the periodic one.
        scaling: `density`, `spectrum` or None.
        padding: `valid` or `same`.
        expand_dims: whether frequencies and channels are axes of their own.
        data_format: `channels_last` (default) or `channels_first`.

    Input shape:  `(batch, time, channels)`, or channels first
    Output shape: `(batch, frames, channels * bins)` with `bins = fft_length // 2 + 1` (twice as many for
        `stft`); with `expand_dims` `(batch, frames, bins, channels)`. Channels first `(batch,
        channels * bins, frames)` and `(batch, channels, frames, bins)`.
    """

    cases = (
        case(
            (40, 2),
            frame_length=8,
            ops="Transpose Reshape Conv Reshape Conv Reshape Mul Mul Add Max Sqrt Reshape Max Log Transpose",
            dtypes=("float16", "float64", "mixed_float16"),
        ),
        case(
            (40, 1),
            mode="magnitude",
            frame_length=10,
            frame_step=4,
            padding="same",
            ops="Reshape Conv Reshape Conv Reshape Mul Mul Add Max Sqrt Reshape Transpose",
        ),
        case(
            (2, 40),
            mode="psd",
            frame_length=8,
            fft_length=16,
            data_format="channels_first",
            ops="Reshape Conv Reshape Conv Reshape Mul Mul Add Slice Pad Add Reshape",
        ),
        case(
            (40, 2),
            mode="real",
            frame_length=8,
            window=None,
            scaling=None,
            ops="Transpose Reshape Conv Reshape Reshape Transpose",
        ),
        case(
            (40, 2),
            mode="imag",
            frame_length=8,
            window="hamming",
            scaling="spectrum",
            expand_dims=True,
            ops="Transpose Reshape Conv Reshape Transpose",
        ),
        case(
            (2, 40),
            mode="angle",
            frame_length=8,
            expand_dims=True,
            data_format="channels_first",
            ops="Reshape Conv Reshape Conv Reshape Abs Abs Max Min IsInf Equal Where Div Where Atan "
            "Greater Sub Where Equal Reciprocal Where Less Sub Where Equal Reciprocal Where Less Neg "
            "Where IsNaN IsNaN Or Where Transpose",
        ),
        case(
            Array((None, 2), sizes=(30,)),
            mode="stft",
            frame_length=8,
            periodic=True,
            ops="Transpose Reshape Conv Shape Shape Concat Reshape Conv Reshape Concat Reshape Transpose",
        ),
    )

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}. Received: mode={mode!r}")
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError(
                f"frame_step must be from 1 to frame_length={frame_length}. Received: frame_step={frame_step}"
            )
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(
                f"fft_length must not be below frame_length={frame_length}. Received: fft_length={fft_length}"
            )
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(f"scaling must be None, 'density' or 'spectrum'. Received: scaling={scaling!r}")
        if padding not in ("valid", "same"):
            raise ValueError(f"padding must be 'valid' or 'same'. Received: padding={padding!r}")
        if isinstance(window, str):
            check_window(window)
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=3)
        self._step = frame_step or frame_length // 2
        self._bins = (fft_length or 2 ** math.ceil(math.log2(frame_length))) // 2 + 1

    def build(self, input_shape: Any) -> None:
        shape = (self.frame_length, 1, self._bins)
        for side, skipped in (("real", "imag"), ("imag", "real")):
            if self.mode != skipped:
                start = initializers.STFT(side, self.window, self.scaling, self.periodic)
                setattr(self, f"{side}_kernel", self.add_weight(shape, start, name=f"{side}_kernel"))

    def call(self, inputs: Any) -> Any:
        if inputs.dtype not in ("float16", "float32", "float64"):
            raise TypeError(f"layer {self.name} takes float16, float32 or float64. Received: {inputs!r}")
        if self.mode == "real":
            return self._arranged(self._side(inputs, self.real_kernel))
        imag = self._side(inputs, self.imag_kernel)
        if self.mode == "imag":
            return self._arranged(imag)
        real = self._side(inputs, self.real_kernel)
        if self.mode == "angle":
            return self._arranged(ops.arctan2(imag, real))
        if self.mode == "stft":
            return self._arranged(ops.concatenate([real, imag], axis=2))
        power = ops.square(real) + ops.square(imag)
        if self.mode == "psd":
            # All but the ends stand for a negative frequency too.
            inner = power[:, :, 1:-1, :]
            return self._arranged(power + ops.pad(inner, [(0, 0), (0, 0), (1, 1), (0, 0)]))
        magnitude = self._arranged(ops.sqrt(ops.maximum(power, _EPSILON)))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, _EPSILON))

    def _side(self, x: Any, kernel: Any) -> Any:
        """The convolution with a kernel, as `(batch, channels, bins, frames)`."""
        if self.data_format == "channels_last":
            x = ops.transpose(x, (0, 2, 1))
        batch, channels, time = x.shape
        rows = ops.reshape(x, (batch * channels, 1, time))
        found = ops.conv(rows, kernel, strides=self._step, padding=self.padding, data_format="channels_first")
        return ops.reshape(found, (batch, channels, self._bins, found.shape[2]))

    def _arranged(self, x: Any) -> Any:
        batch, channels, bins, frames = x.shape
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(x, (0, 3, 2, 1) if last else (0, 1, 3, 2))
        flat = ops.reshape(x, (batch, channels * bins, frames))
        return ops.transpose(flat, (0, 2, 1)) if last else flat
