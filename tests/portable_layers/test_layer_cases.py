"""Every case that a layer class declares, exported and compared with Keras."""

from __future__ import annotations

import re

import ml_dtypes
import numpy as np
import onnx
import pytest
from case_models import (
    NamedCase,
    Pair,
    assert_equal_outputs,
    built_in_layers,
    declared_cases,
    describe,
    json_form,
    run,
    sizes,
)

from converters import from_keras
from portable_layers import tree
from portable_layers.dims import Dim
from portable_layers.registry import classes
from portable_layers.serialization import deserialize_object, serialize_object
from runtime import InferenceEngine

CASES = declared_cases()
# Why these classes have no case of their own.
WITHOUT_CASES = {
    "Hashing": "its graph is arithmetic of hundreds of operators; see layers/test_category.py",
    "HashedCrossing": "its graph is arithmetic of hundreds of operators; see layers/test_category.py",
    "InputLayer": "it is the start of every model here",
    "Equalization": "Keras cannot build a model with it; see layers/test_augmentation.py",
    "GRUCell": "RNN runs cells; see its cases",
    "LSTMCell": "RNN runs cells; see its cases",
    "SimpleRNNCell": "RNN runs cells; see its cases",
    "StackedRNNCells": "RNN runs cells; see its cases",
    "Model": "a subclass's call is its meaning; see test_model.py",
    "Functional": "every case is inside of one; see test_model.py",
    "Sequential": "its layers are its meaning; see test_model.py",
    "Pipeline": "its layers are its meaning; see layers/test_pipeline.py",
    "Wrapper": "it is the base of layers that hold another one",
}


# Module scope makes pytest run all tests of one case together, so that its models are built once.
@pytest.fixture(scope="module", params=CASES, ids=str)
def pair(request: pytest.FixtureRequest, keras) -> Pair:
    return Pair(keras, request.param)


@pytest.fixture(
    scope="module",
    params=[(c, policy) for c in CASES for policy in c.case.dtypes],
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def typed_pair(request: pytest.FixtureRequest, keras) -> Pair:
    return Pair(keras, *request.param)


def test_every_layer_declares_a_case():
    without = {c.__name__ for c in built_in_layers() if not c.__dict__.get("cases")}
    assert without == set(WITHOUT_CASES)


def test_the_graph_is_valid_and_has_the_declared_operators(pair):
    proto = pair.proto()
    onnx.checker.check_model(proto, full_check=True)
    assert " ".join(node.op_type for node in proto.graph.node) == " ".join(pair.case.ops.split())


@pytest.mark.parametrize(("batch", "grow"), [(5, 0), (1, 0), (2, 3)])
def test_outputs_equal_keras(pair, batch, grow):
    """One export serves every batch, and every size that the inputs leave open."""
    data = pair.data(batch, grow)
    assert_equal_outputs(pair.exported(data), pair.expected(data))


def test_the_graph_declares_the_shapes_that_come_out(pair):
    data = pair.data(3, 1)
    known = dict(sizes(pair, data))
    for declared, array in zip(pair.model.to_graph().outputs, pair.exported(data), strict=True):
        assert len(declared.shape) == array.ndim
        for size, actual in zip(declared.shape, array.shape, strict=True):
            if isinstance(size, Dim):
                size = size.substitute(known)
            # A size that depends on the data has a name of its own.
            assert size == actual or isinstance(size, Dim)


def test_opset_17_gives_the_same(pair):
    data = pair.data(2)
    onnx.checker.check_model(pair.proto(17), full_check=True)
    assert_equal_outputs(pair.exported(data, opset=17), pair.expected(data))


def test_a_call_on_arrays_gives_the_same(pair):
    data = pair.data(2)
    outputs = [np.asarray(y) for y in tree.flatten(pair.call(pair.layer, data))]
    assert_equal_outputs(outputs, pair.expected(data))


def test_output_shape_is_that_of_keras(pair):
    assert [y.shape for y in pair.model.outputs] == [tuple(y.shape) for y in pair.keras_model.outputs]
    shapes = [(None, *a.shape) for a in pair.case.inputs]
    given = [shapes] if pair.case.as_list else shapes
    try:
        theirs = pair.keras_layer.compute_output_shape(*given)
    except NotImplementedError:
        return  # some layers of Keras find it out only by being called
    assert json_form(pair.layer.compute_output_shape(*given)) == json_form(theirs)


def test_config_is_that_of_keras(pair, keras):
    """Keras's layer is made of the arguments here, so that a default of ours cannot stand in for one."""
    theirs = type(pair.keras_layer)(**pair.keras_arguments())
    ours = type(pair.layer)(**pair.arguments())
    for our, their in ((ours, theirs), (pair.layer, pair.keras_layer)):  # as made, and built
        expected = keras.saving.serialize_keras_object(their.get_config())
        assert json_form(serialize_object(our.get_config())) == json_form(expected)


def test_a_layer_made_of_the_config_is_the_same_layer(pair):
    config = serialize_object(pair.layer)
    again = deserialize_object(json_form(config), classes(), "layer")
    assert serialize_object(again) == config
    data = pair.data(2)
    outputs = pair.call(pair.layer, data)
    pair.call(again, data)  # builds it where its config could not
    assert [(v.path, v.shape, v.dtype) for v in again.weights] == [
        (v.path, v.shape, v.dtype) for v in pair.layer.weights
    ]
    again.set_weights(pair.layer.get_weights())
    for ours, theirs in zip(tree.flatten(pair.call(again, data)), tree.flatten(outputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_keras_file_comes_back_with_equal_weights_and_outputs(pair, tmp_path):
    path = tmp_path / "model.keras"
    pair.keras_model.save(path)
    loaded = from_keras(path)
    theirs = pair.keras_model.weights
    assert [_named(v) for v in loaded.weights] == [_named(v) for v in theirs]
    for ours, their in zip(loaded.weights, theirs, strict=True):
        their = np.asarray(their)
        assert describe(ours.numpy()) == describe(their)
        assert ours.numpy().tobytes() == their.tobytes()
    assert json_form(serialize_object(loaded.get_config())) == json_form(
        pair.keras.saving.serialize_keras_object(pair.keras_model.get_config())
    )
    data = pair.data(2)
    engine = InferenceEngine(loaded.to_onnx(), providers="cpu", threads=1)
    for ours, exported in zip(run(engine, data), pair.exported(data), strict=True):
        np.testing.assert_array_equal(ours, exported)


def _named(variable) -> tuple[str, str]:
    """Path and name; Keras counts the variables of a process that were given no name."""
    return tuple(re.sub(r"\bvariable(_\d+)?$", "variable", text) for text in (variable.path, variable.name))


def test_outputs_equal_keras_under_a_dtype_policy(typed_pair):
    data = typed_pair.data(3)
    onnx.checker.check_model(typed_pair.proto(), full_check=True)
    # The ends of an exported bfloat16 model are float32: NumPy knows no bfloat16.
    expected = [
        y.astype(np.float32) if y.dtype == ml_dtypes.bfloat16 else y for y in typed_pair.expected(data)
    ]
    assert_equal_outputs(typed_pair.exported(data), expected, typed_pair.policy)


def test_a_declared_case_is_one_that_can_fail(keras):
    """The comparison notices a wrong weight and a wrong operator list."""
    pair = Pair(keras, NamedCase(classes()["Dense"], 0))
    pair.layer.kernel.assign(pair.layer.kernel.numpy() * 1.001)
    data = pair.data(2)
    with pytest.raises(AssertionError):
        assert_equal_outputs(pair.exported(data), pair.expected(data))
