"""Operators and indexing on tensors mean what they mean in Keras; tensors have no value."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import portable_layers as pl
from portable_layers.dims import Dim
from portable_layers.graph import Graph
from portable_layers.model_file import to_proto
from portable_layers.tensor import Tensor, keras_shape, shape_text
from portable_layers.variable import Variable
from runtime import InferenceEngine

LEFT = np.array([[1.5, -2.0, 3.0], [0.5, 4.0, -1.0]], np.float32)
RIGHT = np.array([[2.0, 3.0, -1.5], [0.25, 0.5, 2.0]], np.float32)
ARITHMETIC = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]
UNARY = [operator.neg, operator.pos, operator.abs]


def run(build, *arrays: np.ndarray) -> np.ndarray:
    """What ONNX Runtime gives for `build(*tensors)`."""
    graph = Graph()
    with graph:
        tensors = [graph.input(f"x{i}", a.dtype.name, a.shape) for i, a in enumerate(arrays)]
        graph.output(graph.as_tensor(build(*tensors)), "y")
    engine = InferenceEngine(to_proto(graph), providers="cpu", threads=1)
    return engine.run({f"x{i}": a for i, a in enumerate(arrays)})["y"]


@pytest.mark.parametrize("function", ARITHMETIC, ids=lambda f: f.__name__)
def test_an_operator_gives_what_keras_gives(keras, function):
    for left, right in ((LEFT, RIGHT), (LEFT, 2), (LEFT, 1.5), (3, RIGHT), (0.5, RIGHT)):
        arrays = [x for x in (left, right) if isinstance(x, np.ndarray)]
        tensors = [keras.ops.convert_to_tensor(x) if isinstance(x, np.ndarray) else x for x in (left, right)]

        def build(*given, left=left, right=right):
            given = iter(given)
            return function(*(next(given) if isinstance(x, np.ndarray) else x for x in (left, right)))

        expected = np.asarray(function(*tensors))
        result = run(build, *arrays)
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("function", UNARY, ids=lambda f: f.__name__)
def test_a_unary_operator_gives_what_numpy_gives(function):
    np.testing.assert_array_equal(run(function, LEFT), function(LEFT))


@pytest.mark.parametrize("function", [operator.and_, operator.or_, operator.xor], ids=lambda f: f.__name__)
def test_logic_gives_what_numpy_gives(function):
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    np.testing.assert_array_equal(run(function, a, b), function(a, b))
    np.testing.assert_array_equal(run(lambda x: function(True, x), b), function(True, b))
    np.testing.assert_array_equal(run(operator.invert, a), ~a)


def test_a_matrix_product_from_both_sides():
    np.testing.assert_allclose(run(lambda x: x @ RIGHT.T, LEFT), LEFT @ RIGHT.T, rtol=1e-6)
    np.testing.assert_allclose(run(lambda x: RIGHT.T @ x, LEFT), RIGHT.T @ LEFT, rtol=1e-6)


def test_an_array_on_the_left_leaves_the_operator_to_the_tensor():
    np.testing.assert_array_equal(run(lambda x: LEFT * x, RIGHT), LEFT * RIGHT)
    np.testing.assert_array_equal(run(lambda x: np.float32(2) - x, RIGHT), 2 - RIGHT)


def test_a_variable_takes_part():
    weight = Variable(RIGHT, name="w")
    np.testing.assert_array_equal(run(lambda x: x + weight, LEFT), LEFT + RIGHT)
    np.testing.assert_array_equal(run(lambda x: weight - x, LEFT), RIGHT - LEFT)
    np.testing.assert_array_equal(run(lambda x: weight[0] * x, LEFT), RIGHT[0] * LEFT)


CUBE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
KEYS = [
    np.s_[0],
    np.s_[-1],
    np.s_[:, 1],
    np.s_[..., 0],
    np.s_[..., -1, :],
    np.s_[:, 1:],
    np.s_[:, :-1],
    np.s_[:, ::2],
    np.s_[:, ::-1],
    np.s_[:, 2:0:-1, 1:3],
    np.s_[:, None],
    np.s_[..., None],
    np.s_[0, 1, 2],
    np.s_[5:],
    np.s_[-100:100],
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_gives_what_numpy_gives(key):
    np.testing.assert_array_equal(run(lambda x: x[key], CUBE), CUBE[key])


def test_a_tensor_of_a_known_size_can_be_unpacked():
    def swap(x):
        a, b = x
        return pl.ops.stack([b, a])

    np.testing.assert_array_equal(run(swap, CUBE), CUBE[::-1])


@pytest.fixture
def tensors() -> list:
    graph = Graph()
    return [graph.input("x", "float32", (Dim.named("batch"), 3)), pl.Input((3,), name="x")]


def test_a_tensor_has_no_value_and_says_so(tensors):
    for tensor in tensors:
        with pytest.raises(TypeError, match="has no value"):
            bool(tensor)
        with pytest.raises(TypeError, match="first size is not known"):
            iter(tensor)
        with pytest.raises(TypeError, match="no known length"):
            len(tensor)
    with pytest.raises(TypeError, match="no value to convert to an array"):
        np.asarray(tensors[1])


def test_tensors_are_compared_by_identity(tensors):
    for tensor in tensors:
        assert tensor in {tensor}
        assert isinstance(tensor, Tensor | type(pl.Input((1,))))


def test_shapes_are_written_as_keras_and_python_write_them(tensors):
    tensor, placeholder = tensors
    assert repr(tensor) == "<Tensor float32(batch, 3)>"
    assert repr(placeholder) == "<KerasTensor shape=(None, 3), dtype=float32, name=x>"
    assert placeholder.shape == keras_shape(tensor.shape) == (None, 3)
    assert tensor.ndim == placeholder.ndim == 2
    assert [shape_text(s) for s in ((), (1,), (1, 2))] == ["()", "(1,)", "(1, 2)"]


def test_operators_between_layers_are_recorded_in_the_model():
    x = pl.Input((3,), name="x")
    model = pl.Model(x, 2 * x[:, ::-1] + 1)
    np.testing.assert_array_equal(model(LEFT), 2 * LEFT[:, ::-1] + 1)
    assert [type(o).__name__ for o in model.operations] == ["InputLayer", "GetItem", "Multiply", "Add"]
