"""Spectrograms against Keras."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import FORMATS, assert_like_keras, few, noise, some

from portable_layers import layers


@some
@given(data=st.data(), data_format=FORMATS, is_open=st.booleans())
def test_stft_spectrogram(keras, data, data_format, is_open):
    frame = data.draw(st.integers(2, 12))
    layer = layers.STFTSpectrogram(
        mode=data.draw(st.sampled_from(["log", "magnitude", "psd", "real", "imag", "stft"])),
        frame_length=frame,
        frame_step=data.draw(st.none() | st.integers(1, frame)),
        fft_length=data.draw(st.none() | st.sampled_from([16, 32])),
        window=data.draw(st.sampled_from(["hann", "hamming", "bartlett", None])),
        periodic=data.draw(st.booleans()),
        scaling=data.draw(st.sampled_from(["density", "spectrum", None])),
        padding=data.draw(st.sampled_from(["valid", "same"])),
        expand_dims=data.draw(st.booleans()),
        data_format=data_format,
    )
    # Two elements with a window that ends in zeros are nothing, and divided by nothing.
    if frame > 3:
        time = data.draw(st.integers(12, 40))
        shape = (2, time, 3) if data_format == "channels_last" else (2, 3, time)
        axis = 1 if data_format == "channels_last" else 2
        assert_like_keras(keras, layer, noise(shape), (axis,) if is_open else None)


@few
@given(data=st.data(), is_open=st.booleans())
def test_mel_spectrogram(keras, data, is_open):
    length = data.draw(st.sampled_from([8, 16, 30, 64]))
    layer = layers.MelSpectrogram(
        fft_length=length,
        sequence_stride=data.draw(st.integers(2, 20)),
        sequence_length=data.draw(st.none() | st.integers(4, length)),
        window=data.draw(st.sampled_from(["hann", "hamming"])),
        sampling_rate=data.draw(st.sampled_from([8000, 16000])),
        num_mel_bins=data.draw(st.integers(1, 12)),
        min_freq=data.draw(st.sampled_from([20.0, 300.0])),
        max_freq=data.draw(st.sampled_from([None, 3500])),
        power_to_db=data.draw(st.booleans()),
        top_db=data.draw(st.sampled_from([10.0, 80.0])),
        mag_exp=data.draw(st.sampled_from([1.0, 2.0, 3.0])),
        ref_power=data.draw(st.sampled_from([1.0, 0.5])),
    )
    x = noise((2, data.draw(st.integers(80, 200))))
    assert_like_keras(keras, layer, x, (1,) if is_open else None)


def test_a_single_signal_is_a_spectrogram_without_a_batch(keras):
    assert_like_keras(keras, layers.MelSpectrogram(16, 8, num_mel_bins=4), noise((100,)), open_axes=())


def test_the_kernels_are_weights_that_can_be_trained():
    layer = layers.STFTSpectrogram(frame_length=8)
    layer(noise((1, 20, 1)))
    assert [(v.name, v.shape, v.trainable) for v in layer.weights] == [
        ("real_kernel", (8, 1, 5), True),
        ("imag_kernel", (8, 1, 5), True),
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.STFTSpectrogram(mode="phase"), "phase"),
        (lambda: layers.STFTSpectrogram(frame_length=8, frame_step=9), "frame_step=9"),
        (lambda: layers.STFTSpectrogram(frame_length=8, fft_length=4), "fft_length=4"),
        (lambda: layers.STFTSpectrogram(scaling="power"), "power"),
        (lambda: layers.STFTSpectrogram(padding="causal"), "causal"),
        (lambda: layers.STFTSpectrogram(window="square"), "square"),
        (lambda: layers.MelSpectrogram(fft_length=8, sequence_length=9), "sequence_length=9"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_integers_are_refused_as_in_keras():
    with pytest.raises(TypeError, match="int32"):
        layers.STFTSpectrogram(frame_length=8)(noise((1, 20, 1), "int32"))


def test_bands_are_triangles_that_leave_out_the_constant_part():
    bands = layers.MelSpectrogram(512, num_mel_bins=20)._bands()
    assert bands.shape == (257, 20)
    assert (bands[0] == 0).all()
    assert bands.min() == 0
    assert 0.5 < bands.max() <= 1
    peaks = bands.argmax(0)
    assert (np.diff(peaks) > 0).all()
