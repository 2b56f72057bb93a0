"""Nodes that no output needs are removed, and no others."""

from __future__ import annotations

import numpy as np

from portable_layers import ops
from portable_layers.graph import Graph
from portable_layers.passes import dead_nodes


def test_dead_chains_go(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (3,))
        ops.exp(ops.relu(x))
        g.output(ops.tanh(x), "y")
    assert cleaned(g, 0, dead_nodes.run) == "Tanh"


def test_a_second_output_keeps_a_node(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (4,))
        _, indices = g.add("TopK", x, np.array([2]), outputs=2)
        g.output(indices, "indices")
    assert cleaned(g, 0, dead_nodes.run) == "TopK"


def test_uses_in_a_body_count(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", ())
        used, unused = ops.exp(x), ops.sin(x)

        def then():
            ops.add(x, unused)
            return [ops.add(x, used)]

        (y,) = g.if_(ops.greater(x, 0), then, lambda: [ops.negative(x)])
        g.output(y, "y")
    assert cleaned(g, 0, dead_nodes.run) == "Exp Greater If"
    assert [n.op_type for body in list(g.graphs())[1:] for n in body.nodes] == ["Add", "Neg"]


def test_a_dead_body_uses_nothing():
    with Graph() as g:
        x = g.input("x", "float32", ())
        used = ops.exp(x)
        g.if_(ops.greater(x, 0), lambda: [ops.add(x, used)], lambda: [ops.negative(x)])
        g.output(ops.tanh(x), "y")
    assert dead_nodes.run(g)
    assert [n.op_type for n in g.nodes] == ["Tanh"]
    assert list(g.graphs()) == [g]
    assert not dead_nodes.run(g)
