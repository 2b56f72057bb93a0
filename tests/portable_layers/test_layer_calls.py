"""What a call does in every layer: dtypes, build, structures, masks, training; as in Keras and exported."""

from __future__ import annotations

import numpy as np
import pytest
from two_worlds import OURS, arrays, assert_close, copy_weights, describe, same

import portable_layers as pl
from converters import from_keras
from portable_layers import dtypes
from portable_layers.errors import GraphError
from portable_layers.model_file import to_proto
from runtime import InferenceEngine

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
SEQUENCES = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)


# Dtypes


@pytest.mark.parametrize(
    "policy", [None, "float16", "bfloat16", "float64", "int32", "mixed_float16", "mixed_bfloat16"]
)
def test_a_policy_says_in_which_dtype_a_layer_computes_and_keeps_its_weights(both, policy):
    def claim(world):
        layer = world.Noisy(dtype=policy)
        return (
            layer.dtype,
            layer.compute_dtype,
            layer.variable_dtype,
            layer.input_dtype,
            layer.dtype_policy.name,
            dtypes.standardize(layer(world.fw.Input((3,))).dtype),
        )

    same(both, claim)


@pytest.mark.parametrize("policy", ["float16", "float64", "mixed_float16"])
@pytest.mark.parametrize("autocast", [True, False])
def test_inputs_and_weights_are_cast_as_keras_casts_them(both, policy, autocast):
    def claim(world):
        layer = world.Scale(dtype=policy, autocast=autocast)
        symbolic = layer(world.fw.Input((3,), dtype="float32"))
        return dtypes.standardize(symbolic.dtype), [dtypes.standardize(v.dtype) for v in layer.weights]

    same(both, claim)
    ours, theirs = (world.Scale(dtype=policy, autocast=autocast) for world in both)
    for layer in (ours, theirs):
        layer.build((None, 3))
    copy_weights(theirs, ours)
    assert_close(ours(X), theirs(X), 1e-3 if "16" in policy else 1e-6)


def test_an_integer_input_is_not_cast(both):
    def claim(world):
        layer = world.fw.layers.Layer(dtype="float16")
        layer.call = lambda x: x
        return dtypes.standardize(layer(world.fw.Input((3,), dtype="int32")).dtype)

    assert same(both, claim) == "int32"


def test_a_layer_inside_a_mixed_layer_follows_keras(both):
    def claim(world):
        inner = world.Scale(name="inner", dtype="float32")

        class Outer(world.fw.layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.inner = inner
                self.left_out = world.Scale(name="left_out", dtype="mixed_float16", autocast=False)

            def call(self, x):
                return self.inner(x), self.left_out(x)

        outputs = Outer(dtype="mixed_float16")(world.fw.Input((3,), dtype="float32"))
        return [dtypes.standardize(y.dtype) for y in outputs]

    same(both, claim)


def test_the_global_policy_is_the_default():
    previous = pl.dtype_policies.dtype_policy()
    pl.dtype_policies.set_dtype_policy("mixed_bfloat16")
    try:
        assert pl.layers.Dense(1).dtype_policy.name == "mixed_bfloat16"
    finally:
        pl.dtype_policies.set_dtype_policy(previous)
    assert pl.layers.Dense(1).dtype_policy.name == "float32"


# Custom layers in models, exported


def exported(model, *inputs):
    return list(InferenceEngine(model.to_onnx(), providers="cpu", threads=1).run(list(inputs)).values())


@pytest.mark.parametrize("name", ["Scale", "Block", "Unbuilt", "Losing", "Noisy"])
def test_a_custom_layer_gives_what_it_gives_in_keras(both, keras, name):
    models = []
    for world in both:
        inputs = world.fw.Input((3,), name="x")
        models.append(world.fw.Model(inputs, getattr(world, name)(name="custom")(inputs), name="model"))
    ours, theirs = models
    assert describe(ours.weights) == describe(theirs.weights)
    copy_weights(theirs, ours)
    expected = arrays(theirs(X))
    assert_close(ours(X), expected)
    assert_close(exported(ours, X), expected)
    assert_close(exported(from_keras(theirs), X), expected)


@pytest.mark.parametrize("name", ["Scale", "Block", "Unbuilt"])
def test_a_custom_layer_comes_back_from_a_keras_file(both, tmp_path, name):
    world = both[1]
    inputs = world.fw.Input((3,), name="x")
    theirs = world.fw.Model(inputs, getattr(world, name)(name="custom")(inputs), name="model")
    theirs.save(tmp_path / "model.keras")
    ours = from_keras(tmp_path / "model.keras")
    assert describe(ours.weights) == describe(theirs.weights)
    for our, their in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(our.numpy(), np.asarray(their))
    assert_close(exported(ours, X), arrays(theirs(X)))


def test_build_gets_the_shapes_that_it_names(both):
    query, value = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)

    def claim(world):
        calls = [
            lambda layer: layer(query, value),
            lambda layer: layer(query, value=value, bias=np.float32([1, 2, 3]), scale=2.0),
            lambda layer: layer(value=value, query=query),
        ]
        return [
            (np.asarray(call(m)).tolist(), tuple(m.kernel.shape)) for call in calls for m in [world.Mix()]
        ]

    same(both, claim)


def test_a_layer_of_several_inputs_is_exported(both):
    models = []
    for world in both:
        query, value = world.fw.Input((5, 3), name="query"), world.fw.Input((5, 4), name="value")
        out = world.Mix(name="mix")(query, value=value, scale=0.5)
        models.append(world.fw.Model([query, value], out, name="model"))
    ours, theirs = models
    copy_weights(theirs, ours)
    rng = np.random.default_rng(0)
    feed = [rng.random((2, 5, 3), np.float32), rng.random((2, 5, 4), np.float32)]
    assert_close(exported(ours, *feed), theirs(feed))
    assert_close(exported(from_keras(theirs), *feed), theirs(feed))


def test_a_layer_gives_a_structure(both):
    models = []
    for world in both:
        a, b = world.fw.Input((3,), name="a"), world.fw.Input((3,), name="b")
        models.append(world.fw.Model([a, b], world.Split(name="split")([a, b]), name="model"))
    ours, theirs = (model([X, 2 * X]) for model in models)
    assert ours.keys() == theirs.keys() == {"sum", "difference"}
    for key in ours:
        np.testing.assert_array_equal(ours[key], np.asarray(theirs[key]))


def test_a_node_that_a_layer_gets_wrong_is_reported_with_the_path_of_the_layer():
    class Wrong(pl.layers.Layer):
        def call(self, x):
            return pl.ops.matmul(x, np.ones((7, 2), np.float32))

    class Around(pl.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.wrong = Wrong(name="wrong")

        def call(self, x):
            return self.wrong(x)

    with pytest.raises(GraphError, match=r"around/wrong: MatMul\(float32\(batch, 3\), float32\(7, 2\)\)"):
        Around(name="around")(pl.Input((3,)))


def test_training_is_inference_unless_it_is_asked_for():
    inputs = pl.Input((3,))
    model = pl.Model(inputs, OURS.Noisy()(inputs))
    np.testing.assert_array_equal(exported(model, X)[0], X)
    assert [n.op_type for n in model.to_onnx(training=True).graph.node] == ["Add"]
    layer = OURS.Noisy()
    np.testing.assert_array_equal(layer(X, training=True), X + 1)
    np.testing.assert_array_equal(layer(X), X)
    np.testing.assert_array_equal(
        pl.layers.Dense(3, kernel_initializer="ones")(X, training=True).shape, X.shape
    )


# Masks

CHAINS = [
    ["UseMask"],
    ["Mask", "UseMask"],
    ["Mask", "Passing", "UseMask"],
    ["Mask", "Stopping", "UseMask"],
    ["Mask", "Dense", "UseMask"],
    ["Mask", "Scale", "UseMask"],
    ["Mask", "Passing", "Mask", "Passing", "UseMask"],
    ["Mask", "UseMask", "UseMask"],
]


def chain(world, names, x):
    for i, name in enumerate(names):
        if name == "Dense":
            x = world.fw.layers.Dense(3, kernel_initializer="ones", name=f"layer_{i}")(x)
        else:
            x = getattr(world, name)(name=f"layer_{i}")(x)
    return x


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
@pytest.mark.parametrize("names", CHAINS, ids="-".join)
def test_masks_travel_as_in_keras(both, names):
    models = []
    for world in both:
        inputs = world.fw.Input((None, 3), name="x")
        models.append(world.fw.Model(inputs, chain(world, names, inputs), name="model"))
    expected = models[1](SEQUENCES)
    assert_close(models[0](SEQUENCES), expected)
    assert_close(exported(models[0], SEQUENCES), expected)


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_each_tensor_argument_brings_its_own_mask(both):
    models = []
    for world in both:
        inputs = world.fw.Input((4, 3), name="x")
        models.append(world.fw.Model(inputs, world.Mix()(inputs, world.Mask()(inputs)), name="model"))
    assert_close(exported(models[0], SEQUENCES), models[1](SEQUENCES))


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_a_mask_may_be_passed_by_hand(both):
    models = []
    for world in both:
        x, mask = world.fw.Input((4, 3), name="x"), world.fw.Input((4,), dtype="bool", name="mask")
        computed = world.UseMask(name="first")(x, mask=world.fw.ops.greater(x[..., 1], 0.0))
        given = world.UseMask(name="second")(x, mask=mask)
        models.append(world.fw.Model([x, mask], [computed, given], name="model"))
    feed = [SEQUENCES, SEQUENCES[..., 2] > 0]
    assert_close(exported(models[0], *feed), models[1](feed))
    assert_close(both[0].UseMask()(SEQUENCES, mask=feed[1]), both[1].UseMask()(SEQUENCES, mask=feed[1]))


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_a_mask_leaves_and_enters_a_nested_model(both):
    models = []
    for world in both:
        inner_in = world.fw.Input((4, 3))
        inner = world.fw.Model(inner_in, world.Passing()(world.Passing()(inner_in)), name="inner")
        masking_in = world.fw.Input((4, 3))
        masking = world.fw.Model(masking_in, world.Mask()(masking_in), name="masking")
        inputs = world.fw.Input((4, 3), name="x")
        models.append(world.fw.Model(inputs, world.UseMask()(inner(masking(inputs))), name="model"))
    assert_close(exported(models[0], SEQUENCES), models[1](SEQUENCES))


# Shapes


def test_output_shapes_are_found_without_data(both):
    def claim(world):
        dense = world.fw.layers.Dense(5)
        shapes = [(None, 3), (2, 3), (None, None, 3), (None, 7, 3)]
        return [tuple(dense.compute_output_shape(s)) for s in shapes], dense.built

    assert same(both, claim)[0] == [(None, 5), (2, 5), (None, None, 5), (None, 7, 5)]


def test_a_graph_with_no_weights_yet_is_thrown_away():
    """Finding out shapes must not draw the random weights."""
    drawn = []

    def initializer(shape, dtype=None):
        drawn.append(shape)
        return np.zeros(shape, dtype)

    layer = pl.layers.Dense(2, kernel_initializer=initializer)
    model = pl.Model(*(lambda x: (x, layer(x)))(pl.Input((3,))))
    assert drawn == []
    to_proto(model.to_graph())
    assert drawn == [(3, 2)]
