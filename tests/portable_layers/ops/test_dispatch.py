"""How a function of `ops` is called: eager calls that must not be mixed up, and what is recorded."""

from __future__ import annotations

import json

import numpy as np
import pytest

import portable_layers as pl
from portable_layers import ops
from portable_layers.errors import SerializationError
from portable_layers.ops.dispatch import FUNCTIONS, OPERATIONS
from portable_layers.serialization import serialize_object


def test_arrays_that_are_no_tensors_of_the_call_tell_calls_apart() -> None:
    x = np.arange(2000)
    counts = np.ones(2000, np.int64)
    other = counts.copy()
    other[1000] = 2  # NumPy's repr leaves it out
    assert ops.repeat(x, counts, axis=0).shape == (2000,)
    assert ops.repeat(x, other, axis=0).shape == (2001,)


def test_functions_are_called_anew() -> None:
    x = np.ones(3, "float32")
    for factor in (2.0, 3.0):
        np.testing.assert_array_equal(ops.map(lambda t, f=factor: t * f, x), np.full(3, factor))

    def scaled(t):
        return t * state["factor"]

    for factor in (2.0, 5.0):
        state = {"factor": factor}
        np.testing.assert_array_equal(ops.vectorized_map(scaled, x), np.full(3, factor))


def test_vectorize_leaves_no_function_behind() -> None:
    before = set(FUNCTIONS)
    f = ops.vectorize(lambda a, b: a * b + 1)
    np.testing.assert_array_equal(f(np.arange(3.0), np.ones((2, 1))), np.arange(3.0) + np.ones((2, 3)))
    assert set(FUNCTIONS) == before


def test_custom_gradient_gives_the_result() -> None:
    f = ops.custom_gradient(lambda x: (ops.square(x), lambda upstream: upstream))
    np.testing.assert_array_equal(f(np.arange(3.0)), [0, 1, 4])


def test_a_recorded_call_comes_back() -> None:
    x = pl.Input((4, 3), name="x")
    y = ops.pad(
        ops.einsum("bij,jk->bik", x, np.ones((3, 2), "float32")), ((0, 0), (1, 0), (0, 0)), constant_values=2
    )
    y = ops.get_item(y, (slice(None), slice(1, None, 2), Ellipsis, None))
    model = pl.Model(x, y)
    config = json.loads(json.dumps(serialize_object(model)))
    again = pl.Model.from_config(config["config"])
    assert json.loads(json.dumps(serialize_object(again))) == config
    data = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    np.testing.assert_array_equal(again(data), model(data))


def test_an_unknown_key_of_a_config_is_named() -> None:
    with pytest.raises(SerializationError, match=r"unknown keys: axes; it takes: axis, keepdims, name, x"):
        OPERATIONS["Mean"].from_config({"name": "mean", "axes": 1})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.reshape(x, (5, 5)), r"cannot reshape .* into \(5, 5\)"),
        (lambda x: ops.mean(x, axis=3), "axis must be from -2 to 1"),
        (lambda x: ops.transpose(x, (0, 0)), "each axis"),
        (lambda x: ops.split(x, 2, axis=1), "2 equal parts"),
        (lambda x: ops.pad(x, ((1, 1), (1, 1), (1, 1))), "a pair for each of 2 axes"),
        (lambda x: ops.quantile(x, 0.5, method="best"), "method must be one of"),
        (lambda x: ops.scatter_update(x, [[0]], x[:1], reduction="sum"), "reduction must be"),
        (lambda x: ops.einsum("ij,jk->ik", x), "describes 2 operands"),
        (lambda x: ops.rearrange(x, "a b c -> a"), "does not fit"),
        (lambda x: ops.solve(x, x), "square matrices"),
        (lambda x: ops.norm(x, ord="max", axis=(0, 1)), "unknown order"),
        (lambda x: ops.image.resize(x, (2, 2)), "rank 3 or 4"),
        (lambda x: ops.ctc_decode(ops.expand_dims(x, 0), [3], strategy="beam_search"), "greedy"),
        (lambda x: ops.one_hot(x, 3, sparse=True), "dense"),
        (lambda x: ops.view(x, "int64"), "same width"),
        (lambda x: ops.where(x > 0, x), "both x1 and x2"),
    ],
)
def test_errors_say_what_is_expected(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(np.ones((4, 3), "float32"))


@pytest.mark.parametrize("name", ["gcd", "bitwise_and"])
def test_floats_where_integers_are_needed(name: str) -> None:
    with pytest.raises(TypeError, match="needs integers"):
        getattr(ops, name)(np.ones(3), np.ones(3))
