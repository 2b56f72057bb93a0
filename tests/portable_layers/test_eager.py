"""Calls on arrays: what is run is what the object is now, and equal calls are compiled once."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from two_worlds import OURS

import portable_layers as pl
from portable_layers import activations, eager, ops

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def compiled(monkeypatch) -> list:
    """What is compiled during the test, in order."""
    made: list = []
    compile_ = eager._compile
    monkeypatch.setattr(eager, "_compile", lambda *args: made.append(args) or compile_(*args))
    return made


def test_equal_calls_are_compiled_once(compiled):
    layer = pl.layers.Dense(2)
    layer(X)
    layer(X + 1)
    assert len(compiled) == 1
    layer(X[:2])  # another shape
    layer(X.astype(np.float16))  # another dtype
    assert len(compiled) == 3
    layer(X)
    assert len(compiled) == 3


def test_two_objects_do_not_share_a_call():
    one, other = (pl.layers.Dense(2, kernel_initializer=v) for v in ("zeros", "ones"))
    assert not one(X).any()
    assert other(X).any()


def test_a_call_sees_an_attribute_that_was_changed():
    """Taking the softmax off the last layer is how many people look at logits."""
    layer = pl.layers.Dense(2, activation="softmax", kernel_initializer="ones")
    inputs = pl.Input((3,))
    model = pl.Model(inputs, layer(inputs))
    for call in (layer, model):
        layer.activation = activations.softmax
        np.testing.assert_allclose(call(X), np.full((4, 2), 0.5), rtol=1e-6)
        layer.activation = activations.linear
        np.testing.assert_allclose(call(X), np.repeat(X.sum(axis=1, keepdims=True), 2, axis=1), rtol=1e-6)


def test_a_layer_that_sets_attributes_in_its_call_is_compiled_once(compiled):
    class Counting(pl.layers.Layer):
        def call(self, x):
            self.last_rank = x.ndim
            return x + 1.0

    layer = Counting()
    for _ in range(4):
        layer(X)
    assert len(compiled) <= 2
    assert layer.last_rank == 2


def test_keyword_arguments_are_part_of_the_call():
    layer = OURS.Mix()
    one = layer(X, X, scale=1.0)
    two = layer(X, X, scale=2.0)
    np.testing.assert_allclose(two - X, 2 * (one - X), rtol=1e-5)
    bias = np.float32([1, 2, 3])
    np.testing.assert_allclose(layer(X, value=X, bias=bias), one + bias, rtol=1e-5)


def test_structures_go_in_and_come_out():
    outputs = OURS.Split()([X, 2 * X])
    assert list(outputs) == ["sum", "difference"]
    np.testing.assert_allclose(outputs["sum"], 3 * X)
    np.testing.assert_allclose(outputs["difference"], -X)


def test_functions_run_on_arrays():
    np.testing.assert_allclose(ops.add(X, 1), X + 1)
    np.testing.assert_allclose(activations.relu(X), X.clip(0))
    first, second = ops.split(X, 2, axis=0)
    np.testing.assert_array_equal(np.concatenate([first, second]), X)


def test_results_are_writable_and_not_shared():
    layer = pl.layers.Dense(2)
    first = layer(X)
    kept = first.copy()
    first[...] = 7
    np.testing.assert_array_equal(layer(X), kept)


def test_what_other_libraries_call_an_array_is_one(keras):
    layer = pl.layers.Dense(2)
    np.testing.assert_array_equal(layer(keras.ops.convert_to_tensor(X)), layer(X))


def test_views_and_foreign_byte_orders_are_arrays_too():
    layer = pl.layers.Dense(2)
    np.testing.assert_array_equal(layer(X[::-1]), layer(np.ascontiguousarray(X[::-1])))
    np.testing.assert_array_equal(layer(np.asfortranarray(X)), layer(X))


def test_an_empty_batch_gives_an_empty_result():
    assert pl.layers.Dense(2)(X[:0]).shape == (0, 2)


def test_predict_computes_in_batches():
    inputs = pl.Input((3,))
    model = pl.Model(inputs, [pl.layers.Dense(2, name="a")(inputs), inputs * 2])
    whole = model(X)
    for batch_size in (1, 3, 4, 100, None):
        for got, expected in zip(model.predict(X, batch_size=batch_size), whole, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_without_onnx_runtime_the_reference_evaluator_runs(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "onnxruntime" else find(name, *a)
    )
    layer = pl.layers.Dense(2, kernel_initializer="ones")
    np.testing.assert_allclose(layer(X), np.repeat(X.sum(axis=1, keepdims=True), 2, axis=1), rtol=1e-6)


def test_a_call_that_fails_leaves_no_open_graph():
    with pytest.raises(ValueError, match="MatMul"):
        ops.matmul(X, X)
    np.testing.assert_allclose(ops.matmul(X, X.T), X @ X.T, rtol=1e-6)
    assert pl.graph.current_graph() is None
