"""Scan, Loop and If: bodies see outer values and weights, and keep to their types."""

from __future__ import annotations

import numpy as np
import pytest
from built_graphs import BATCH, run

from portable_layers.dims import Dim
from portable_layers.errors import GraphError
from portable_layers.graph import current_graph
from portable_layers.model_file import to_proto
from portable_layers.variable import Variable


def test_a_scan_uses_outer_values_weights_and_constants(graph):
    time = Dim.named("time")
    xs = graph.input("xs", "float32", (time, BATCH, 4))
    offset = graph.input("offset", "float32", (BATCH, 4))
    kernel = Variable(np.full((4, 4), 0.5, np.float32), name="kernel")
    start = graph.add("Mul", offset, np.float32(0))

    def step(state, element):
        assert current_graph() is not graph
        inner = current_graph()
        new = inner.add("Add", inner.add("Add", inner.add("MatMul", state, kernel), element), offset)
        return [new], [inner.add("Mul", new, np.float32(2))]

    with graph:
        (final,), (stacked,) = graph.scan(step, [start], [xs])
    graph.output(final, "final")
    graph.output(stacked, "stacked")
    assert stacked.shape == (time, BATCH, 4)
    rng = np.random.default_rng(0)
    xs_value, offset_value = rng.random((3, 2, 4), np.float32), rng.random((2, 4), np.float32)
    state, outs = np.zeros((2, 4), np.float32), []
    for element in xs_value:
        state = state @ kernel.numpy() + element + offset_value
        outs.append(2 * state)
    got_final, got_stacked = run(graph, xs=xs_value, offset=offset_value)
    np.testing.assert_allclose(got_final, state, rtol=1e-6)
    np.testing.assert_allclose(got_stacked, np.stack(outs), rtol=1e-6)
    # The weight used only inside is the model's, by its name.
    assert "kernel" in [i.name for i in to_proto(graph).graph.initializer]


def test_a_reversed_scan_keeps_the_order_of_its_inputs(graph):
    xs = graph.input("xs", "float32", (3,))

    def step(total, element):
        new = current_graph().add("Add", total, element)
        return [new], [new]

    with graph:
        _, (sums,) = graph.scan(step, [graph.constant(np.float32(0))], [xs], reverse=True)
    graph.output(sums, "sums")
    (result,) = run(graph, xs=np.array([1, 2, 4], np.float32))
    assert result.tolist() == [7, 6, 4]


def test_a_state_of_scan_keeps_its_type(graph):
    xs = graph.input("xs", "float32", (3, 2))
    with (
        graph,
        graph.scope("rnn"),
        pytest.raises(GraphError, match="rnn: a state of Scan must keep its type"),
    ):
        graph.scan(lambda s, e: ([e], []), [graph.constant(np.float32(0))], [xs])


def test_a_loop_goes_on_while_its_condition_holds(graph):
    limit = graph.input("limit", "float32", ())

    def step(number, value):
        g = current_graph()
        doubled = g.add("Mul", value, np.float32(2))
        return g.add("Less", doubled, limit), [doubled]

    with graph:
        (result,) = graph.loop(None, None, step, [graph.constant(np.float32(1))])
    graph.output(result, "y")
    assert run(graph, limit=np.float32(50))[0] == 64


def test_a_loop_counts(graph, x):
    with graph:
        (total,) = graph.loop(
            4, None, lambda i, s: (None, [current_graph().add("Add", s, i)]), [graph.constant(np.int64(0))]
        )
    graph.output(total, "y")
    assert run(graph, x=np.zeros((1, 4), np.float32))[0] == 0 + 1 + 2 + 3


def test_a_subgraph_in_a_subgraph_sees_both(graph):
    x = graph.input("x", "float32", (2,))

    def outer(i, total):
        g = current_graph()
        ahead = g.add("Greater", g.add("ReduceSum", total, keepdims=0), np.float32(3))
        (kept,) = g.if_(
            ahead,
            lambda: [total],
            lambda: [current_graph().add("Add", total, x)],
        )
        return None, [kept]

    with graph:
        (total,) = graph.loop(10, None, outer, [graph.constant(np.zeros(2, np.float32))])
    graph.output(total, "y")
    (result,) = run(graph, x=np.array([1, 1], np.float32))
    assert result.tolist() == [2, 2]


def test_the_branches_of_if_give_the_same_types(graph, x):
    with graph, pytest.raises(GraphError, match="the branches of If give"):
        graph.if_(graph.constant(True), lambda: [x], lambda: [graph.constant(np.int64(1))])


def test_a_branch_may_hand_on_a_weight_or_an_outer_tensor(graph, x):
    bias = Variable(np.ones(4, np.float32), name="bias")
    chosen = graph.input("chosen", "bool", ())
    with graph:
        (picked,) = graph.if_(
            chosen,
            lambda: [current_graph().as_tensor(bias)],
            lambda: [graph.constant(np.zeros(4, np.float32))],
        )
    graph.output(graph.add("Add", x, picked), "y")
    value = np.zeros((1, 4), np.float32)
    assert run(graph, x=value, chosen=np.array(True))[0].tolist() == [[1, 1, 1, 1]]
    assert run(graph, x=value, chosen=np.array(False))[0].tolist() == [[0, 0, 0, 0]]


def test_a_size_first_used_in_a_branch_is_there_in_the_other_branch_too(graph, x):
    chosen = graph.input("chosen", "bool", ())

    def branch(factor):
        return lambda: [current_graph().add("Mul", current_graph().size(BATCH), np.int64([factor]))]

    with graph:
        (result,) = graph.if_(chosen, branch(1), branch(10))
        after = graph.size(BATCH)
    graph.output(graph.add("Add", result, after), "y")
    value = np.zeros((3, 4), np.float32)
    assert run(graph, x=value, chosen=np.array(True))[0] == [6]
    assert run(graph, x=value, chosen=np.array(False))[0] == [33]


def test_a_tensor_of_a_finished_body_is_refused_outside(graph, x):
    inside = []

    def then():
        inside.append(current_graph().add("Relu", x))
        return inside

    with graph:
        graph.if_(graph.constant(True), then, lambda: [x])
    with pytest.raises(GraphError, match="belongs to another graph"):
        graph.add("Neg", inside[0])
