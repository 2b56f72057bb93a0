"""Equal nodes are merged, nodes that only look alike are not."""

from __future__ import annotations

import numpy as np
from run_graph import Weight, sequence

from portable_layers import ops
from portable_layers.graph import Graph
from portable_layers.model_file import to_proto
from portable_layers.packing import Packing
from portable_layers.passes import common_subexpressions as cse


def test_equal_branches_merge(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (2, 3))
        a = ops.relu(ops.transpose(x, (1, 0)))
        b = ops.relu(ops.transpose(x, (1, 0)))
        g.output(ops.add(a, b), "y")
    assert cleaned(g, 0, cse.run) == "Transpose Relu Add"


def test_attributes_inputs_and_outputs_tell_nodes_apart():
    with Graph() as g:
        x = g.input("x", "float32", (2, 4))
        for number, y in enumerate(
            [
                ops.max(x, 0),
                ops.max(x, 1),
                g.add("LeakyRelu", x, alpha=0.1),
                g.add("LeakyRelu", x, alpha=0.2),
                g.add("LeakyRelu", x),
                g.add("Cast", x, to=6),
                g.add("Cast", x, to=7),
                g.add("Sub", x, np.float32(1)),
                g.add("Sub", np.float32(1), x),
            ]
        ):
            g.output(ops.negative(y), f"y{number}")
    assert not cse.run(g)


def test_random_numbers_differ():
    with Graph() as g:
        x = g.input("x", "float32", (3,))
        a, b = (g.add("RandomUniformLike", x) for _ in range(2))
        g.output(ops.subtract(a, b), "y")
    assert not cse.run(g)


def test_outputs_keep_their_names(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (3,))
        g.output(ops.exp(x), "first")
        g.output(ops.exp(x), "second")
        g.output(ops.tanh(ops.exp(x)), "third")
    assert cleaned(g, 0, cse.run) == "Exp Exp Tanh"


def test_a_layer_called_twice_is_written_once(cleaned):
    kernel = Weight("kernel", np.random.default_rng(0).standard_normal((3, 3, 2, 4)).astype(np.float32))
    with Graph() as g:
        a, b = (g.input(n, "float32", (1, 5, 5, 2)) for n in "ab")
        y = ops.add(*(ops.conv(x, g.weight(Packing.of(kernel))) for x in (a, b)))
        g.output(ops.max(y, (1, 2)), "y")
    assert cleaned(g) == "Transpose Conv Transpose Conv Add ReduceMax"
    sizes = [np.prod(t.dims) for t in to_proto(g).graph.initializer if t.data_type == 1]
    assert sizes == [3 * 3 * 2 * 4]


def test_bodies_are_merged_within():
    with Graph() as g:
        x = g.input("x", "float32", (3,))
        condition = g.add("Greater", g.add("ReduceMax", x, keepdims=0), np.float32(0))
        (y,) = g.if_(condition, lambda: [ops.add(ops.exp(x), ops.exp(x))], lambda: [ops.exp(x)])
        g.output(y, "y")
    assert cse.run(g)
    assert [sequence(body) for body in list(g.graphs())[1:]] == ["Exp Add", "Exp"]
