"""Graphs that keep something from one run to the next, and loops over any axis."""

from __future__ import annotations

import numpy as np
import pytest

from portable_layers.dims import Dim
from portable_layers.errors import GraphError
from portable_layers.graph import Graph, current_graph
from portable_layers.model_file import to_proto
from runtime import InferenceEngine


def run(graph: Graph, **feed: np.ndarray) -> dict[str, np.ndarray]:
    return InferenceEngine(to_proto(graph), providers="cpu", threads=1).run(feed)


def test_a_state_comes_in_and_goes_out_behind_everything_else():
    graph, owner = Graph(), object()
    x = graph.input("x", "float32", (Dim.named("batch"),))
    with graph, graph.scope("counter"):
        total = graph.state(owner, "total", "float32", x.shape)
        graph.keep(owner, "total", graph.add("Add", total, x))
        # Asked for again, it is what the first use made of it.
        graph.keep(owner, "total", graph.add("Add", graph.state(owner, "total", "float32", x.shape), x))
    graph.output(graph.add("Neg", x), "y")
    graph.output_states()
    assert [t.value.name for t in graph.inputs] == ["x", "counter/total_in"]
    assert [t.value.name for t in graph.outputs] == ["y", "counter/total_out"]
    found = run(graph, **{"x": np.float32([1, 2]), "counter/total_in": np.float32([10, 20])})
    assert found["counter/total_out"].tolist() == [12, 24]


def test_a_state_that_nothing_changes_goes_out_as_it_came():
    graph = Graph()
    x = graph.input("x", "float32", (2,))
    graph.state(object(), "h", "float32", (2,))
    graph.output(graph.add("Neg", x), "y")
    graph.output_states()
    found = run(graph, x=np.float32([1, 2]), **{graph.inputs[1].value.name: np.float32([3, 4])})
    assert list(found.values())[1].tolist() == [3, 4]


def test_a_state_cannot_change_inside_of_a_loop():
    graph, owner = Graph(), object()
    xs = graph.input("xs", "float32", (3, 2))

    def step(element):
        inner = current_graph()
        inner.keep(owner, "h", inner.state(owner, "h", "float32", (2,)))
        return [], [element]

    with graph, graph.scope("rnn"), pytest.raises(GraphError, match="rnn: a stateful layer"):
        graph.scan(step, [], [xs])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_scan_goes_along_any_axis(axis, reverse):
    graph = Graph()
    sizes = (Dim.named("a"), Dim.named("b"), 2)
    xs = graph.input("xs", "float32", sizes)
    rest = [n for i, n in enumerate(sizes) if i != axis]

    def step(total, element):
        assert list(element.shape) == rest
        new = current_graph().add("Add", total, element, shape=tuple(rest))
        return [new], [new]

    with graph:
        start = graph.add("Expand", np.float32(0), graph.shape_tensor(rest), shape=tuple(rest))
        _, (sums,) = graph.scan(step, [start], [xs], reverse=reverse, axis=axis)
    assert sums.shape == sizes
    graph.output(sums, "sums")
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    expected = np.cumsum(np.flip(x, axis) if reverse else x, axis)
    found = run(graph, xs=x)["sums"]
    np.testing.assert_allclose(found, np.flip(expected, axis) if reverse else expected, rtol=1e-5, atol=1e-6)
