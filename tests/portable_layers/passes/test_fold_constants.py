"""What is known before the run is folded; weights are moved and never computed with."""

from __future__ import annotations

import numpy as np
import pytest
from run_graph import Weight, sequence

from portable_layers import dtypes, ops
from portable_layers.dims import Dim
from portable_layers.graph import Graph
from portable_layers.packing import Packing
from portable_layers.passes import fold_constants

BATCH = Dim.named("batch")


def test_constants_are_computed(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (3,))
        a = g.add("Mul", np.arange(3, dtype=np.float32), np.float32(2))
        a = g.add("Expand", g.add("Sqrt", a), np.array([2, 3]))
        g.output(ops.add(x, a), "y")
    assert cleaned(g, passes=fold_constants.run) == "Add"


def test_large_results_are_computed_by_the_runtime():
    with Graph() as g:
        x = g.input("x", "float32", (1,))
        big = g.add("Expand", np.float32(1), np.array([1024, 1024]))
        g.output(ops.add(x, big), "y")
    assert not fold_constants.run(g)


def test_random_numbers_are_not_folded():
    with Graph() as g:
        g.output(g.add("RandomUniformLike", np.zeros(3, np.float32), dtype=1), "y")
        g.output(g.add("Bernoulli", np.full(3, 0.5, np.float32)), "z")
    assert not fold_constants.run(g)


def test_sizes_that_are_known(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (BATCH, 4, 5))
        known = g.add("Shape", x, start=1)
        g.output(g.add("Concat", g.add("Shape", x, end=1), known, axis=0), "shape")
        g.output(ops.multiply(x, ops.cast(g.add("ReduceProd", known, keepdims=0), "float32")), "y")
    assert cleaned(g, 0, fold_constants.run) == "Shape Concat Mul"


def test_nodes_that_do_nothing(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (BATCH, 4))
        y = g.add("Identity", ops.exp(x))
        y = g.add("Cast", y, to=dtypes.to_onnx("float32"))
        y = g.add("Reshape", y, np.array([-1, 4]), shape=(BATCH, 4))
        y = g.add("Transpose", y, perm=[0, 1])
        y = g.add("Expand", y, np.array([1, 4]), shape=(BATCH, 4))
        y = g.add("Pad", y, np.zeros(4, np.int64))
        y = g.add("Tile", y, np.array([1, 1]), shape=(BATCH, 4))
        g.output(g.add("Concat", y, axis=0), "y")
    assert cleaned(g, 0, fold_constants.run) == "Exp"


def test_a_mask_combined_with_itself_is_the_mask(cleaned):
    with Graph() as g:
        x = g.add("Not", g.input("x", "bool", (3,)))
        g.output(g.add("Not", g.add("And", g.add("Or", x, x), x)), "y")
    assert cleaned(g, 0, fold_constants.run) == "Not Not"


def test_arithmetic_on_floats_is_left_alone():
    with Graph() as g:
        x = g.input("x", "float32", (3,))
        g.output(ops.multiply(ops.add(x, 0.0), 1.0), "y")
    assert not fold_constants.run(g)
    assert sequence(g) == "Add Mul"


def test_an_input_as_output_is_copied(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (3,))
        g.output(x, "y")
        y = ops.exp(x)
        g.output(y, "z")
        g.output(y, "again")
    assert cleaned(g, 0, fold_constants.run) == "Identity Exp Identity"


def test_reshapes_merge(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (BATCH, 4, 6))
        y = g.add("Unsqueeze", ops.exp(x), np.array([1]))
        y = g.add("Reshape", y, np.array([0, 2, 3, 4]))
        g.output(g.add("Reshape", y, np.array([-1, 3])), "y")
        g.output(g.add("Reshape", g.add("Reshape", x, np.array([-1, 2, 12])), np.array([0, 0, 3, 4])), "z")
    assert cleaned(g, 0, lambda g: [fold_constants.run(g), dead(g)]) == "Exp Reshape Reshape Reshape"


def dead(graph: Graph) -> None:
    from portable_layers.passes import dead_nodes

    dead_nodes.run(graph)


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ("float16 float32 float16", "Exp"),
        ("float16 float32 float64", "Exp Cast"),
        ("float32 float16 float32", "Exp Cast Cast"),
        ("float32 int32 float32", "Exp Cast Cast"),
        ("float32 float64 int32", "Exp Cast Cast"),
    ],
)
def test_casts_merge_where_nothing_is_lost(cleaned, chain, expected):
    source, middle, last = chain.split()
    with Graph() as g:
        y = ops.exp(g.input("x", source, (3,)))
        y = g.add("Cast", y, to=dtypes.to_onnx(middle))
        g.output(g.add("Cast", y, to=dtypes.to_onnx(last)), "y")
    assert cleaned(g, 0, lambda g: [fold_constants.run(g), dead(g)]) == expected


def test_weights_are_moved(cleaned):
    weight = Weight("w", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    with Graph() as g:
        x = g.input("x", "float32", (3, 8))
        w = g.add("Transpose", g.weight(Packing.of(weight)), perm=[1, 0, 2])
        w = g.add("Unsqueeze", g.add("Reshape", w, np.array([3, 8])), np.array([0]))
        g.output(ops.add(x, w), "y")
    assert cleaned(g, 0, fold_constants.run) == "Add"
    packing = g.tensor_of(next(iter(g.nodes)).inputs[1]).packing
    assert packing.to_json({id(weight): "w"}) == ["reshape", [["transpose", ["w"], [1, 0, 2]]], [1, 3, 8]]


def test_weights_are_not_computed_with():
    with Graph() as g:
        w = g.weight(Packing.of(Weight("w", np.ones(3, np.float32))))
        g.output(g.add("Cast", w, to=dtypes.to_onnx("float16")), "half")
        g.output(g.add("Neg", w), "minus")
    assert not fold_constants.run(g)


def test_bodies_are_folded(cleaned):
    with Graph() as g:
        x = g.input("x", "float32", (3,))

        def then():
            return [ops.add(g.add("Identity", x), g.add("Neg", np.float32(2)))]

        condition = g.add("Greater", g.add("ReduceMax", x, keepdims=0), np.float32(0))
        (y,) = g.if_(condition, then, lambda: [ops.exp(x)])
        g.output(y, "y")
    cleaned(g, 0)
    assert [n.op_type for body in list(g.graphs())[1:] for n in body.nodes] == ["Add", "Exp"]
