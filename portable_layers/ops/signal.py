"""Fourier transforms and frames of signals (`keras.ops.math`).

Complex numbers are pairs of tensors, real and imaginary parts, as in Keras.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.dims import Size, product
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.indexing import gather
from portable_layers.ops.joining import join
from portable_layers.ops.padding import pad
from portable_layers.ops.reduction import positions, reduce
from portable_layers.ops.shaping import expand_dims, moveaxis, reshape, squeeze
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor


def _parts(x: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(x, list | tuple) or len(x) != 2:
        raise ValueError(f"expected a pair of tensors, real and imaginary parts. Received: {x!r}")
    return convert(x[0]), convert(x[1])


def _transform(real: Tensor, imaginary: Tensor | None, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along the last axis."""
    dtype, shape = real.dtype, real.shape
    # ONNX Runtime's kernel loses digits with each power of 2; in float64 it has them to spare.
    sides = [expand_dims(cast_to(t, "float64"), -1) for t in (real, imaginary) if t is not None]
    stacked = join(sides, sides[0].ndim - 1)
    rows = reshape(stacked, (product(shape[:-1]), shape[-1], len(sides)))
    found = opset.dft(rows, inverse)
    whole = reshape(found, (*shape, 2))
    last = whole.ndim - 1
    halves = [squeeze(slice_axis(whole, last, i, i + 1), -1) for i in (0, 1)]
    return cast_to(halves[0], dtype), cast_to(halves[1], dtype)


def _fitted(x: Tensor, length: int) -> Tensor:
    """x along its last axis cut off or filled up with zeros."""
    size = x.shape[-1]
    if isinstance(size, int) and size >= length:
        return slice_axis(x, x.ndim - 1, 0, length)
    grown = pad(x, [(0, 0)] * (x.ndim - 1) + [(0, length - size if isinstance(size, int) else length)])
    return grown if isinstance(size, int) else slice_axis(grown, x.ndim - 1, 0, length)


@op("math.FFT", "x")
def fft(x: Any) -> Any:
    """The Fourier transform along the last axis, of a pair and as a pair."""
    return _transform(*_parts(x))


@op("math.FFT2", "x")
def fft2(x: Any) -> Any:
    """The Fourier transform along the last two axes, of a pair and as a pair."""
    return _transform2(*_parts(x), inverse=False)


@op("math.IFFT2", "x")
def ifft2(x: Any) -> Any:
    """The inverse of `fft2`."""
    return _transform2(*_parts(x), inverse=True)


def _transform2(real: Tensor, imaginary: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
    real, imaginary = _transform(real, imaginary, inverse)
    turned = _transform(moveaxis(real, -2, -1), moveaxis(imaginary, -2, -1), inverse)
    return moveaxis(turned[0], -1, -2), moveaxis(turned[1], -1, -2)


@op("math.RFFT", "x")
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """The Fourier transform of real numbers along the last axis, as a pair; the half that tells all.

    Args:
        fft_length: cut or fill up the axis to this length first.
    """
    x = convert(x)
    x = x if fft_length is None else _fitted(x, fft_length)
    count = x.shape[-1] // 2 + 1
    return tuple(_first(t, count) for t in _transform(x, None))


def _first(x: Tensor, count: Size) -> Tensor:
    sizes = (*x.shape[:-1], count)
    axis = np.array([x.ndim - 1], np.int64)
    g = graph()
    return g.add("Slice", x, np.zeros(1, np.int64), g.shape_tensor([count]), axis, shape=sizes)


@op("math.IRFFT", "x")
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The real numbers whose `rfft` is this pair.

    Args:
        fft_length: how many; twice the axis less 2 by default.
    """
    real, imaginary = _parts(x)
    length = 2 * (real.shape[-1] - 1) if fft_length is None else fft_length
    half = length // 2 + 1
    if isinstance(half, int):
        real, imaginary = _fitted(real, half), _fitted(imaginary, half)
    # The other half is the mirror image; neither the first nor a middle element is repeated.
    mirrored = [_mirror(t, length) for t in (real, imaginary)]
    axis = real.ndim - 1
    real = join([real, mirrored[0]], axis)
    imaginary = join([imaginary, graph().add("Neg", mirrored[1])], axis)
    return _transform(real, imaginary, inverse=True)[0]


def _mirror(x: Tensor, length: Any) -> Tensor:
    end = x.shape[-1] - 1 if length % 2 == 0 else x.shape[-1]
    axis = x.ndim - 1
    inner = graph().add(
        "Slice",
        x,
        np.ones(1, np.int64),
        graph().shape_tensor([end]),
        np.array([axis], np.int64),
        shape=(*x.shape[:-1], end - 1),
    )
    return slice_axis(inner, axis, None, None, -1)


@op("math.ExtractSequences", "x")
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows along the last axis: `(..., n)` as `(..., windows, sequence_length)`."""
    x = convert(x)
    count = (x.shape[-1] - sequence_length) // sequence_stride + 1
    if isinstance(count, int):
        starts: Any = np.arange(max(count, 0)) * sequence_stride
        places = graph().constant(starts[:, None] + np.arange(sequence_length))
    else:
        stride = np.asarray(sequence_stride, np.int64)
        column = expand_dims(graph().add("Mul", positions(count), stride), -1)
        places = graph().add("Add", column, np.arange(sequence_length))
    return gather(x, x.ndim - 1, places)


def _window(window: Any, length: int, fft_length: int, dtype: str) -> np.ndarray | None:
    """The window as an array of `fft_length`, filled up with zeros on both sides.

    Raises:
        ValueError: for an unknown name or another length.
    """
    if window is None:
        return None
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(f"window must be 'hann', 'hamming' or an array. Received: {window!r}")
        # TensorFlow's periodic window of an odd length is the symmetric one; a single element is 1.
        turns = 2 * np.pi * np.arange(length) / (length - length % 2 or 1)
        found = 0.5 - 0.5 * np.cos(turns) if window == "hann" else 0.54 - 0.46 * np.cos(turns)
        found = np.ones(1) if length == 1 else found
    else:
        found = np.asarray(window)
    if found.shape != (length,):
        raise ValueError(f"window must have {length} elements. Received: an array of shape {found.shape}")
    before = (fft_length - length) // 2
    widths = (before, fft_length - length - before)
    return np.pad(found, widths).astype(dtypes.to_numpy(dtype))


@op("math.STFT", "x")
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The Fourier transforms of overlapping windows, as a pair `(..., windows, fft_length // 2 + 1)`.

    Args:
        sequence_length, sequence_stride: size of a window, and steps between two.
        window: `hann`, `hamming`, weights, or None.
        center: mirror the ends, so that the first window is centred on the first element.

    Raises:
        ValueError: for an `fft_length` below `sequence_length`.
    """
    x = convert(x)
    if fft_length < sequence_length:
        raise ValueError(
            f"fft_length must not be below sequence_length={sequence_length}. Received: {fft_length}"
        )
    if center:
        x = pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    weights = _window(window, sequence_length, fft_length, x.dtype)
    frames = extract_sequences(x, fft_length, sequence_stride)
    if weights is not None:
        frames = graph().add("Mul", frames, weights)
    return rfft(frames)


@op("math.ISTFT", "x")
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The signal whose `stft` is this pair; `length` elements of it, all by default."""
    real, imaginary = _parts(x)
    frames = irfft((real, imaginary), fft_length)
    weights = _window(window, sequence_length, fft_length, real.dtype)
    if weights is not None:
        frames = graph().add("Mul", frames, _inverse_window(weights, sequence_stride))
    signal = _overlap_add(frames, sequence_stride)
    start = fft_length // 2 if center else 0
    if length is not None:
        return slice_axis(signal, signal.ndim - 1, start, start + length)
    return slice_axis(signal, signal.ndim - 1, start, -start if center else None)


def _inverse_window(window: np.ndarray, stride: int) -> np.ndarray:
    """The window that undoes another one where windows overlap."""
    overlaps = -(-len(window) // stride)
    total = np.pad(np.square(window), (0, overlaps * stride - len(window))).reshape(overlaps, stride).sum(0)
    return window / np.tile(total, overlaps)[: len(window)]


def _overlap_add(frames: Tensor, stride: int) -> Tensor:
    """`(..., windows, size)` laid over each other, so many steps apart, and added up."""
    *outer, count, size = frames.shape
    length = (count - 1) * stride + size
    width = int(size)
    # Cut into pieces of one stride, piece j of window i is added to piece i + j of the signal.
    pieces = -(-width // stride)
    padded = pad(frames, [(0, 0)] * (frames.ndim - 1) + [(0, pieces * stride - width)])
    split = reshape(padded, (product(outer), count, pieces, stride))
    total: Any = None
    for j in range(pieces):
        piece = squeeze(slice_axis(split, 2, j, j + 1), 2)
        moved = pad(piece, [(0, 0), (j, pieces - 1 - j), (0, 0)])
        total = moved if total is None else graph().add("Add", total, moved)
    flat = reshape(total, (*outer, (count + pieces - 1) * stride))
    return _first(flat, length)


@op("math.CDist", "x", "y")
def cdist(x: Any, y: Any) -> Any:
    """The distances of the rows of x from those of y: `(..., m, d)` and `(..., n, d)` give `(..., m, n)`.

    Raises:
        ValueError: for tensors of rank below 2.
    """
    a, b = convert(x), convert(y)
    if a.ndim < 2 or b.ndim < 2:
        raise ValueError(f"cdist needs tensors of rank 2 or more. Received: {a!r} and {b!r}")
    g = graph()
    difference = g.add("Sub", expand_dims(a, -2), expand_dims(b, -3))
    return g.add("Sqrt", reduce("ReduceSum", g.add("Mul", difference, difference), -1))
