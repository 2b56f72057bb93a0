"""Convolution layers against Keras, over random options, shapes and open sizes; and LoRA."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import portable_layers as pl
from converters import from_keras, to_keras
from converters.from_onnx import from_onnx
from converters.to_keras import to_keras_file
from portable_layers import layers
from portable_layers.errors import InputError
from portable_layers.serialization import serialize_object
from runtime import InferenceEngine

TOLERANCES = {"float32": 1e-5, "float64": 1e-12, "float16": 2e-2, "mixed_float16": 2e-2}
random_options = settings(max_examples=30, deadline=None, derandomize=True)


def axes(low: int, high: int, rank: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[st.integers(low, high)] * rank)


@st.composite
def windows(draw: Any, highest_rank: int = 3, both: bool = False) -> dict[str, Any]:
    """Arguments that every convolution layer takes, with its rank; strides and dilation rarely mix."""
    rank = draw(st.integers(1, highest_rank))
    one = (1,) * rank
    options = {
        "rank": rank,
        "kernel_size": draw(axes(1, 4 if rank < 3 else 3, rank)),
        "strides": draw(axes(1, 4, rank)),
        "dilation_rate": draw(axes(1, 3, rank)),
        "padding": draw(st.sampled_from(["valid", "same"])),
        "data_format": draw(st.sampled_from(["channels_last", "channels_first"])),
        "use_bias": draw(st.booleans()),
        "dtype": draw(st.sampled_from(["float32", "float32", "float64", "mixed_float16"])),
    }
    if not both:
        options[draw(st.sampled_from(["strides", "dilation_rate"]))] = one
    return options


@st.composite
def spatial_sizes(draw: Any, options: dict[str, Any]) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Sizes that the windows fit in, and which of them the exported model leaves open."""
    least = [1] * options["rank"]
    if options["padding"] == "valid":
        reaches = zip(options["kernel_size"], options["dilation_rate"], strict=True)
        least = [(k - 1) * d + 1 for k, d in reaches]
    sizes = tuple(low + draw(st.integers(0, 5)) for low in least)
    return sizes, draw(st.tuples(*[st.booleans()] * len(sizes)))


def arrange(sizes: tuple, channels: int, data_format: str) -> tuple:
    return (*sizes, channels) if data_format == "channels_last" else (channels, *sizes)


def keras_twin(keras: Any, layer: Any, shape: tuple) -> Any:
    """Keras's layer of the same config, with random weights; ours gets the same."""
    twin = keras.layers.deserialize(json.loads(json.dumps(serialize_object(layer))))
    twin.build(shape)
    layer.build(shape)
    assert [(v.path, tuple(v.shape)) for v in twin.weights] == [(v.path, v.shape) for v in layer.weights]
    rng = np.random.default_rng(7)
    twin.set_weights([rng.normal(size=v.shape) for v in twin.weights])
    layer.set_weights([np.asarray(v) for v in twin.weights])
    return twin


def keras_outputs(keras: Any, layer: Any, x: np.ndarray) -> np.ndarray:
    """What Keras gives; TensorFlow's CPU has channels-first convolutions for float32 in 1D and 2D only, so
    others are compared with the channels-last layer."""
    twin = keras_twin(keras, layer, x.shape)
    if layer.data_format == "channels_last" or (layer.compute_dtype == "float32" and x.ndim < 5):
        return np.asarray(twin(x))
    last = type(twin).from_config({**twin.get_config(), "data_format": "channels_last"})
    x = np.moveaxis(x, 1, -1)
    last.build(x.shape)
    last.set_weights(twin.get_weights())
    y = np.moveaxis(np.asarray(last(x)), -1, 1)
    assume(not layer.use_bias or y.shape[1] != y.shape[-1])  # see `compare`
    return y


def compare(keras: Any, layer: Any, sizes: tuple, channels: int, is_open: tuple[bool, ...]) -> None:
    """The layer in an exported model gives what Keras's gives."""
    x = np.random.default_rng(3).normal(size=(2, *arrange(sizes, channels, layer.data_format)))
    x = x.astype("float64" if layer.compute_dtype == "float64" else "float32")
    expected = keras_outputs(keras, layer, x)
    left_open = tuple(None if o else n for n, o in zip(sizes, is_open, strict=True))
    inputs = pl.Input(arrange(left_open, channels, layer.data_format), dtype=x.dtype.name, name="x")
    model = pl.Model(inputs, layer(inputs))
    # Keras finds a bias of channels-first tensors by its size; where ours are open it cannot be found.
    mistaken = layer.data_format == "channels_first" and expected.shape[1] == expected.shape[-1]
    assume(not (mistaken and is_open[-1] and layer.use_bias))
    output = model.outputs[0].shape
    assert all(n in (None, m) for n, m in zip(output, expected.shape, strict=True))
    assert model.outputs[0].dtype == expected.dtype.name
    proto = model.to_onnx()
    onnx.checker.check_model(proto, full_check=True)
    actual = InferenceEngine(proto, providers="cpu", threads=1).run(x)
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    tolerance = TOLERANCES[layer.dtype_policy.name]
    wide = expected.astype("float64")
    largest = np.abs(wide).max(initial=0.0)
    np.testing.assert_allclose(actual.astype("float64"), wide, rtol=tolerance, atol=tolerance * largest)
    operators = [node.op_type for node in proto.graph.node]
    # Kernels are written in ONNX's layout: only x and the result are ever transposed.
    assert operators.count("Transpose") <= 2


@random_options
@given(data=st.data())
def test_convolution_equals_keras(keras, data):
    options = data.draw(windows())
    sizes, is_open = data.draw(spatial_sizes(options))
    rank, groups = options.pop("rank"), data.draw(st.integers(1, 3))
    if rank == 1 and data.draw(st.booleans()):
        options["padding"] = "causal"
    filters, channels = (groups * data.draw(st.integers(1, 3)) for _ in range(2))
    layer = getattr(layers, f"Conv{rank}D")(filters, groups=groups, activation="tanh", **options)
    compare(keras, layer, sizes, channels, is_open)


@random_options
@given(data=st.data())
def test_depthwise_convolution_equals_keras(keras, data):
    options = data.draw(windows(highest_rank=2, both=True))
    # TensorFlow's depthwise kernels know one stride for both axes.
    options["strides"] = (options["strides"][0],) * options["rank"]
    sizes, is_open = data.draw(spatial_sizes(options))
    rank, multiplier = options.pop("rank"), data.draw(st.integers(1, 3))
    layer = getattr(layers, f"DepthwiseConv{rank}D")(depth_multiplier=multiplier, **options)
    compare(keras, layer, sizes, data.draw(st.integers(1, 3)), is_open)


@settings(random_options, max_examples=15)
@given(data=st.data())
def test_separable_convolution_equals_keras(keras, data):
    options = data.draw(windows(highest_rank=2, both=True))
    options["strides"] = (options["strides"][0],) * options["rank"]
    sizes, is_open = data.draw(spatial_sizes(options))
    rank, multiplier = options.pop("rank"), data.draw(st.integers(1, 3))
    layer = getattr(layers, f"SeparableConv{rank}D")(4, depth_multiplier=multiplier, **options)
    compare(keras, layer, sizes, data.draw(st.integers(1, 3)), is_open)


@random_options
@given(data=st.data())
def test_transposed_convolution_equals_keras(keras, data):
    options = data.draw(windows())
    rank = options["rank"]
    if max(options["dilation_rate"]) > 1:
        options["dtype"] = "float32"  # the only dtype that TensorFlow's CPU has this for
    if data.draw(st.booleans()):
        extra = [data.draw(st.integers(0, s - 1)) for s in options["strides"]]
        if options["padding"] == "same":
            # TensorFlow refuses an output whose convolution would not have the input's size.
            reaches = zip(options["kernel_size"], options["dilation_rate"], extra, strict=True)
            assume(all(((k - 1) * d + 1) % 2 + o > 0 for k, d, o in reaches))
        options["output_padding"] = extra
    sizes, is_open = data.draw(spatial_sizes({**options, "padding": "same"}))
    options.pop("rank")
    filters, channels = (data.draw(st.integers(1, 3)) for _ in range(2))
    layer = getattr(layers, f"Conv{rank}DTranspose")(filters, **options)
    compare(keras, layer, sizes, channels, is_open)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_dilated_transposed_convolution_in_float64(padding):
    """TensorFlow's CPU has it for float32 only, so that is what it is compared with."""
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    narrow = layers.Conv2DTranspose(2, (3, 2), dilation_rate=(2, 3), padding=padding)
    wide = layers.Conv2DTranspose(2, (3, 2), dilation_rate=(2, 3), padding=padding, dtype="float64")
    expected = narrow(x.astype("float32"))
    wide.build(x.shape)
    wide.set_weights(narrow.get_weights())
    np.testing.assert_allclose(wide(x), expected, rtol=1e-5, atol=1e-5)


def test_depthwise_strides_may_differ():
    """Keras's layer takes them, TensorFlow's kernel does not: compared with the axes one by one."""
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype("float32")
    layer = layers.DepthwiseConv2D(3, strides=(1, 2))
    every = layers.DepthwiseConv2D(3)
    every.build(x.shape)
    layer.build(x.shape)
    every.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), every(x)[:, :, ::2], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: layers.Conv2D(0, 3), "filters=0"),
        (lambda: layers.Conv2D(4, (3, 3, 3)), "kernel_size=(3, 3, 3)"),
        (lambda: layers.Conv2D(4, 3.5), "kernel_size=3.5"),
        (lambda: layers.Conv2D(4, 3, strides=0), "strides=0"),
        (lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=2), "dilation_rate=(2, 2)"),
        (lambda: layers.Conv2D(4, 3, padding="causal"), "padding='causal'"),
        (lambda: layers.Conv2D(4, 3, data_format="NCHW"), "data_format='NCHW'"),
        (lambda: layers.Conv2D(4, 3, groups=3), "groups=3"),
        (lambda: layers.Conv2D(4, 3, groups=2)(pl.Input((8, 8, 3))), "(None, 8, 8, 3)"),
        (lambda: layers.Conv2D(4, 3)(pl.Input((8, 8, None))), "(None, 8, 8, None)"),
        (lambda: layers.Conv2D(4, 3)(pl.Input((2, 8, 8, 3))), "(None, 2, 8, 8, 3)"),
        (lambda: layers.Conv2D(4, 9)(pl.Input((8, 8, 3))), "padding='valid'"),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), "depth_multiplier=0"),
        (lambda: layers.Conv2DTranspose(4, 3, strides=2, output_padding=2), "output_padding=(2, 2)"),
        (
            lambda: layers.Conv2D(4, 3, kernel_constraint="max_norm", lora_rank=2)(pl.Input((8, 8, 3))),
            "MaxNorm",
        ),
    ],
)
def test_what_keras_refuses_is_refused_with_what_was_received(make, received):
    with pytest.raises(ValueError, match=re.escape(received)):
        make()


def test_another_number_of_channels_is_refused():
    layer = layers.Conv1D(2, 3)
    layer(pl.Input((8, 3)))
    with pytest.raises(InputError, match="axis -1 of size 3"):
        layer(pl.Input((8, 4)))


def test_keyword_order_is_that_of_keras(keras):
    """Positional arguments mean the same: Conv3DTranspose has an order of its own."""
    for name in [n for n in layers.__all__ if "Conv" in n]:
        theirs = list(inspect.signature(getattr(keras.layers, name).__init__).parameters)[1:-1]
        ours = list(inspect.signature(getattr(layers, name).__init__).parameters)[1 : len(theirs) + 1]
        assert ours == theirs, name


@pytest.mark.parametrize("name", ["DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"])
def test_arguments_that_keras_2_wrote_without_meaning_are_left_out(name):
    arguments = {"kernel_size": 3} if name == "DepthwiseConv2D" else {"filters": 2, "kernel_size": 3}
    layer = getattr(layers, name)(**arguments)
    old = {"groups": 1, "kernel_initializer": None, "kernel_regularizer": None, "kernel_constraint": None}
    config = serialize_object(layer.get_config())
    assert serialize_object(type(layer).from_config({**old, **config}).get_config()) == config


def lora_model(keras: Any, **options: Any) -> Any:
    inputs = keras.Input((None, 8, 4), name="x")
    x = keras.layers.Conv2D(6, (3, 2), lora_rank=2, lora_alpha=3, name="conv", **options)(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1, name="head", dtype=options.get("dtype"))(x))
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(size=v.shape) for v in model.weights])
    return model


@pytest.mark.parametrize(
    ("dtype", "groups"), [("float32", 1), ("float32", 2), ("float64", 2), ("mixed_float16", 1)]
)
def test_a_layer_with_lora_is_exported_merged_and_comes_back_as_it_was(keras, dtype, groups):
    theirs = lora_model(keras, dtype=dtype, groups=groups)
    x = np.random.default_rng(6).normal(size=(2, 5, 8, 4))
    expected = np.asarray(theirs(x)).astype("float64")
    ours = from_keras(theirs)
    proto = ours.to_onnx()
    actual = InferenceEngine(proto, providers="cpu", threads=1).run(x.astype(ours.inputs[0].dtype))
    # The adapters are float32 under every policy.
    tolerance = 1e-6 if dtype == "float64" else TOLERANCES[dtype]
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())
    if dtype != "float64":  # that has no Conv in ONNX Runtime
        assert [n.op_type for n in proto.graph.node].count("Transpose") == 2  # of x, and of the result
    again, back = from_onnx(proto), to_keras(proto)
    assert [v.path for v in back.weights] == [v.path for v in theirs.weights]
    for their, our, third in zip(theirs.weights, again.weights, back.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(their), our.numpy())
        np.testing.assert_array_equal(np.asarray(their), np.asarray(third))
    assert again.get_layer("conv").lora_enabled
    assert not again.get_layer("conv")._kernel.trainable


def test_a_keras_file_holds_the_merged_kernel(keras, tmp_path):
    """Keras writes the sum and reads it with an update of zero; so do we, in both directions."""
    theirs = lora_model(keras)
    x = np.random.default_rng(6).normal(size=(2, 5, 8, 4)).astype("float32")
    theirs.save(tmp_path / "theirs.keras")
    ours = from_keras(tmp_path / "theirs.keras")
    expected = keras.saving.load_model(tmp_path / "theirs.keras")
    for our, their in zip(ours.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(our.numpy(), np.asarray(their), err_msg=our.path)
    to_keras_file(from_keras(theirs), tmp_path / "ours.keras")
    written = keras.saving.load_model(tmp_path / "ours.keras")
    for our, their in zip(written.weights, expected.weights, strict=True):
        np.testing.assert_allclose(np.asarray(our), np.asarray(their), rtol=1e-6, atol=1e-6, err_msg=our.path)
    np.testing.assert_allclose(np.asarray(written(x)), np.asarray(theirs(x)), rtol=1e-4, atol=1e-4)


def test_lora_is_enabled_as_in_keras(keras):
    ours, theirs = layers.Conv1D(3, 2, name="c"), keras.layers.Conv1D(3, 2, name="c")
    with pytest.raises(ValueError, match="must be built"):
        ours.enable_lora(2)
    for layer in (ours, theirs):
        layer.build((None, 7, 4))
        layer.enable_lora(2, lora_alpha=5)
    assert [(v.path, tuple(v.shape), v.trainable) for v in ours.weights] == [
        (v.path, tuple(v.shape), v.trainable) for v in theirs.weights
    ]
    assert json.dumps(serialize_object(ours.get_config()), sort_keys=True) == json.dumps(
        keras.saving.serialize_keras_object(theirs.get_config()), sort_keys=True
    )
    theirs.set_weights([np.random.default_rng(1).normal(size=v.shape) for v in theirs.weights])
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(np.asarray(ours.kernel), np.asarray(theirs.kernel), rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="has LoRA already, of rank 2"):
        ours.enable_lora(2)
