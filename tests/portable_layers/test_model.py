"""Models with a call of their own, training of a model's export, and what `Model` gives to all."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from two_worlds import OURS, arrays, assert_close, copy_weights, worlds

import portable_layers as pl
from converters import from_keras
from portable_layers.errors import InputError, UnsupportedLayerError
from portable_layers.model import layer_paths, model_from_config
from portable_layers.serialization import serialize_object
from runtime import InferenceEngine

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


def run(model, *inputs, **options) -> list[np.ndarray]:
    proto = model.to_onnx(**options)
    onnx.checker.check_model(proto, full_check=True)
    return list(InferenceEngine(proto, providers="cpu", threads=1).run(list(inputs)).values())


# Subclassed models


def subclassed(keras):
    ours, theirs = (world.Subclassed(name="mine") for world in worlds(keras))
    ours(X)
    theirs(X)
    copy_weights(theirs, ours)
    return ours, theirs


def test_a_subclassed_model_gives_what_keras_gives(keras):
    ours, theirs = subclassed(keras)
    assert [v.path for v in ours.weights] == [v.path for v in theirs.weights]
    assert [x.name for x in ours.layers] == [x.name for x in theirs.layers]
    outputs, expected = ours(X), theirs(X)
    assert outputs.keys() == expected.keys()
    for key in outputs:
        assert_close(outputs[key], expected[key])


def test_a_subclassed_model_is_exported_once_it_was_called(keras):
    fresh = OURS.Subclassed(name="mine")
    with pytest.raises(InputError, match="model mine has no inputs yet: call it once"):
        fresh.to_onnx()
    ours, theirs = subclassed(keras)
    expected = {k: np.asarray(v) for k, v in theirs(X[:1]).items()}
    got = run(ours, X[:1])  # another batch than the one of the first call
    assert_close(got, [expected[k] for k in sorted(expected)])
    (entry,) = ours.to_onnx().graph.input
    assert [d.dim_param or d.dim_value for d in entry.type.tensor_type.shape.dim] == ["batch", 3]


def test_a_subclassed_model_called_on_an_input_has_its_name_and_sizes():
    model = OURS.Subclassed(name="mine")
    model(pl.Input((None, 3), name="words"))
    (entry,) = model.to_onnx().graph.input
    assert entry.name == "words"
    assert [d.dim_param or d.dim_value for d in entry.type.tensor_type.shape.dim][2] == 3


def test_a_subclassed_model_of_several_inputs_is_exported():
    class Pair(pl.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = pl.layers.Dense(2, name="dense")

        def call(self, inputs):
            return self.dense(inputs["a"]) + self.dense(inputs["b"])

    model = Pair()
    expected = model({"a": X, "b": 2 * X})
    proto = model.to_onnx()
    assert [i.name for i in proto.graph.input] == ["a", "b"]
    engine = InferenceEngine(proto, providers="cpu", threads=1)
    (result,) = engine.run({"a": X, "b": 2 * X}).values()
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_a_subclassed_model_comes_back_from_a_live_model_and_a_file(keras, tmp_path):
    _, theirs = subclassed(keras)
    theirs.save(tmp_path / "model.keras")
    for source in (theirs, tmp_path / "model.keras"):
        loaded = from_keras(source)
        outputs, expected = loaded(X), theirs(X)
        for key in expected:
            assert_close(outputs[key], expected[key])
        run(loaded, X)  # the file says on what shape it was called


def test_a_functional_model_may_be_a_subclass(keras):
    """`super().__init__(inputs, outputs)` in the constructor of a subclass."""
    results = []
    for world in worlds(keras):
        fw = world.fw

        class Own(fw.Model):
            def __init__(self, units, fw=fw, **kwargs):
                x = fw.Input((3,), name="x")
                super().__init__(x, fw.layers.Dense(units, kernel_initializer="ones", name="d")(x), **kwargs)
                self.units = units

        model = Own(2, name="own")
        results.append(
            (model(X), [v.path for v in model.weights], [x.name for x in model.layers], model.output_shape)
        )
    ours, theirs = results
    assert ours[1:] == theirs[1:]
    assert_close(ours[0], theirs[0])


# Export


def test_the_default_opset_and_the_others_give_the_same(keras):
    ours, _ = subclassed(keras)
    outputs = [run(ours, X, opset=opset) for opset in (None, 17, 20, 23)]
    for other in outputs[1:]:
        for one, two in zip(outputs[0], other, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6)


def test_every_layer_that_cannot_be_exported_is_named():
    class Never(pl.layers.Layer):
        def call(self, x):
            return x

        def unsupported_reason(self):
            return "it is for tests"

    i = pl.Input((3,))
    inner = pl.Model(i, Never(name="deep")(i), name="inner")
    x = pl.Input((3,))
    model = pl.Model(x, Never(name="shallow")(inner(x)))
    with pytest.raises(UnsupportedLayerError) as caught:
        model.to_onnx()
    assert [(u.path, u.class_name) for u in caught.value.layers] == [
        ("inner/deep", "Never"),
        ("shallow", "Never"),
    ]
    assert "it is for tests" in str(caught.value)


def test_every_unknown_class_of_a_config_is_named():
    i = pl.Input((3,))
    inner = pl.Model(i, pl.layers.Dense(2, name="one")(i), name="inner")
    x = pl.Input((3,), name="x")
    config = json.loads(
        json.dumps(serialize_object(pl.Model(x, pl.layers.Dense(2, name="two")(inner(x)), name="m")))
        .replace('"class_name": "Dense"', '"class_name": "Danse"')
        .replace('"registered_name": "Dense"', '"registered_name": "Danse"')
    )
    with pytest.raises(UnsupportedLayerError) as caught:
        model_from_config(config)
    assert [u.class_name for u in caught.value.layers] == ["Danse", "Danse"]
    assert [u.path.split("/")[-1] for u in caught.value.layers] == ["one", "two"]


def test_a_model_whose_config_cannot_be_written_is_exported_all_the_same():
    """An activation without a name bars the way back to Keras, not the way to ONNX."""
    x = pl.Input((3,), name="x")
    model = pl.Model(x, pl.layers.Dense(2, activation=lambda t: t * 2.0, kernel_initializer="ones")(x))
    with pytest.warns(UserWarning, match="cannot be turned into a Keras model again: Lambda code"):
        (result,) = run(model, X)
    np.testing.assert_allclose(result, 2 * np.repeat(X.sum(axis=1, keepdims=True), 2, axis=1), rtol=1e-6)


def test_the_paths_of_all_layers():
    i = pl.Input((3,), name="i")
    inner = pl.Model(i, OURS.Block(3, name="block")(i), name="inner")
    paths = [path for path, _ in layer_paths(inner)]
    assert paths == ["i", "block", *(f"block/{n}" for n in ("first", "many_0", "many_1", "a", "last"))]


def test_a_weight_set_after_an_export_is_in_the_next_one():
    x = pl.Input((3,), name="x")
    model = pl.Model(x, pl.layers.Dense(1, use_bias=False, name="d")(x))
    before = run(model, X)[0]
    model.set_weights([2 * w for w in model.get_weights()])
    np.testing.assert_allclose(run(model, X)[0], 2 * before, rtol=1e-6)


def test_exporting_does_not_change_the_model(keras):
    ours, _ = subclassed(keras)
    config = serialize_object(ours)
    before = arrays(ours(X))
    protos = [ours.to_onnx().SerializeToString() for _ in range(2)]
    assert protos[0] == protos[1]
    assert serialize_object(ours) == config
    for one, other in zip(before, arrays(ours(X)), strict=True):
        np.testing.assert_array_equal(one, other)
