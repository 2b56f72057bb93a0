"""Quantized layers: every mode of Keras, from a live model and from a file, and back."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest

import portable_layers as pl
from converters import from_keras, to_keras
from converters.to_keras import to_keras_file
from portable_layers import dtype_policies, layers, quantizers
from portable_layers.serialization import serialize_object
from runtime import InferenceEngine

LAYERS = {
    "dense": (lambda k: k.Dense(6, activation="relu"), (10,), {}),
    "dense without bias": (lambda k: k.Dense(5, use_bias=False), (3, 10), {}),
    "einsum": (lambda k: k.EinsumDense("abc,cde->abde", (None, 3, 3), bias_axes="e"), (4, 10), {}),
    "einsum of two axes": (lambda k: k.EinsumDense("btnh,nhd->btd", (None, 9), bias_axes="d"), (3, 2, 5), {}),
    "einsum with a transposed kernel": (lambda k: k.EinsumDense("abc,dc->abd", (None, 7)), (4, 10), {}),
    "embedding": (lambda k: k.Embedding(20, 7), (5,), {}),
    "reversible": (lambda k: k.ReversibleEmbedding(20, 7), (5,), {}),
    "reversible back": (lambda k: k.ReversibleEmbedding(20, 7), (4, 7), {"reverse": True}),
    "untied back": (
        lambda k: k.ReversibleEmbedding(20, 7, tie_weights=False, logit_soft_cap=3.0),
        (4, 7),
        {"reverse": True},
    ),
}
MODES = {
    "int8": lambda q: ("int8", None),
    "int8 weights": lambda q: ("int8", q.Int8QuantizationConfig(activation_quantizer=None)),
    "int8 narrow": lambda q: (
        "int8",
        q.Int8QuantizationConfig(activation_quantizer=q.AbsMaxQuantizer(value_range=(-100, 100))),
    ),
    "int4": lambda q: ("int4", q.Int4QuantizationConfig(block_size=None)),
    "int4 activations": lambda q: (
        "int4",
        q.Int4QuantizationConfig(block_size=None, activation_quantizer=q.AbsMaxQuantizer()),
    ),
    "int4 blocks": lambda q: ("int4", q.Int4QuantizationConfig(block_size=3)),
    "float8": lambda q: ("float8", None),
}


def exported(model, x):
    return InferenceEngine(model.to_onnx(), providers="cpu", threads=1).run(x)


def quantized(keras, layer_name, mode_name, lora=False):
    """A quantized Keras model and data for it."""
    rng = np.random.default_rng(0)
    make, shape, call = LAYERS[layer_name]
    mode, config = MODES[mode_name](keras.quantizers)
    layer = make(keras.layers)
    words = hasattr(layer, "input_dim") and not call
    inputs = keras.Input(shape, dtype="int32" if words else "float32")
    layer(inputs, **call)
    layer.quantize(mode, config=config)
    if lora:
        layer.enable_lora(2, lora_alpha=3)
    for v in layer.weights:
        if v.name.startswith("lora") or v.name == "bias":
            v.assign(rng.normal(size=v.shape) * 0.1)
        elif mode == "float8" and v.name.endswith("scale"):
            v.assign(0.01)
    model = keras.Model(inputs, layer(inputs, **call))
    x = (
        rng.integers(0, 20, (3, *shape)).astype(np.int32)
        if words
        else rng.normal(size=(3, *shape)).astype("f4")
    )
    return model, layer, x


def assert_close(ours, theirs):
    theirs = np.asarray(theirs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6 * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("layer_name", "mode"),
    [(n, m) for n in LAYERS for m in MODES if m != "float8" or n.startswith(("dense", "einsum"))],
)
def test_quantized_layers_keep_their_numbers(keras, layer_name, mode, tmp_path):
    model, layer, x = quantized(keras, layer_name, mode)
    expected = model(x)
    live = from_keras(model)
    assert_close(exported(live, x), expected)
    assert json_form(serialize_object(live.layers[-1].get_config())) == json_form(
        keras.saving.serialize_keras_object(layer.get_config())
    )
    model.save(tmp_path / "theirs.keras")
    assert_close(exported(from_keras(tmp_path / "theirs.keras"), x), expected)
    to_keras_file(live, tmp_path / "ours.keras")
    back = keras.models.load_model(tmp_path / "ours.keras")
    again = to_keras(live.to_onnx())
    for theirs, ours, from_onnx in zip(by_path(model), by_path(back), by_path(again), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(from_onnx, theirs)


@pytest.mark.parametrize("mode", ["int8", "int4", "int4 blocks"])
@pytest.mark.parametrize("layer_name", ["dense", "einsum", "einsum of two axes", "embedding"])
def test_lora_on_quantized_layers(keras, layer_name, mode, tmp_path):
    model, _, x = quantized(keras, layer_name, mode, lora=True)
    live = from_keras(model)
    assert_close(exported(live, x), model(x))
    assert_close(np.asarray(to_keras(live)(x)), model(x))
    # A file holds the sum, quantized anew.
    model.save(tmp_path / "theirs.keras")
    to_keras_file(live, tmp_path / "ours.keras")
    reloaded = keras.models.load_model(tmp_path / "theirs.keras")
    assert_close(exported(from_keras(tmp_path / "theirs.keras"), x), reloaded(x))
    ours = keras.models.load_model(tmp_path / "ours.keras")
    for a, b in zip(by_path(reloaded), by_path(ours), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("policy", ["gptq/4/4", "gptq/8/-1", "gptq/3/5", "awq/4/4", "awq/4/-1"])
@pytest.mark.parametrize(("layer_name", "rows"), [("dense", 10), ("einsum", 10), ("einsum of two axes", 10)])
def test_weights_that_a_calibration_quantized(keras, policy, layer_name, rows):
    """The model that a calibration would leave, with random integers for weights.

    (Keras 3.15 leaves the zero points out of the files that it writes of such models.)
    """
    rng = np.random.default_rng(0)
    make, shape, _ = LAYERS[layer_name]
    config = make(keras.layers).get_config() | {"dtype": f"{policy}_from_float32"}
    layer = type(make(keras.layers)).from_config(config)
    inputs = keras.Input(shape)
    layer.build(inputs.shape)
    mode, bits, _ = policy.split("/")
    setattr(layer, f"is_{mode}_calibrated", True)
    for v in layer.weights:
        if v.name == "g_idx":
            groups = layer.kernel_scale.shape[1]
            v.assign(np.arange(rows) * groups // rows)
        elif "uint8" in v.dtype:
            v.assign(rng.integers(0, 256 if v.name == "kernel" and bits in "48" else 8, v.shape))
        else:
            v.assign(rng.uniform(0.1, 1, v.shape))
    model = keras.Model(inputs, layer(inputs))
    x = rng.normal(size=(3, *shape)).astype(np.float32)
    live = from_keras(model)
    assert_close(exported(live, x), model(x))
    assert live.layers[-1].get_config()["dtype"]["config"]["mode"] == policy


def test_a_float8_product_rounds_as_float8_does():
    layer = layers.Dense(2, dtype="float8_from_float32", use_bias=False)
    layer.build((None, 3))
    rng = np.random.default_rng(0)
    kernel, x = rng.normal(size=(3, 2)).astype("f4"), rng.normal(size=(4, 3)).astype("f4") * 1000

    def rounded(a):
        return np.clip(a, -448, 448).astype(ml_dtypes.float8_e4m3fn).astype(np.float32)

    layer._kernel.assign(kernel)
    np.testing.assert_allclose(layer(x), rounded(x) @ rounded(kernel), rtol=1e-5)
    assert layer.inputs_amax_history.shape == (1024,)


@pytest.mark.parametrize("dtype", ["int4_from_mixed_float16", "int4_from_float16", "int8_from_float64"])
def test_other_source_policies(keras, dtype):
    mode, source = dtype.split("_from_")
    layer = keras.layers.Dense(6, dtype=source)
    inputs = keras.Input((10,), dtype=layer.compute_dtype)
    layer(inputs)
    layer.quantize(mode)
    model = keras.Model(inputs, layer(inputs))
    x = np.random.default_rng(0).normal(size=(3, 10)).astype(layer.compute_dtype)
    ours, theirs = exported(from_keras(model), x), np.asarray(model(x))
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-2 if "16" in source else 1e-7, atol=1e-2)


# The arithmetic on arrays


def test_array_quantizers_are_those_of_keras(keras):
    x = np.random.default_rng(0).normal(size=(11, 5)).astype(np.float32)
    q = keras.quantizers
    ours = quantizers.quantize_by_absolute_maximum(x, 0)
    theirs = q.abs_max_quantize(x, 0, to_numpy=True)
    blocks = quantizers.quantize_in_blocks(x, 4)
    their_blocks = q.abs_max_quantize_grouped_with_zero_point(
        keras.ops.convert_to_tensor(x), 4, to_numpy=True
    )
    for our, their in zip((*ours, *blocks), (*theirs, *their_blocks), strict=True):
        np.testing.assert_array_equal(our, np.asarray(their))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shape", [(5, 4), (4, 3), (2, 3, 5)])
def test_packing_of_int4(keras, shape, axis):
    x = np.random.default_rng(0).integers(-8, 8, shape).astype(np.int8)
    packed = quantizers.pack_int4(x, axis)
    np.testing.assert_array_equal(packed, keras.quantizers.pack_int4(x, axis)[0])
    np.testing.assert_array_equal(quantizers.unpack_int4(packed, shape[axis], axis), x)


# Configs


def test_configs_are_those_of_keras(keras):
    q = keras.quantizers
    for theirs in (
        q.AbsMaxQuantizer(axis=1, value_range=(-7, 7)),
        q.Int8QuantizationConfig(),
        q.Int4QuantizationConfig(block_size=64),
        q.Int4QuantizationConfig(block_size=None, weight_quantizer=q.AbsMaxQuantizer(0, (-8, 7))),
        q.Float8QuantizationConfig(),
        q.GPTQConfig(None, None, weight_bits=3),
        q.AWQConfig(None, None, group_size=16),
    ):
        config = json_form(keras.saving.serialize_keras_object(theirs))
        assert json_form(quantizers.serialize(quantizers.get(config))) == config


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: quantizers.Int4QuantizationConfig(block_size=0), "block_size must be"),
        (
            lambda: quantizers.Int4QuantizationConfig(activation_quantizer=quantizers.AbsMaxQuantizer()),
            "cannot be given with blocks",
        ),
        (lambda: quantizers.AbsMaxQuantizer(value_range=(0, 255)), "within int8"),
        (lambda: layers.Embedding(3, 2, dtype="float8_from_float32"), "can be quantized as int8, int4"),
        (lambda: dtype_policies.get("gptq/5/128_from_float32"), "mode must be 'gptq/"),
        (lambda: dtype_policies.get("awq/4/0_from_float32"), "mode must be 'awq/"),
        (
            lambda: layers.Dense(3, lora_rank=2, dtype="gptq/4/128_from_float32").build((None, 4)),
            "LoRA cannot be enabled",
        ),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_weights_of_a_quantized_layer_are_stored_as_keras_packs_them():
    inputs = pl.Input((10,))
    model = pl.Model(inputs, layers.Dense(6, dtype="int4/5_from_float32", name="dense")(inputs))
    initializers = {t.name: (t.data_type, list(t.dims)) for t in model.to_onnx().graph.initializer}
    assert initializers["dense/kernel"] == (3, [10, 3])  # int8, two numbers in each
    assert initializers["dense/kernel_zero"] == (3, [2, 6])


def by_path(model):
    return [np.asarray(v) for v in sorted(model.variables, key=lambda v: v.path)]


def json_form(config):
    return json.loads(json.dumps(config))
