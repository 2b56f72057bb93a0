"""Zero padding becomes an attribute of the operator behind it, where that is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from portable_layers import ops
from portable_layers.graph import Graph
from portable_layers.passes import fuse

KERNEL = np.random.default_rng(0).standard_normal((3, 2, 3, 3)).astype(np.float32)


def image(graph: Graph) -> Any:
    return graph.input("image", "float32", (2, 2, 7, 6))


PADS = np.array([0, 0, 1, 2, 0, 0, 0, 3])


@pytest.mark.parametrize("attributes", [{}, {"pads": [1, 0, 0, 2], "strides": [2, 2]}, {"auto_pad": "VALID"}])
def test_pad_and_conv(cleaned, attributes):
    with Graph() as g:
        x = g.add("Pad", ops.exp(image(g)), PADS)
        g.output(g.add("Conv", x, KERNEL, **attributes), "y")
    assert cleaned(g, passes=fuse.run) == "Exp Conv"


@pytest.mark.parametrize(
    "pads",
    [
        lambda g, x: g.add("Pad", x, PADS, np.float32(1)),
        lambda g, x: g.add("Pad", x, PADS, mode="edge"),
        lambda g, x: g.add("Pad", x, -PADS // 3),
        lambda g, x: g.add(
            "Pad", g.add("Pad", x, np.array([0, -1, 0, 0, 0, 0, 0, 0])), np.eye(8, dtype=np.int64)[1]
        ),
    ],
)
def test_other_padding_stays(pads):
    with Graph() as g:
        g.output(g.add("Conv", pads(g, image(g)), KERNEL), "y")
    assert not fuse.run(g)


def test_padding_that_others_use_stays():
    with Graph() as g:
        x = g.add("Pad", image(g), PADS)
        g.output(g.add("Conv", x, KERNEL), "y")
        g.output(ops.exp(x), "padded")
    assert not fuse.run(g)


def test_same_padding_depends_on_the_padded_size():
    with Graph() as g:
        g.output(g.add("Conv", g.add("Pad", image(g), PADS), KERNEL, auto_pad="SAME_UPPER"), "y")
    assert not fuse.run(g)


def test_max_pool_of_what_is_not_negative(cleaned):
    pads = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    with Graph() as g:
        x = g.add("Pad", ops.relu(image(g)), pads)
        g.output(g.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]), "y")
    assert cleaned(g, 0, fuse.run) == "Relu MaxPool"


@pytest.mark.parametrize(
    "attributes", [{"kernel_shape": [1, 1]}, {"kernel_shape": [2, 2], "dilations": [3, 3]}]
)
def test_windows_of_padding_only_stay(attributes):
    with Graph() as g:
        x = g.add("Pad", ops.relu(image(g)), np.array([0, 0, 1, 1, 0, 0, 1, 1]))
        g.output(g.add("MaxPool", x, **attributes), "y")
    assert not fuse.run(g)


def test_max_pool_of_negative_numbers_stays():
    with Graph() as g:
        x = g.add("Pad", ops.tanh(image(g)), PADS)
        g.output(g.add("MaxPool", x, kernel_shape=[4, 4]), "y")
    assert not fuse.run(g)
