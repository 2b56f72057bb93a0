"""Any graph computes the same after the passes, with no more transposes than before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_graph import Weight, count, execute, sequence

from portable_layers import ops
from portable_layers.dims import Dim
from portable_layers.graph import Graph
from portable_layers.packing import Packing, unpack
from portable_layers.passes import clean
from portable_layers.tensor import Tensor


class Builder:
    """Draws one operation after another; every tensor so far may be used again."""

    def __init__(self, draw: Callable[[Any], Any], graph: Graph):
        self.draw, self.graph = draw, graph
        self.rng = np.random.default_rng(draw(st.integers(0, 99)))
        self.variables: list[Weight] = []
        batch = Dim.named("batch") if draw(st.booleans()) else 2
        height: Any = (
            Dim.named("height") if draw(st.integers(0, 3)) == 0 else draw(st.sampled_from([1, 4, 5]))
        )
        width = draw(st.sampled_from([1, 4]))
        channels = draw(st.integers(1, 3))
        self.pool = [graph.input("image", "float32", (batch, height, width, channels))]
        if draw(st.booleans()):
            self.pool.append(graph.input("other", "float32", (batch, height, width, channels)))

    def weight(self, *shape: int) -> Tensor:
        value = (self.rng.standard_normal(shape) / 2).astype(np.float32)
        if self.draw(st.booleans()):
            return self.graph.constant(value)
        self.variables.append(Weight(f"weight_{len(self.variables)}", value))
        return self.graph.weight(Packing.of(self.variables[-1]))

    def any(self) -> Tensor:
        return self.draw(st.sampled_from(self.pool))

    def axis(self) -> int:
        return self.draw(st.integers(0, 3))

    def like(self, x: Tensor) -> Tensor:
        """Something that can be broadcast with x."""
        same = [t for t in self.pool if t.shape == x.shape]
        channels = int(x.shape[3])
        kind = self.draw(st.integers(0, 4))
        if kind == 0:
            return self.weight(channels)
        if kind == 1:
            return ops.mean(x, (1, 2), keepdims=True)
        if kind == 2:
            return ops.sigmoid(ops.max(x, (0, 1, 2)))  # of rank 1, computed
        if kind == 3:
            return self.weight(1, int(x.shape[2]), 1)
        return self.draw(st.sampled_from(same))

    def step(self) -> None:
        x = self.any()
        name = self.draw(st.sampled_from(STEPS))
        y = getattr(self, name)(x)
        # Values stay in a range where float32 is compared.
        if name in ("conv", "binary", "depthwise", "product"):
            y = ops.tanh(y)
        self.pool.append(y)

    def unary(self, x: Tensor) -> Tensor:
        return self.draw(st.sampled_from([ops.relu, ops.sigmoid, ops.exp, ops.negative, ops.gelu]))(
            ops.tanh(x)
        )

    def binary(self, x: Tensor) -> Tensor:
        f = self.draw(st.sampled_from([ops.add, ops.multiply, ops.maximum, ops.subtract]))
        other = self.like(x)
        return f(x, other) if self.draw(st.booleans()) else f(other, x)

    def where(self, x: Tensor) -> Tensor:
        return ops.where(ops.greater(x, self.like(x)), x, 0.5)

    def conv(self, x: Tensor) -> Tensor:
        size = self.draw(st.sampled_from([1, 3]))
        kernel = self.weight(size, size, int(x.shape[3]), self.draw(st.integers(1, 4)))
        return ops.conv(x, kernel, 1, "same")

    def depthwise(self, x: Tensor) -> Tensor:
        return ops.depthwise_conv(x, self.weight(3, 1, int(x.shape[3]), 1), 1, "same")

    def pooling(self, x: Tensor) -> Tensor:
        f = self.draw(st.sampled_from([ops.max_pool, ops.average_pool]))
        return f(x, 3, 1, "same")

    def norm(self, x: Tensor) -> Tensor:
        size = int(x.shape[3])
        return ops.batch_normalization(
            x, self.weight(size), np.ones(size, np.float32), 3, None, self.weight(size)
        )

    def layer_norm(self, x: Tensor) -> Tensor:
        size = int(x.shape[3])
        return ops.layer_normalization(x, self.weight(size), self.weight(size), epsilon=0.1)

    def product(self, x: Tensor) -> Tensor:
        return ops.matmul(x, self.weight(int(x.shape[3]), self.draw(st.integers(1, 3))))

    def concat(self, x: Tensor) -> Tensor:
        other = self.draw(st.sampled_from([t for t in self.pool if t.shape[:3] == x.shape[:3]]))
        return ops.concatenate([x, other], 3)

    def split(self, x: Tensor) -> Tensor:
        size = int(x.shape[3])
        if size < 2:
            return ops.relu(x)
        a, b = ops.split(x, [size // 2], 3)
        return ops.concatenate([b, a], 3)

    def reduce(self, x: Tensor) -> Tensor:
        axes = self.draw(st.sets(st.integers(1, 3), min_size=1))
        f = self.draw(st.sampled_from([ops.mean, ops.max, ops.sum]))
        y = f(x, tuple(axes))
        y = (
            ops.expand_dims(y, tuple(sorted(axes)))
            if self.draw(st.booleans())
            else f(x, tuple(axes), keepdims=True)
        )
        return ops.multiply(ops.tanh(y), x)

    def pad(self, x: Tensor) -> Tensor:
        amounts = [(0, 0), *((self.draw(st.integers(0, 1)), self.draw(st.integers(0, 1))) for _ in range(3))]
        return ops.pad(x, amounts)

    def softmax(self, x: Tensor) -> Tensor:
        return ops.softmax(x, self.draw(st.integers(1, 3)))

    def part(self, x: Tensor) -> Tensor:
        keys = [slice(None)] * 4
        keys[self.draw(st.integers(2, 3))] = self.draw(
            st.sampled_from([slice(0, 1), slice(None, None, -1), slice(-1, None)])
        )
        return ops.get_item(x, tuple(keys))

    def argmax(self, x: Tensor) -> Tensor:
        axis = self.draw(st.integers(1, 3))
        found = ops.expand_dims(ops.argmax(x, axis), axis)
        return ops.add(ops.cast(found, "float32"), x)

    def resize(self, x: Tensor) -> Tensor:
        scales = np.array([1, 2, 1, 1], np.float32)
        y = self.graph.add(
            "Resize",
            x,
            None,
            scales,
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )
        return ops.max(y, 1, keepdims=True)

    def swap(self, x: Tensor) -> Tensor:
        order = self.draw(st.permutations(range(4)))
        return ops.transpose(ops.relu(ops.transpose(x, order)), tuple(int(i) for i in np.argsort(order)))

    def rotate(self, x: Tensor) -> Tensor:
        if not all(isinstance(n, int) for n in x.shape[1:]):
            return ops.exp(ops.negative(ops.relu(x)))
        return ops.transpose(x, self.draw(st.sampled_from([(0, 2, 1, 3), (0, 3, 2, 1), (0, 2, 3, 1)])))

    def flat(self, x: Tensor) -> Tensor:
        if not all(isinstance(n, int) for n in x.shape[1:]):
            return ops.negative(x)
        features = int(np.prod(x.shape[1:]))
        y = ops.relu(ops.reshape(x, (-1, features)))
        y = ops.matmul(ops.add(y, self.weight(features)), self.weight(features, 2))
        return ops.reshape(ops.tanh(y), (-1, 1, 1, 2))

    def size(self, x: Tensor) -> Tensor:
        size = self.graph.add("Shape", x, start=self.axis(), end=4)
        return ops.add(x, ops.cast(ops.max(size, 0), "float32"))


STEPS = [
    n for n in vars(Builder) if not n.startswith("_") and n not in ("weight", "any", "axis", "like", "step")
]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_cleaned_graphs_compute_the_same(data):
    with Graph() as graph:
        builder = Builder(data.draw, graph)
        for _ in range(data.draw(st.integers(2, 12))):
            builder.step()
        for number in range(data.draw(st.integers(1, 3))):
            y = builder.any() if number else builder.pool[-1]
            if data.draw(st.booleans()):
                y = ops.mean(y, (1, 2))
            graph.output(y, f"y{number}")
    sizes = {"batch": 2, "height": 5}
    written, before = sequence(graph), execute(graph, sizes)
    transposes = count(graph)
    clean(graph)
    for a, b in zip(before, execute(graph, sizes), strict=True):
        np.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-4, err_msg=written)
    assert count(graph) <= transposes, written
    for node in graph.nodes:
        for value in node.inputs:
            packing = graph.tensor_of(value).packing if value is not None else None
            if packing is not None:
                leaf = next(packing.leaves())
                back = np.full(leaf.shape, np.nan, np.float32)
                unpack(packing, packing.numpy(), {id(leaf): back})
                np.testing.assert_array_equal(back, leaf.numpy())
