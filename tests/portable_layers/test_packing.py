"""A packing gives the initializer, and `unpack` gives the variables back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portable_layers.errors import SerializationError
from portable_layers.packing import Packing, unpack
from portable_layers.variable import Variable


def variable(shape: tuple[int, ...], name: str = "w", start: int = 0) -> Variable:
    values = np.arange(start, start + np.prod(shape, dtype=int), dtype=np.float32)
    return Variable(values.reshape(shape), name=name)


W = variable((2, 3, 4))
V = variable((2, 3, 4), "v", start=100)
X, Y = W.numpy(), V.numpy()
PACKINGS = {
    "itself": (Packing.of(W), X),
    "transposed": (Packing.of(W).transpose((2, 0, 1)), X.transpose(2, 0, 1)),
    "reshaped": (Packing.of(W).reshape((6, 4)), X.reshape(6, 4)),
    "sliced": (Packing.of(W).slice(2, 1, 3), X[:, :, 1:3]),
    "sliced with a step": (Packing.of(W).slice(2, 0, 4, 2), X[:, :, ::2]),
    "reversed": (Packing.of(W).take(1, [2, 1, 0]), X[:, ::-1]),
    "counted from the last axis": (
        Packing.concat([Packing.of(W).take(-1, [3, 0]), Packing.of(W).slice(-1, 1, 3)], -1),
        X[:, :, [3, 0, 1, 2]],
    ),
    "joined": (Packing.concat([Packing.of(W), Packing.of(V)], 1), np.concatenate([X, Y], 1)),
    "joined with zeros": (
        Packing.concat([Packing.of(W), Packing.zeros((2, 3, 2), "float32")], 2).transpose((2, 0, 1)),
        np.concatenate([X, np.zeros((2, 3, 2), np.float32)], 2).transpose(2, 0, 1),
    ),
    "gates in another order": (
        Packing.concat([Packing.of(W).slice(2, i, i + 1) for i in (0, 3, 1, 2)], 2).transpose((2, 1, 0)),
        X[:, :, [0, 3, 1, 2]].transpose(2, 1, 0),
    ),
    "two variables through several moves": (
        Packing.concat([Packing.of(W).reshape((6, 4)), Packing.of(V).reshape((6, 4))], 0)
        .transpose((1, 0))
        .reshape((2, 2, 12)),
        np.concatenate([X.reshape(6, 4), Y.reshape(6, 4)]).T.reshape(2, 2, 12),
    ),
}


@pytest.fixture(params=PACKINGS.values(), ids=PACKINGS)
def packing_and_value(request):
    return request.param


def test_the_value_is_what_numpy_gives(packing_and_value):
    packing, value = packing_and_value
    np.testing.assert_array_equal(packing.numpy(), value)
    assert packing.shape == value.shape


def test_unpacking_gives_the_variables_back(packing_and_value):
    packing, value = packing_and_value
    leaves = {id(v): v for v in packing.leaves()}
    into = {key: np.full(v.shape, -1, np.float32) for key, v in leaves.items()}
    unpack(packing, value, into)
    for key, v in leaves.items():
        kept = np.isin(v.numpy(), value)  # all numbers are different, so a dropped one is not there
        np.testing.assert_array_equal(into[key], np.where(kept, v.numpy(), -1))


def test_the_json_form_gives_the_packing_back(packing_and_value):
    packing, value = packing_and_value
    names = {id(W): "layer/w", id(V): "layer/v"}
    form = json.loads(json.dumps(packing.to_json(names)))
    again = Packing.from_json(form, {"layer/w": W, "layer/v": V})
    np.testing.assert_array_equal(again.numpy(), value)
    assert again.to_json(names) == packing.to_json(names)


@given(st.permutations(range(3)), st.permutations(range(3)), st.data())
def test_moves_after_moves_are_undone(first, second, data):
    packing = Packing.of(W).transpose(first)
    axis = data.draw(st.integers(0, 2))
    order = data.draw(st.permutations(range(packing.shape[axis])))
    packing = packing.take(axis, order).transpose(second).reshape((4, 6)).transpose((1, 0))
    into = {id(W): np.zeros_like(X)}
    unpack(packing, packing.numpy(), into)
    np.testing.assert_array_equal(into[id(W)], X)


def test_moves_that_do_nothing_leave_no_trace():
    packing = Packing.of(W)
    assert packing.transpose((0, 1, 2)) is packing
    assert packing.reshape((2, 3, 4)) is packing
    assert packing.transpose((2, 0, 1)).transpose((1, 2, 0)) is packing
    assert packing.reshape((24,)).reshape((2, 3, 4)) is packing


def test_the_value_of_a_move_is_a_view():
    assert np.shares_memory(Packing.of(W).transpose((1, 0, 2)).numpy(), X)
    assert np.shares_memory(Packing.of(W).slice(0, 1, 2).numpy(), X)


def test_an_empty_variable_is_packed_and_unpacked():
    empty = variable((0, 3))
    packing = Packing.concat([Packing.of(empty), Packing.of(variable((2, 3)))], 0)
    into = {id(v): np.zeros(v.shape, np.float32) for v in packing.leaves()}
    unpack(packing, packing.numpy(), into)
    np.testing.assert_array_equal(list(into.values())[1], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize(
    "form",
    [
        "other",
        ["explode", ["w"]],
        ["numpy", ["w"]],
        ["transpose", ["w"]],
        ["transpose", ["w"], [0, 9, 1]],
        ["reshape", ["w"], [5, 5]],
        ["take", ["w"], 7, [0]],
        ["concat", [], 0],
        ["transpose", [], [0]],
        [],
        3,
        None,
    ],
)
def test_a_form_that_nobody_wrote_is_refused(form):
    with pytest.raises(SerializationError):
        Packing.from_json(form, {"w": W})
