"""Core layers against Keras: equations of EinsumDense, embeddings both ways, masks, LoRA."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import portable_layers as pl
from converters import from_keras, to_keras
from converters.to_keras import to_keras_file
from portable_layers import layers
from portable_layers.errors import UnsupportedLayerError
from portable_layers.model import model_from_config
from portable_layers.ops.contraction import axis_labels
from portable_layers.serialization import serialize_object
from runtime import InferenceEngine


def exported(model, *arrays, **options):
    engine = InferenceEngine(model.to_onnx(**options), providers="cpu", threads=1)
    return engine.run({t.name: x for t, x in zip(engine.inputs, arrays, strict=True)})


def only(outputs):
    (output,) = outputs.values()
    return output


@st.composite
def equations(draw: Any) -> dict[str, Any]:
    """An equation, the input's sizes and the sizes that the layer is given."""
    sizes = {c: draw(st.integers(1, 4)) for c in "abcdefg"}
    kept = "b" + "".join(draw(st.sets(st.sampled_from("cd"), max_size=2)))
    inner = "".join(draw(st.sets(st.sampled_from("ef"), max_size=2)))
    new = "".join(draw(st.sets(st.sampled_from("gh"), max_size=2)))
    sizes["h"] = 3
    shared = (
        "".join(draw(st.sets(st.sampled_from(sorted(set(kept) - {"b"})), max_size=1))) if kept[1:] else ""
    )
    kernel = inner + new + shared or "e"
    inner = "e" if kernel == "e" else inner
    xs = "a" + "".join(draw(st.permutations(kept + inner)))
    ks = "".join(draw(st.permutations(kernel)))
    ys = "a" + "".join(draw(st.permutations(kept + new)))
    bias = "".join(c for c in ys[1:] if draw(st.booleans()))
    ellipsis = draw(st.sampled_from(["", "left", "right"]))
    extra = draw(st.integers(1, 2)) if ellipsis else 0
    return {
        "xs": xs,
        "ks": ks,
        "ys": ys,
        "bias": bias or None,
        "sizes": sizes,
        "ellipsis": ellipsis,
        "extra": [draw(st.integers(1, 3)) for _ in range(extra)],
    }


@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=equations())
def test_einsum_dense_equals_keras_for_any_equation(keras, case):
    xs, ks, ys, sizes = case["xs"], case["ks"], case["ys"], case["sizes"]
    inputs, outputs = [sizes[c] for c in xs[1:]], [sizes[c] for c in ys[1:]]
    if case["ellipsis"] == "left":
        xs, ys = f"...{xs[1:]}", f"...{ys[1:]}"
        inputs = case["extra"] + inputs
    elif case["ellipsis"] == "right":
        xs, ys = f"{xs}...", f"{ys}..."
        inputs = inputs + case["extra"]
    equation = f"{xs},{ks}->{ys}"
    layer = keras.layers.EinsumDense(equation, outputs, bias_axes=case["bias"])
    model = keras.Sequential([keras.Input(inputs), layer])
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    x = rng.normal(size=(5, *inputs)).astype(np.float32)
    # TensorFlow 2.21's einsum writes beyond its memory on some of these; NumPy's does not.
    expected = np.einsum(equation, x, np.asarray(layer.kernel))
    if layer.bias is not None:
        expected = np.asarray(keras.ops.add(expected, layer.bias))
    np.testing.assert_allclose(
        only(exported(from_keras(model), x)), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize(
    ("equation", "inputs", "output_shape", "bias_axes"),
    [
        ("abc,cd->abd", (3, 5), (3, 3), "b"),  # goes to the last axis
        ("abc,cde->abde", (3, 5), (3, 3, 4), "d"),  # goes to the second
        ("abc,cde->abde", (4, 5), (4, 4, 1), "de"),
        ("abc,cde->abde", (2, 5), (2, 3, 4), "d"),  # stays where it belongs
    ],
)
def test_a_bias_is_added_where_tensorflow_adds_it(keras, equation, inputs, output_shape, bias_axes):
    layer = keras.layers.EinsumDense(equation, output_shape, bias_axes=bias_axes)
    model = keras.Sequential([keras.Input(inputs), layer])
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    x = rng.normal(size=(2, *inputs)).astype(np.float32)
    np.testing.assert_allclose(only(exported(from_keras(model), x)), model(x), rtol=1e-5, atol=1e-5)
    layer.quantize("int8")
    np.testing.assert_allclose(only(exported(from_keras(model), x)), model(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"equation": "ab,bc,ac->c", "output_shape": 3}, "equation must have the form"),
        ({"equation": "...ab,bc->ac...", "output_shape": 3}, "equation must have the form"),
        ({"equation": "abcd,bc->ad", "output_shape": 3}, "is not one for an input of rank 2"),
        (
            {"equation": "ab,bc->ac", "output_shape": (3, 3)},
            "output_shape must have the sizes of the axes 'c'",
        ),
        ({"equation": "ab,bc->ad", "output_shape": 3}, "neither in the input nor in the kernel"),
        ({"equation": "ab,cd->ad", "output_shape": 3}, "the kernel's axis 'c' .* has no known size"),
        ({"equation": "ab,b->ab", "output_shape": 3}, "axis 'b' .* has size 4 in the input and 3"),
        ({"equation": "ab,bc->ac", "output_shape": (None,)}, "the kernel's axis 'c'"),
        ({"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "b"}, "bias_axes 'b' is no axis"),
    ],
)
def test_einsum_dense_says_what_is_wrong_with_an_equation(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.EinsumDense(**arguments)(np.zeros((2, 4), np.float32))


def test_an_ellipsis_is_spelt_out():
    assert axis_labels("...ab,bc->...ac", 4) == ("deab", "bc", "deac")
    assert axis_labels("ab...,bc->ac...", 3) == ("abd", "bc", "acd")


@pytest.mark.parametrize(
    ("equation", "output_shape", "operators"),
    [
        ("abc,cd->abd", (5, 3), ["MatMul"]),
        ("abc,dc->abd", (5, 3), ["MatMul"]),  # the kernel is stored the other way round
        ("abc,bcd->ad", (3,), ["Reshape", "MatMul"]),
        ("abc,bd->adc", (3, 4), ["MatMul"]),
        ("abc,d->abcd", (5, 4, 3), ["Unsqueeze", "Mul"]),
    ],
)
def test_a_matrix_product_needs_no_einsum(equation, output_shape, operators):
    model = pl.Sequential([pl.Input((5, 4)), layers.EinsumDense(equation, output_shape)])
    assert [n.op_type for n in model.to_onnx().graph.node] == operators


# Embeddings and masks


@pytest.mark.parametrize("name", ["Embedding", "ReversibleEmbedding"])
def test_the_mask_of_an_embedding_reaches_who_asks_for_it(keras, name):
    inputs = keras.Input((6,), dtype="int32")
    x = getattr(keras.layers, name)(5, 3, mask_zero=True)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(keras.layers.Dropout(0.5)(x)))
    ids = np.random.default_rng(0).integers(0, 5, (4, 6)).astype(np.int32)
    ids[:, 0] = 1
    np.testing.assert_allclose(only(exported(from_keras(model), ids)), model(ids), rtol=1e-5)


def test_masking_masks_whole_steps_only(keras):
    model = keras.Sequential(
        [keras.Input((6, 3)), keras.layers.Masking(2.0), keras.layers.GlobalAveragePooling1D()]
    )
    x = np.random.default_rng(0).integers(1, 3, (50, 6, 3)).astype(np.float32)
    x[:, 0] = 1
    np.testing.assert_allclose(only(exported(from_keras(model), x)), model(x), rtol=1e-5)


def test_a_reversible_embedding_ties_its_two_ways(keras):
    layer = keras.layers.ReversibleEmbedding(7, 4, reverse_dtype="float32", logit_soft_cap=2.0)
    inputs = keras.Input((5,), dtype="int32")
    model = keras.Model(inputs, layer(keras.layers.Dense(4)(layer(inputs)), reverse=True))
    ids = np.arange(10, dtype=np.int32).reshape(2, 5) % 7
    ours = from_keras(model)
    np.testing.assert_allclose(only(exported(ours, ids)), model(ids), rtol=1e-5, atol=1e-6)
    matrices = [t for t in ours.to_onnx().graph.initializer if t.dims == [7, 4]]
    assert len(matrices) == 1
    assert ours.layers[1].compute_output_shape((2, 5)) == (2, 5, 4)
    assert ours.layers[1].compute_output_shape((2, 5, 4), reverse=True) == (2, 5, 7)


def test_an_embedding_starts_with_given_weights():
    matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
    layer = layers.Embedding(4, 3, weights=[matrix])
    np.testing.assert_array_equal(layer(np.array([2, 0])), matrix[[2, 0]])
    assert "weights" not in layer.get_config()


# LoRA


def adapted(keras, name, alpha=5.0):
    """A model whose layer has trained adapters, and data for it."""
    rng = np.random.default_rng(0)
    layer = {
        "dense": lambda: keras.layers.Dense(6, use_bias=False),
        "einsum": lambda: keras.layers.EinsumDense("abc,cde->abde", (None, 3, 4), bias_axes="e"),
        "embedding": lambda: keras.layers.Embedding(20, 6),
    }[name]()
    words = name == "embedding"
    inputs = keras.Input((5,), dtype="int32") if words else keras.Input((5, 8))
    keras.Model(inputs, layer(inputs))
    layer.enable_lora(2, lora_alpha=alpha)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    x = (
        rng.integers(0, 20, (3, 5)).astype(np.int32)
        if words
        else rng.normal(size=(3, 5, 8)).astype(np.float32)
    )
    return keras.Model(inputs, layer(inputs)), layer, x


@pytest.mark.parametrize("name", ["dense", "einsum", "embedding"])
def test_lora_is_exported_merged_and_comes_back_as_it_was(keras, name, tmp_path):
    model, layer, x = adapted(keras, name)
    ours = from_keras(model)
    expected = np.asarray(model(x))
    np.testing.assert_allclose(only(exported(ours, x)), expected, rtol=1e-4, atol=1e-4)
    assert json.loads(json.dumps(serialize_object(ours.layers[-1].get_config()))) == json.loads(
        json.dumps(keras.saving.serialize_keras_object(layer.get_config()))
    )
    back = to_keras(ours.to_onnx())
    np.testing.assert_allclose(back(x), expected, rtol=1e-5, atol=1e-5)
    for theirs, again in zip(sorted_by_path(model), sorted_by_path(back), strict=True):
        np.testing.assert_array_equal(again, theirs)
    # A file holds the sum, as Keras writes it, and adapters that start anew.
    path = tmp_path / "model.keras"
    to_keras_file(ours, path)
    np.testing.assert_allclose(keras.models.load_model(path)(x), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(only(exported(from_keras(path), x)), expected, rtol=1e-4, atol=1e-4)


def sorted_by_path(model):
    return [np.asarray(v) for v in sorted(model.variables, key=lambda v: v.path)]


def test_the_config_names_lora_only_where_it_is_enabled():
    layer = layers.Dense(3)
    assert not {"lora_rank", "lora_alpha"} & layer.get_config().keys()
    layer.build((None, 4))
    layer.enable_lora(2)
    assert layer.get_config()["lora_rank"] == layer.get_config()["lora_alpha"] == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Dense(3).enable_lora(2), "must be built"),
        (lambda: layers.Dense(3, kernel_constraint="max_norm", lora_rank=2)(np.zeros((2, 4))), "exclude"),
        (lambda: layers.Dense(0), "units must be a positive integer"),
        (lambda: layers.Embedding(0, 3), "input_dim must be a positive integer"),
        (lambda: layers.Embedding(3, 2.5), "output_dim must be a positive integer"),
        (lambda: layers.Wrapper("dense"), "takes a layer"),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_unknown_layer_inside_of_a_wrapper_is_listed():
    model = pl.Sequential([pl.Input((4,)), layers.SpectralNormalization(layers.Dense(2, name="inner"))])
    config = json.loads(json.dumps(serialize_object(model)))
    config["config"]["layers"][1]["config"]["layer"]["class_name"] = "Strange"
    with pytest.raises(UnsupportedLayerError, match="inner"):
        model_from_config(config)


def test_identity_passes_any_structure(keras):
    first, second = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    model = keras.Model([first, second], keras.layers.Identity()({"x": first, "y": [second]}))
    proto = from_keras(model).to_onnx()
    onnx.checker.check_model(proto)
    a, b = np.ones((2, 3), np.float32), np.zeros((2, 2), np.float32)
    outputs = list(InferenceEngine(proto, providers="cpu", threads=1).run({"a": a, "b": b}).values())
    np.testing.assert_array_equal(outputs[0], a)
    np.testing.assert_array_equal(outputs[1], b)
