"""Functional and sequential models: structure, config, weights and numbers are those of Keras."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from model_catalogue import CATALOGUE, data_for
from two_worlds import arrays, assert_close, config_of, copy_weights, worlds

import portable_layers as pl
from converters import from_keras
from portable_layers import dtypes
from portable_layers.errors import InputError, SerializationError
from portable_layers.layer import Layer
from portable_layers.model import model_from_config
from portable_layers.serialization import object_sharing, serialize_object
from runtime import InferenceEngine


@pytest.fixture(scope="module", params=CATALOGUE.values(), ids=CATALOGUE)
def models(request, keras):
    """The same model in both worlds, with the same weights."""
    ours, theirs = (request.param(world) for world in worlds(keras))
    copy_weights(theirs, ours)
    return ours, theirs


def structured(model, feed):
    """The inputs in the structure that the model was made with."""
    structure = model._inputs_struct if hasattr(model, "_inputs_struct") else model.inputs[0]
    return pl.tree.map_structure(lambda t: feed[t.name], structure)


def forms(keras, models) -> list:
    """Both configs, without what differs by nature.

    That is: the modules of the tests' own classes, object ids, how a model is trained, and that Keras
    writes down a mask of None for the calls of models.
    """

    def strip(x):
        if isinstance(x, dict):
            own = isinstance(x.get("registered_name"), str)
            drop = {"shared_object_id", "compile_config"} | ({"module", "registered_name"} if own else set())
            return {k: strip(v) for k, v in x.items() if k not in drop and (k, v) != ("mask", None)}
        return [strip(v) for v in x] if isinstance(x, list | tuple) else x

    return [json.loads(json.dumps(strip(config_of(keras, m)))) for m in models]


def test_the_config_is_that_of_keras(models, keras):
    ours, theirs = forms(keras, models)
    assert ours == theirs


def test_layers_and_weights_come_in_the_order_of_keras(models):
    def claim(model):
        return {
            "layers": [x.name for x in model.layers],
            "operations": [type(x).__name__ for x in getattr(model, "operations", [])],
            "weights": [(v.path, v.name, tuple(v.shape), dtypes.standardize(v.dtype)) for v in model.weights],
            "trainable": [v.path for v in model.trainable_weights],
            "non_trainable": [v.path for v in model.non_trainable_weights],
            "variables": [v.path for v in model.variables],
            "parameters": model.count_params(),
            "inputs": [(x._keras_history.operation.name, tuple(x.shape), x.dtype) for x in model.inputs],
            "outputs": [(tuple(x.shape), x.dtype) for x in model.outputs],
            "ends": [x._keras_history.operation.name for x in model.outputs],
            "input_shape": json.loads(json.dumps(model.input_shape)),
            "output_shape": json.loads(json.dumps(model.output_shape)),
        }

    ours, theirs = (claim(m) for m in models)
    assert ours == theirs


def test_a_call_on_arrays_gives_what_keras_gives(models):
    ours, theirs = models
    feed = data_for(ours)
    outputs, expected = ours(structured(ours, feed)), theirs(structured(ours, feed))
    tolerance = 1e-3 if "half" in [x.name for x in ours.layers] else 1e-5
    assert_close(outputs, expected, tolerance)
    assert structure_of(outputs) == structure_of(expected)


def structure_of(x):
    if isinstance(x, dict):
        return {k: structure_of(v) for k, v in x.items()}
    return [structure_of(v) for v in x] if isinstance(x, list | tuple) else None


def test_the_exported_graph_gives_what_keras_gives(models):
    ours, theirs = models
    proto = ours.to_onnx()
    onnx.checker.check_model(proto, full_check=True)
    engine = InferenceEngine(proto, providers="cpu", threads=1)
    assert [t.name for t in engine.inputs] == [t.name for t in ours.inputs]
    assert len(engine.outputs) == len(ours.outputs)
    for batch in (2,) if ours.inputs[0].shape[0] else (1, 5):
        feed = data_for(ours, batch)
        expected = theirs(structured(ours, feed))
        tolerance = 1e-3 if "half" in [x.name for x in ours.layers] else 1e-5
        assert_close(list(engine.run(feed).values()), expected, tolerance)


def test_the_config_gives_an_equal_model_back(models, keras):
    ours, _ = models
    with object_sharing():
        config = json.loads(json.dumps(serialize_object(ours)))
    again = model_from_config(config)
    with object_sharing():
        back = json.loads(json.dumps(serialize_object(again)))
    assert without_ids(back) == without_ids(config)
    again.set_weights(ours.get_weights())
    feed = data_for(ours)
    for one, other in zip(
        arrays(ours(structured(ours, feed))), arrays(again(structured(again, feed))), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def without_ids(x):
    if isinstance(x, dict):
        return {k: without_ids(v) for k, v in x.items() if k != "shared_object_id"}
    return [without_ids(v) for v in x] if isinstance(x, list) else x


def test_a_keras_file_gives_the_model_with_its_weights(models, tmp_path):
    ours, theirs = models
    theirs.save(tmp_path / "model.keras")
    loaded = from_keras(tmp_path / "model.keras")
    assert [v.path for v in loaded.weights] == [v.path for v in theirs.weights]
    for one, other in zip(loaded.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), np.asarray(other))
    feed = data_for(ours)
    for one, other in zip(
        arrays(loaded(structured(ours, feed))), arrays(ours(structured(ours, feed))), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_live_model_is_taken_over(models):
    ours, theirs = models
    taken = from_keras(theirs)
    feed = data_for(ours)
    for one, other in zip(
        arrays(taken(structured(ours, feed))), arrays(ours(structured(ours, feed))), strict=True
    ):
        np.testing.assert_array_equal(one, other)


# What one model alone shows


def dense_model() -> pl.Model:
    x = pl.Input((3,), name="x")
    return pl.Model(x, pl.layers.Dense(2, name="dense")(x), name="model")


def test_initializers_inputs_and_outputs_have_the_names_of_keras():
    graph = dense_model().to_onnx().graph
    assert [i.name for i in graph.input] == ["x"]
    assert [o.name for o in graph.output] == ["dense"]
    assert [i.name for i in graph.initializer] == ["dense/kernel", "dense/bias"]
    assert [d.dim_param or d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == ["batch", 3]
    assert [n.name.split("/")[0] for n in graph.node] == ["dense"] * len(graph.node)


def test_a_shared_layer_has_one_set_of_initializers(keras):
    model = CATALOGUE["shared_layer"](worlds(keras)[0])
    assert [i.name for i in model.to_onnx().graph.initializer] == ["shared/kernel", "shared/bias"]


def test_inputs_may_be_given_by_name_in_a_list_or_bare(keras):
    model = CATALOGUE["two_inputs"](worlds(keras)[0])
    feed = data_for(model)
    expected = model([feed["a"], feed["b"]])
    for given in ((feed["a"], feed["b"]), {"b": feed["b"], "a": feed["a"]}, {**feed, "more": 1}):
        np.testing.assert_array_equal(model(given), expected)


def test_inputs_that_the_model_does_not_take_are_refused(keras):
    model = CATALOGUE["two_inputs"](worlds(keras)[0])
    feed = data_for(model)
    with pytest.raises(InputError, match=r"model model takes 2 inputs \(a, b\). Received: 1"):
        model(feed["a"])
    with pytest.raises(InputError, match=r"input b has shape \(None, 4\). Received: \(2, 3\)"):
        model([feed["a"], feed["a"]])


def test_a_last_axis_of_one_is_added_or_dropped_as_keras_does(keras):
    results = []
    for world in worlds(keras):
        x = world.fw.Input((4, 1), name="x")
        flat = world.fw.Input((4,), name="flat")
        model = world.fw.Model([x, flat], [x + 1.0, flat + 1.0])
        results.append([np.asarray(y) for y in model([np.ones((2, 4), "f"), np.ones((2, 4, 1), "f")])])
    assert [y.shape for y in results[0]] == [y.shape for y in results[1]] == [(2, 4, 1), (2, 4)]


def test_a_floating_input_is_cast_to_the_dtype_of_the_model():
    assert dense_model()(np.ones((2, 3))).dtype == np.float32


def test_outputs_that_do_not_come_from_the_inputs_are_refused(keras):
    for world in worlds(keras):
        x, other = world.fw.Input((3,), name="x"), world.fw.Input((3,), name="other")
        with pytest.raises(ValueError, match=r"input|graph"):
            world.fw.Model(x, x + other)


def test_two_layers_of_one_name_are_refused(keras):
    for world in worlds(keras):
        x = world.fw.Input((3,), name="x")
        y = world.fw.layers.Dense(3, name="same")(world.fw.layers.Dense(3, name="same")(x))
        with pytest.raises(ValueError, match="same"):
            world.fw.Model(x, y)


def test_something_that_is_no_tensor_is_refused():
    x = pl.Input((3,), name="x")
    with pytest.raises(ValueError, match="all outputs of a model must be tensors"):
        pl.Model(x, [x, 3])
    with pytest.raises(ValueError, match="all inputs of a model must be tensors"):
        pl.Model([np.ones(3)], x)


def test_a_deep_model_needs_no_deep_stack():
    x = y = pl.Input((2,), name="x")
    for _ in range(2000):
        y = y + 1.0
    model = pl.Model(x, y)
    assert model(np.zeros((1, 2), np.float32)).tolist() == [[2000.0, 2000.0]]
    config = json.loads(json.dumps(serialize_object(model)))
    assert len(model_from_config(config).operations) == 2001


def test_calls_that_depend_on_each_other_are_refused():
    config = json.loads(json.dumps(serialize_object(dense_model())))
    call = config["config"]["layers"][1]["inbound_nodes"][0]
    call["args"][0]["config"]["keras_history"] = ["dense", 0, 0]
    with pytest.raises(SerializationError, match="depend on each other: dense"):
        model_from_config(config)


@pytest.mark.parametrize(
    ("end", "message"),
    [(["nowhere", 0, 0], "nowhere"), (["dense", 4, 0], "dense"), (["dense", 0, 7], "dense")],
)
def test_an_end_that_is_not_there_is_refused(end, message):
    config = json.loads(json.dumps(serialize_object(dense_model())))
    config["config"]["output_layers"] = end
    with pytest.raises(SerializationError, match=message):
        model_from_config(config)


def test_a_call_of_a_layer_that_is_not_there_is_refused():
    config = json.loads(json.dumps(serialize_object(dense_model())))
    config["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = ["gone", 0, 0]
    with pytest.raises(SerializationError, match="'gone', which is not in the model"):
        model_from_config(config)


# Sequential


def test_a_sequential_model_is_built_by_its_first_call(keras):
    def claim(world):
        model = world.fw.Sequential(
            [world.fw.layers.Dense(4, name="one"), world.fw.layers.Dense(2, name="two")]
        )
        before = model.built, model.weights
        y = np.asarray(model(np.ones((2, 3), np.float32)))
        return before, y.shape, model.built, [v.path for v in model.weights], model.input_shape

    ours, theirs = (claim(world) for world in worlds(keras))
    assert ours == theirs


def test_layers_are_added_and_taken_off(keras):
    def claim(world):
        dense = world.fw.layers.Dense
        model = world.fw.Sequential(name="model")
        seen = []

        def look():
            paths = [v.path for v in model.weights]
            seen.append(([x.name for x in model.layers], model.built, paths))

        look()
        model.add(world.fw.Input((3,), name="x"))
        look()
        model.add(dense(4, name="one"))
        look()
        model.add(dense(2, name="two"))
        look()
        seen.append(model.output_shape)
        model.pop()
        look()
        seen.append(model.output_shape)
        model.add(dense(5, name="three"))
        seen.append(tuple(model(np.ones((1, 3), np.float32)).shape))
        look()
        return seen

    ours, theirs = (claim(world) for world in worlds(keras))
    assert ours == theirs


def test_a_sequential_model_refuses_what_keras_refuses(keras):
    for world in worlds(keras):
        dense = world.fw.layers.Dense
        model = world.fw.Sequential([world.fw.Input((3,)), dense(2, name="same")])
        with pytest.raises(ValueError, match="Received: 3"):
            model.add(3)
        with pytest.raises(ValueError, match="same"):
            model.add(dense(2, name="same"))
        with pytest.raises(ValueError, match=r"[Ii]nput"):
            model.add(world.fw.layers.InputLayer((3,)))


def test_an_input_shape_on_the_first_layer_is_an_input(keras):
    def claim(world):
        model = world.fw.Sequential(
            [world.fw.layers.Dense(4, input_shape=(3,), name="one"), world.fw.layers.Dense(2, name="two")]
        )
        return model.built, model.input_shape, model.output_shape, [x.name for x in model.layers]

    with pytest.warns(UserWarning, match="input_shape"):
        ours, theirs = (claim(world) for world in worlds(keras))
    assert ours == theirs


# Layers of a model


def test_layers_are_found_by_name_and_index(keras):
    for world in worlds(keras):
        model = CATALOGUE["several_outputs"](world)
        for index, layer in enumerate(model.layers):
            assert model.get_layer(layer.name) is layer
            assert model.get_layer(index=index) is layer
        with pytest.raises(ValueError, match="nothing"):
            model.get_layer("nothing")
        with pytest.raises(ValueError, match="9"):
            model.get_layer(index=9)


def test_every_layer_knows_what_it_was_called_on(keras):
    for world in worlds(keras):
        model = CATALOGUE["one_layer"](world)
        dense = model.layers[1]
        assert dense.input is model.inputs[0]
        assert dense.output is model.outputs[0]
        assert isinstance(dense, Layer | keras.layers.Layer)
        # Of several calls it is the first one.
        model = CATALOGUE["shared_layer"](world)
        assert model.get_layer("shared").input is model.inputs[0]
        with pytest.raises(AttributeError):
            _ = world.fw.layers.Dense(1).output


def test_a_model_may_end_at_any_layers_output(keras):
    """Feature extraction: `Model(model.input, model.get_layer(...).output)`."""
    for world in worlds(keras):
        whole = CATALOGUE["intermediate_tensors"](world)
        part = world.fw.Model(whole.input, whole.get_layer("a").output)
        assert tuple(part(np.ones((2, 3), np.float32)).shape) == (2, 4)
        assert [v.path for v in part.weights] == ["a/kernel", "a/bias"]
