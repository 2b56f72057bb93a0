"""MelSpectrogram: how loud a signal is at each time and pitch."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes, ops
from portable_layers.cases import Array, case
from portable_layers.layer import Layer
from portable_layers.ops.dispatch import cast_to

# The mel scale of the Hidden Markov Model Toolkit.
_BREAK_HERTZ = np.float32(700.0)
_HIGH_Q = np.float32(1127.0)


class MelSpectrogram(Layer):
    """The power of a signal in bands of the mel scale, in decibels.

    Args:
        fft_length: of the Fourier transform.
        sequence_stride: elements from one frame to the next.
        sequence_length: elements of a frame; `fft_length` by default.
        window: `hann`, `hamming`, or weights.
        sampling_rate: elements a second.
        num_mel_bins: how many bands.
        min_freq, max_freq: the lowest and highest frequency in Hertz; up to half the sampling rate.
        power_to_db: whether decibels come out, held within `top_db` below the loudest of the batch.
        mag_exp: the power of the magnitude that is summed up in a band.
        min_power: what is smaller counts as this, for the logarithm.
        ref_power: what is 0 decibels.

    Input shape:  `(batch, time)` or `(time,)`
    Output shape: `(batch, num_mel_bins, frames)` or `(num_mel_bins, frames)`
    """

    cases = (
        case(
            (100,),
            fft_length=16,
            sequence_stride=8,
            num_mel_bins=4,
            ops="Pad Gather Mul Cast Reshape DFT Reshape Slice Squeeze Slice Squeeze Cast Cast Slice "
            "Slice Mul Mul Add MatMul Max Log Div Mul Sub ReduceMax Sub Max Transpose",
            dtypes=("float16",),
        ),
        case(
            (100,),
            fft_length=32,
            sequence_stride=10,
            sequence_length=20,
            num_mel_bins=6,
            window="hamming",
            sampling_rate=8000,
            min_freq=100.0,
            max_freq=3000,
            power_to_db=False,
            mag_exp=1.0,
            ops="Pad Gather Mul Cast Reshape DFT Reshape Slice Squeeze Slice Squeeze Cast Cast Slice "
            "Slice Mul Mul Add Pow MatMul Transpose",
        ),
        case(
            Array((None,), sizes=(100,)),
            fft_length=16,
            sequence_stride=3,
            num_mel_bins=5,
            top_db=20.0,
            ref_power=2.0,
            ops="Pad Shape Div Add Squeeze Range Mul Unsqueeze Add Gather Mul Cast Reshape DFT Shape "
            "Concat Reshape Slice Squeeze Slice Squeeze Cast Cast Slice Slice Mul Mul Add MatMul Max "
            "Log Div Mul Sub ReduceMax Sub Max Transpose",
        ),
    )

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.sequence_length = sequence_length or fft_length
        if fft_length < self.sequence_length:
            raise ValueError(
                f"fft_length must not be below sequence_length. Received: fft_length={fft_length}, "
                f"sequence_length={self.sequence_length}"
            )
        self.max_freq = max_freq or int(sampling_rate / 2)

    def call(self, inputs: Any) -> Any:
        # TensorFlow has no Fourier transform of other dtypes.
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        real, imag = ops.stft(
            cast_to(inputs, dtype),
            sequence_length=self.sequence_length,
            sequence_stride=self.sequence_stride,
            fft_length=self.fft_length,
            window=self.window,
            center=True,
        )
        power = ops.square(real) + ops.square(imag)
        if self.mag_exp != 2:
            power = ops.power(power, self.mag_exp / 2)
        bands = ops.matmul(power, self._bands().astype(dtypes.to_numpy(dtype)))
        if self.power_to_db:
            bands = self._decibels(bands)
        return cast_to(ops.swapaxes(bands, -1, -2), self.compute_dtype)

    def _decibels(self, power: Any) -> Any:
        reference = 10.0 * float(np.log10(max(abs(self.ref_power), self.min_power)))
        level = 10.0 * ops.log10(ops.maximum(power, self.min_power)) - reference
        return ops.maximum(level, ops.max(level) - self.top_db)

    def _bands(self) -> np.ndarray:
        """The share of each frequency in each band, `(bins, num_mel_bins)`: triangles on the mel scale.

        Computed in float32, as Keras does.
        """
        bins = self.fft_length // 2 + 1
        highest = np.float32(self.sampling_rate) / np.float32(2)
        # The constant part of the signal is in no band.
        frequencies = _mel(_steps(np.float32(0), highest, bins)[1:])[:, None]
        edges = _steps(
            _mel(np.float32(self.min_freq)), _mel(np.float32(self.max_freq)), self.num_mel_bins + 2
        )
        lower, centre, upper = edges[None, :-2], edges[None, 1:-1], edges[None, 2:]
        rising = (frequencies - lower) / (centre - lower)
        falling = (upper - frequencies) / (upper - centre)
        return np.pad(np.maximum(np.float32(0), np.minimum(rising, falling)), ((1, 0), (0, 0)))


def _mel(hertz: Any) -> Any:
    return _HIGH_Q * np.log(np.float32(1) + hertz / _BREAK_HERTZ)


def _steps(start: np.float32, stop: np.float32, count: int) -> np.ndarray:
    """Evenly spaced numbers, rounded as TensorFlow does."""
    step = (stop - start) / np.float32(count - 1)
    return np.append(start + step * np.arange(count - 1, dtype=np.float32), stop).astype(np.float32)
