"""Merging layers against Keras: shapes that broadcast, dtypes that mix, masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_twin import assert_close, assert_like_keras, few, noise, some, twin

import portable_layers as pl
from portable_layers import layers
from runtime import InferenceEngine

ELEMENTWISE = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]
DTYPES = ["float32", "float16", "float64", "int32", "int64", "uint8", "int8"]


@st.composite
def broadcast_shapes(draw, count):
    """Shapes of the same batch whose other sizes broadcast, of ranks 1 to 3 beside it.

    The batch is larger than all else: Keras's `add` takes `(n, 1)` for a bias of n channels where it can.
    """
    whole = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    shapes = []
    for _ in range(count):
        rank = draw(st.integers(1, len(whole)))
        shapes.append((5, *[draw(st.sampled_from([1, n])) for n in whole[-rank:]]))
    return shapes


@pytest.mark.parametrize("kind", ELEMENTWISE)
@some
@given(data=st.data(), is_open=st.booleans())
def test_elementwise(keras, kind, data, is_open):
    count = 2 if kind == "Subtract" else data.draw(st.integers(1, 3))
    shapes = data.draw(broadcast_shapes(count))
    kinds = [data.draw(st.sampled_from(DTYPES)) for _ in shapes]
    inputs = [
        noise(shape, dtype, seed) for seed, (shape, dtype) in enumerate(zip(shapes, kinds, strict=True))
    ]
    assert_like_keras(keras, getattr(layers, kind)(), inputs, () if is_open else None)


@few
@given(data=st.data(), dtype=st.sampled_from(DTYPES), other=st.sampled_from(DTYPES), is_open=st.booleans())
def test_concatenate(keras, data, dtype, other, is_open):
    axis = data.draw(st.sampled_from([1, 2, 3, -1, -2, -3]))
    shapes = [[2, 3, 4, 2] for _ in range(data.draw(st.integers(1, 3)))]
    for shape in shapes:
        shape[axis] = data.draw(st.integers(1, 3))
    inputs = [
        noise(tuple(s), d, i) for i, (s, d) in enumerate(zip(shapes, (dtype, other, dtype), strict=False))
    ]
    assert_like_keras(keras, layers.Concatenate(axis), inputs, (axis % 4,) if is_open else None)


@some
@given(data=st.data(), normalize=st.booleans(), is_open=st.booleans())
def test_dot(keras, data, normalize, is_open):
    first = (2, *data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    second = [2, *data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))]
    a, b = data.draw(st.integers(1, len(first) - 1)), data.draw(st.integers(1, len(second) - 1))
    second[b] = first[a]
    axes = [a - len(first), b - len(second)] if data.draw(st.booleans()) else [a, b]
    layer = layers.Dot(axes[0] if axes[0] == axes[1] else axes, normalize)
    # The batch is always open; of the rest, what is not summed over.
    inputs = [noise(first), noise(tuple(second), seed=1)]
    free = tuple({1, 2, 3} - {a, b}) if is_open else None
    assert_like_keras(keras, layer, inputs, free)


def with_mask(framework, layer, shapes, masked):
    """A model over masked inputs, ours or Keras's, that gives the layer's output and its mask."""

    class ShowMask(framework.layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, inputs, mask=None):
            return inputs if mask is None else framework.ops.cast(mask, "int32")

    class Keep(framework.layers.Layer):
        """Keeps the steps whose first feature is positive."""

        def compute_mask(self, inputs, previous_mask=None):
            return framework.ops.greater(inputs[..., 0], 0)

        def call(self, inputs):
            return framework.ops.multiply(inputs, 1.0)

    inputs = [framework.Input(s[1:], name=f"x{i}") for i, s in enumerate(shapes)]
    output = layer([Keep()(x) if m else x for x, m in zip(inputs, masked, strict=True)])
    return framework.Model(inputs, [output, ShowMask()(output)])


SHAPES = [((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (2, 1, 4)), ((2, 3, 4), (2, 4))]
MASKED_MERGES = [
    *[(kind, {}, shapes) for kind in ELEMENTWISE for shapes in SHAPES],
    *[("Concatenate", {"axis": 1}, shapes) for shapes in SHAPES[:2]],
    ("Concatenate", {"axis": 2}, SHAPES[0]),
    *[("Dot", {"axes": -1}, shapes) for shapes in SHAPES],
]


@pytest.mark.parametrize(("kind", "arguments", "shapes"), MASKED_MERGES)
@pytest.mark.parametrize("masked", [(True, True), (True, False), (False, True)])
def test_masks(keras, kind, arguments, shapes, masked):
    layer = getattr(layers, kind)(**arguments)
    # Vectors have no steps that a mask could keep.
    masked = tuple(m and len(shape) > 2 for m, shape in zip(masked, shapes, strict=True))
    theirs = with_mask(keras, twin(keras, layer), shapes, masked)
    ours = with_mask(pl, layer, shapes, masked)
    inputs = [noise(s, seed=i) for i, s in enumerate(shapes)]
    engine = InferenceEngine(ours.to_onnx(), providers="cpu", threads=1)
    found = engine.run({f"x{i}": x for i, x in enumerate(inputs)})
    for our, their in zip(found.values(), theirs(inputs), strict=True):
        assert_close(our, their)


@pytest.mark.parametrize("name", [*[k.lower() for k in ELEMENTWISE], "concatenate", "dot"])
def test_functional_forms(keras, name):
    inputs = [noise((2, 3)), noise((2, 3), seed=1)]
    arguments = {"axes": 1} if name == "dot" else {}
    ours, theirs = getattr(layers, name), getattr(keras.layers, name)
    assert_close(ours(inputs, **arguments), theirs(inputs, **arguments))


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (layers.Add, [(2, 3), (2, 4)]),
        (layers.Subtract, [(3,), (3,), (3,)]),
        (layers.Concatenate, [(2, 3), (4, 3)]),
        (layers.Concatenate, [(2, 3), (3,)]),
        (lambda: layers.Dot(1), [(2, 3), (4, 3)]),
        (lambda: layers.Dot(1), [(3,), (3,), (3,)]),
        (lambda: layers.Dot(0), [(3,), (3,)]),
        (lambda: layers.Dot((1, 2, 3)), [(3,), (3,)]),
    ],
)
def test_what_is_refused(make, shapes):
    with pytest.raises(ValueError, match="Received"):
        make()([pl.Input(s) for s in shapes])
    with pytest.raises(ValueError, match="Received"):
        layers.Add()(pl.Input((3,)))


def test_different_batches_are_refused():
    with pytest.raises(ValueError, match="one batch size"):
        layers.Add()([np.zeros((2, 3), np.float32), np.zeros((4, 3), np.float32)])
