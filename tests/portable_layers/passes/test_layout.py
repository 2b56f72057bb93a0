"""The layout pass leaves as few transposes as possible, and never changes what a graph computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from portable_layers import ops
from portable_layers.dims import Dim
from portable_layers.graph import Graph
from portable_layers.passes import layout

BATCH = Dim.named("batch")


def weight(*shape: int) -> np.ndarray:
    return (np.random.default_rng(sum(shape)).standard_normal(shape) / 2).astype(np.float32)


def image(graph: Graph, *shape: int, name: str = "image") -> Any:
    return graph.input(name, "float32", (BATCH, *(shape or (8, 8, 3))))


def conv(x: Any, filters: int, size: int = 3, strides: int = 1, padding: str = "same") -> Any:
    rank = x.ndim - 2
    return ops.conv(x, weight(*[size] * rank, x.shape[-1], filters), strides, padding)


def norm(x: Any) -> Any:
    size = int(x.shape[-1])
    return ops.batch_normalization(
        x, weight(size), np.abs(weight(size)) + 1, -1, weight(size), weight(size) + 1
    )


def dense(x: Any, units: int) -> Any:
    return ops.add(ops.matmul(x, weight(x.shape[-1], units)), weight(units))


def test_plain_network(cleaned):
    with Graph() as g:
        x = ops.relu(norm(conv(image(g), 4)))
        x = ops.max_pool(x, 2)
        x = ops.relu(ops.add(conv(x, 6), weight(6)))
        x = dense(ops.mean(x, (1, 2)), 5)
        g.output(ops.softmax(x), "classes")
    assert cleaned(g) == (
        "Transpose Conv BatchNormalization Relu MaxPool Conv Add Relu ReduceMean MatMul Add Softmax"
    )


def test_one_channel_needs_no_transpose(cleaned):
    with Graph() as g:
        x = conv(image(g, 8, 8, 1), 4)
        g.output(ops.mean(x, (1, 2), keepdims=True), "y")
    assert cleaned(g) == "Reshape Conv ReduceMean Reshape"


def test_output_in_channels_last(cleaned):
    with Graph() as g:
        x = ops.sigmoid(conv(conv(image(g), 4), 3))
        g.output(x, "mask")
    assert cleaned(g) == "Transpose Conv Conv Sigmoid Transpose"


def test_residual(cleaned):
    with Graph() as g:
        x = conv(image(g), 4)
        for _ in range(2):
            y = ops.relu(norm(conv(x, 4)))
            x = ops.relu(ops.add(x, norm(conv(y, 4))))
        g.output(ops.mean(x, (1, 2)), "y")
    block = "Conv BatchNormalization Relu Conv BatchNormalization Add Relu"
    assert cleaned(g) == f"Transpose Conv {block} {block} ReduceMean"


def test_inception(cleaned):
    with Graph() as g:
        x = conv(image(g), 4)
        parts = [conv(x, 3, 1), conv(conv(x, 2, 1), 3), conv(ops.average_pool(x, 3, 1, "same"), 2, 1)]
        x = ops.concatenate(parts, -1)
        g.output(ops.mean(conv(x, 4), (1, 2)), "y")
    assert cleaned(g) == "Transpose Conv Conv Conv Conv AveragePool Conv Concat Conv ReduceMean"


@pytest.mark.parametrize("by_dense", [False, True])
def test_squeeze_and_excite(cleaned, by_dense):
    with Graph() as g:
        x = conv(image(g), 4)
        s = ops.mean(x, (1, 2), keepdims=not by_dense)
        if by_dense:
            s = ops.reshape(ops.relu(dense(s, 2)), (-1, 1, 1, 2))
            s = ops.sigmoid(dense(s, 4))
        else:
            s = ops.sigmoid(conv(ops.relu(conv(s, 2, 1)), 4, 1))
        g.output(ops.mean(conv(ops.multiply(x, s), 4), (1, 2)), "y")
    expected = (
        "Transpose Conv ReduceMean MatMul Add Relu Reshape MatMul Add Sigmoid Reshape Mul Conv ReduceMean"
        if by_dense
        else "Transpose Conv ReduceMean Conv Relu Conv Sigmoid Mul Conv ReduceMean"
    )
    assert cleaned(g) == expected


def test_squeeze_reshaped_to_one_pixel(cleaned):
    with Graph() as g:
        x = conv(image(g), 4)
        s = ops.reshape(ops.mean(x, (1, 2)), (-1, 1, 1, 4))
        s = ops.sigmoid(conv(s, 4, 1))
        g.output(ops.mean(ops.multiply(x, s), (1, 2)), "y")
    assert cleaned(g).count("Transpose") == 1


def test_padding_before_a_convolution(cleaned):
    with Graph() as g:
        x = ops.pad(conv(image(g), 4), ((0, 0), (0, 1), (1, 2), (0, 0)))
        g.output(ops.max(conv(x, 4, 3, 2, "valid"), (1, 2)), "y")
    assert cleaned(g, passes=layout.run) == "Transpose Conv Pad Conv ReduceMax"


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_resize(cleaned, mode):
    with Graph() as g:
        x = conv(image(g), 4)
        if mode == "linear":
            x = ops.transpose(x, (0, 3, 1, 2))
        scales = np.array([1, 2, 2, 1] if mode == "nearest" else [1, 1, 2, 2], np.float32)
        x = g.add("Resize", x, None, scales, mode=mode, coordinate_transformation_mode="asymmetric")
        if mode == "linear":
            x = ops.transpose(x, (0, 2, 3, 1))
        g.output(ops.mean(conv(x, 4), (1, 2)), "y")
    assert cleaned(g) == "Transpose Conv Resize Conv ReduceMean"


def test_linear_resize_stays_channels_first(cleaned):
    with Graph() as g:
        x = ops.transpose(image(g), (0, 3, 1, 2))
        x = g.add("Resize", x, None, np.array([1, 1, 2, 2], np.float32), mode="linear")
        g.output(ops.transpose(x, (0, 2, 3, 1)), "y")
    assert cleaned(g) == "Transpose Resize Transpose"


def test_convnext_block(cleaned):
    with Graph() as g:
        x = conv(image(g), 4, 2, 2, "valid")
        x = ops.layer_normalization(x, weight(4), weight(4))
        for _ in range(2):
            y = ops.depthwise_conv(x, weight(3, 3, 4, 1), 1, "same")
            y = ops.layer_normalization(y, weight(4), weight(4))
            y = dense(ops.gelu(dense(y, 16), False), 4)
            x = ops.add(x, ops.multiply(y, weight(4)))
        g.output(ops.mean(x, (1, 2)), "y")
    block = "Transpose Conv Transpose LayerNormalization MatMul Add Gelu MatMul Add Mul Add"
    assert cleaned(g) == f"Transpose Conv Transpose LayerNormalization {block} {block} ReduceMean"


def test_flattened_features_are_permuted_in_the_weight(cleaned):
    with Graph() as g:
        x = ops.max_pool(ops.relu(conv(image(g), 6)), 2)
        x = ops.reshape(x, (-1, 4 * 4 * 6))
        x = norm(ops.tanh(ops.add(x, weight(96))))
        g.output(ops.matmul(x, weight(96, 5)), "y")
    assert cleaned(g) == "Transpose Conv Relu MaxPool Reshape Add Tanh BatchNormalization MatMul"


def test_flattened_features_that_are_an_output_keep_their_order(cleaned):
    with Graph() as g:
        x = ops.reshape(conv(image(g), 6), (-1, 8 * 8 * 6))
        g.output(x, "features")
        g.output(dense(x, 3), "y")
    assert cleaned(g) == "Transpose Conv Transpose Reshape MatMul Add"


def test_branches_are_not_worth_more_transposes(cleaned):
    with Graph() as g:
        x = conv(image(g), 4)
        for n, f in enumerate([ops.relu, ops.tanh, ops.sigmoid]):
            g.output(f(x), f"y{n}")
    assert cleaned(g) == "Transpose Conv Transpose Relu Tanh Sigmoid"


def test_one_dimension_and_three(cleaned):
    for shape in [(9, 3), (5, 5, 5, 3)]:
        with Graph() as g:
            x = ops.relu(conv(image(g, *shape), 4))
            x = ops.add(conv(x, 4), x)
            g.output(ops.mean(x, tuple(range(1, x.ndim - 1))), "y")
        assert cleaned(g) == "Transpose Conv Relu Conv Add ReduceMean"


def test_users_own_transposes(cleaned):
    with Graph() as g:
        x = image(g, 4, 5, 6)
        x = ops.relu(ops.transpose(x, (0, 2, 3, 1)))
        x = ops.tanh(ops.transpose(x, (0, 2, 3, 1)))
        x = ops.exp(ops.transpose(x, (0, 2, 3, 1)))
        g.output(x, "y")
    assert cleaned(g, 0) == "Relu Tanh Exp"


def test_transposed_input_as_output(cleaned):
    with Graph() as g:
        x = image(g, 4, 5, 6)
        y = ops.transpose(x, (0, 2, 3, 1))
        g.output(y, "moved")
        g.output(ops.transpose(y, (0, 3, 1, 2)), "same")
        g.output(y, "again")
    assert cleaned(g, 0) == "Transpose Identity Identity"


def test_dynamic_spatial_sizes(cleaned):
    height, width = Dim.named("height"), Dim.named("width")
    with Graph() as g:
        x = g.input("image", "float32", (BATCH, height, width, 3))
        y = ops.relu(conv(x, 4))
        size = g.add("Concat", g.size(y.shape[1]), g.size(y.shape[2]), axis=0)
        g.output(size, "size")
        g.output(ops.max(conv(ops.max_pool(y, 2), 4), (1, 2)), "y")
    assert cleaned(g, height=7, width=9).count("Transpose") == 1


def test_sizes_are_those_of_the_right_axis(cleaned):
    with Graph() as g:
        x = conv(g.input("image", "float32", (BATCH, Dim.named("h"), 6, 3)), 4)
        x = ops.relu(x)
        sizes = [g.add("Shape", x, start=i, end=i + 1) for i in range(4)]
        g.output(g.add("Concat", *sizes, g.add("Shape", x, start=0, end=1), axis=0), "sizes")
        g.output(conv(x, 4), "y")
        g.output(g.add("Shape", x), "shape")
    cleaned(g, h=5)


def test_body_uses_outer_values(cleaned):
    with Graph() as g:
        x = ops.relu(conv(image(g), 4))
        seen = conv(x, 4)
        total = g.add("ReduceSum", x, np.array([1, 2, 3]), keepdims=0)

        def then():
            inner = ops.sigmoid(conv(x, 4))
            return [ops.tanh(conv(inner, 4))]

        def otherwise():
            return [ops.add(x, seen)]

        condition = g.add("Greater", g.add("ReduceMax", total, keepdims=0), np.float32(0))
        (y,) = g.if_(condition, then, otherwise)
        g.output(ops.mean(y, (1, 2)), "y")
    cleaned(g)


def test_prelu_and_where(cleaned):
    with Graph() as g:
        x = conv(image(g), 4)
        x = g.add("PRelu", x, weight(4))
        x = ops.where(ops.greater(x, 0.1), x, ops.multiply(weight(8, 1), x))
        x = ops.concatenate([x, g.constant(weight(3, 8, 8, 2))], -1)
        g.output(ops.mean(conv(x, 2), (1, 2)), "y")
    assert cleaned(g) == "Transpose Conv PRelu Greater Mul Where Concat Conv ReduceMean"


def test_lower_rank_operand_that_is_computed(cleaned):
    with Graph() as g:
        scale = g.input("scale", "float32", (4,))
        row = g.input("row", "float32", (8, 4))
        x = ops.multiply(conv(image(g), 4), ops.exp(scale))
        x = ops.add(x, row)
        g.output(ops.mean(conv(x, 2), (1, 2)), "y")
    assert cleaned(g) == "Transpose Conv Exp Reshape Mul Unsqueeze Transpose Add Conv ReduceMean"


def test_axes_of_every_operator(cleaned):
    with Graph() as g:
        x = conv(image(g), 4)
        a, b = ops.split(x, 2, -1)
        x = ops.concatenate([b, a], 2)
        x = ops.get_item(x, (slice(None), slice(1, None, 2), slice(3, 11), slice(None, None, -1)))
        x = ops.tile(x, (1, 1, 2, 1))
        x = ops.take(x, np.array([1, 0, 2]), 1)
        x = g.add("CumSum", x, np.array(2), reverse=1)
        x = ops.multiply(x, ops.cast(ops.argmax(x, 2, keepdims=True), "float32"))
        x = ops.subtract(x, ops.max(x, -1, keepdims=True))
        x, _ = g.add("TopK", x, np.array([3]), axis=2, outputs=2)
        g.output(conv(ops.softmax(x, 1), 3), "y")
        g.output(ops.argmax(conv(x, 4), -1), "largest")
        g.output(ops.squeeze(ops.mean(conv(x, 4), (1, 2), keepdims=True), (1, 2)), "mean")
        g.output(ops.get_item(conv(x, 4), (slice(None), 1)), "row")
    assert cleaned(g).count("Transpose") == 3


def test_names_are_kept(cleaned):
    with Graph() as g:
        x = image(g)
        with g.scope("first"):
            x = ops.relu(conv(x, 4))
        with g.scope("second"):
            x = conv(x, 4)
        g.output(x, "y")
    cleaned(g)
    assert [n.name for n in g.nodes] == [
        "first/Transpose",
        "first/Conv",
        "first/Relu",
        "second/Conv",
        "second/Transpose_1",
    ]
