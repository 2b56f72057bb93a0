"""What every layer inherits: each claim is checked on Keras's base class too."""

from __future__ import annotations

import json

import numpy as np
import pytest
from two_worlds import OURS, arrays, assert_close, config_of, copy_weights, worlds

import portable_layers as pl
from converters import from_keras
from portable_layers import dtypes
from portable_layers.errors import GraphError, InputError, SerializationError, WeightsError
from portable_layers.model_file import to_proto
from portable_layers.registry import classes
from portable_layers.serialization import deserialize_object, serialize_object

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
SEQUENCES = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)


@pytest.fixture
def both(keras):
    """Our definitions and Keras's, in this order."""
    return worlds(keras)


def same(both, claim):
    """Check that `claim(world)` is the same in both worlds, and give it."""
    ours, theirs = (claim(world) for world in both)
    assert ours == theirs
    return ours


def describe(variables) -> list[tuple]:
    return [(v.path, v.name, tuple(v.shape), dtypes.standardize(v.dtype)) for v in variables]


def lists_of(layer) -> dict[str, list]:
    names = (
        "weights", "variables", "trainable_weights", "non_trainable_weights",
        "trainable_variables", "non_trainable_variables",
    )  # fmt: skip
    return {n: describe(getattr(layer, n)) for n in names}


# Names


def test_automatic_names_count_by_class(both):
    def claim(world):
        makers = [lambda: world.fw.layers.Dense(1), world.Block, world.Subclassed, world.fw.Sequential]
        return [make().name for make in makers for _ in range(2)]

    # Sub-layers of the blocks have names of their own, so `dense` counts on only where it is automatic.
    assert same(both, claim)[:4] == ["dense", "dense_1", "block", "block_1"]


@pytest.mark.parametrize("name", ["a/b", 3])
def test_a_name_that_is_no_name_is_refused(both, name):
    for world in both:
        with pytest.raises(ValueError, match="name"):
            world.fw.layers.Dense(1, name=name)


def test_an_unknown_argument_is_refused(both):
    for world in both:
        with pytest.raises(ValueError, match="foo"):
            world.fw.layers.Dense(1, foo=2)


# Weights


@pytest.mark.parametrize("name", ["Scale", "Block", "Unbuilt"])
def test_weights_come_in_keras_order_under_keras_paths(both, name):
    def claim(world):
        layer = getattr(world, name)()
        before = (layer.built, layer.weights)
        layer(X)
        trainable = lists_of(layer)
        layer.trainable = False
        return before, trainable, lists_of(layer), layer.count_params(), layer.path, layer.built

    same(both, claim)


def test_a_layer_that_is_built_by_hand_has_the_same_paths(both):
    def claim(world):
        layer = world.Block(name="mine")
        layer.build((None, 3))
        return lists_of(layer), layer.path, layer.get_build_config()

    same(both, claim)


def test_trainable_reaches_sublayers_and_can_be_set_before_the_weights_exist(both):
    def claim(world):
        layer = world.Block(trainable=False)
        layer(X)
        frozen = len(layer.trainable_weights), len(layer.non_trainable_weights)
        layer.trainable = True
        layer.first.trainable = False
        return frozen, lists_of(layer), layer.named["a"].trainable

    same(both, claim)


def test_a_weight_has_what_it_was_made_with(both):
    def claim(world):
        layer = world.Scale()
        layer.build((None, 3))
        return [
            (
                v.trainable,
                type(getattr(v, "regularizer", None)).__name__,
                type(getattr(v, "constraint", None)).__name__,
                np.asarray(v).tolist(),
            )
            for v in layer.weights
        ]

    assert same(both, claim)[0] == (True, "L2", "NonNeg", [1.0, 1.0, 1.0])


def test_the_default_initializer_follows_the_dtype(both):
    def claim(world):
        layer = world.fw.layers.Layer(name="layer")
        integers = layer.add_weight(shape=(3,), dtype="int32", name="n")
        floats = layer.add_weight(shape=(300, 200), name="x")
        bound = np.sqrt(6 / 500)  # glorot_uniform
        values = np.asarray(floats)
        return np.asarray(integers).tolist(), bool(np.abs(values).max() <= bound), values.std() > bound / 2

    assert same(both, claim) == ([0, 0, 0], True, True)


def test_a_weight_of_an_unknown_size_is_refused():
    with pytest.raises(WeightsError, match=r"variable layer/w needs a shape of known sizes"):
        pl.layers.Layer(name="layer").add_weight(shape=(None, 3), name="w")


def test_weights_are_got_as_copies_and_set_all_or_nothing():
    layer = pl.layers.Dense(2, name="dense")
    layer(X)
    before = layer.get_weights()
    before[0][...] = 7
    assert not np.any(layer.kernel.numpy() == 7)
    for wrong, message in (
        ([np.zeros((3, 2))], "layer dense has 2 weights. Received: 1"),
        ([np.zeros((3, 2)), np.zeros(3)], r"weight dense/bias has shape \(2,\). Received: \(3,\)"),
    ):
        with pytest.raises(WeightsError, match=message):
            layer.set_weights(wrong)
    assert layer.kernel.numpy().any()
    layer.set_weights([np.ones((3, 2)), np.ones(2)])
    assert layer.kernel.numpy().dtype == np.float32
    np.testing.assert_allclose(layer(X), X.sum(axis=1, keepdims=True) + np.ones(2), rtol=1e-6)


def test_a_call_sees_weights_that_were_set_after_an_earlier_call():
    layer = pl.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    first = layer(X)
    layer.kernel.assign(2 * layer.kernel.numpy())
    np.testing.assert_allclose(layer(X), 2 * first)


def test_a_variable_refuses_a_value_of_another_shape():
    layer = pl.layers.Dense(2, name="dense")
    layer(X)
    with pytest.raises(
        WeightsError, match=r"dense/kernel has shape \(3, 2\). Received a value of shape \(2, 3\)"
    ):
        layer.kernel.assign(np.zeros((2, 3)))


# Losses


def test_losses_are_those_of_keras(both):
    def claim(world):
        losing, scale = world.Losing(), world.Scale()
        dense = world.fw.layers.Dense(
            2, activity_regularizer="l2", kernel_regularizer="l1", kernel_initializer="ones"
        )
        collected = []
        for layer in (losing, scale, dense):
            for factor in (1, 2):  # the second call replaces what the first one added
                layer(factor * X)
                collected.append([float(x) for x in layer.losses])
        dense.trainable = False
        return [*collected, [float(x) for x in dense.losses]]

    ours, theirs = (claim(world) for world in both)
    assert [len(x) for x in ours] == [len(x) for x in theirs] == [1, 1, 1, 1, 2, 2, 1]
    np.testing.assert_allclose(np.concatenate(ours), np.concatenate(theirs), rtol=1e-6)


def test_losses_of_a_model_are_those_of_its_layers(both):
    def claim(world):
        inputs = world.fw.Input((3,))
        x = world.Losing(name="losing")(inputs)
        regularized = world.fw.layers.Dense(
            3, kernel_initializer="ones", kernel_regularizer="l1", activity_regularizer="l2", name="dense"
        )
        inner_in = world.fw.Input((3,))
        inner = world.fw.Model(inner_in, world.Losing(name="inner_losing")(inner_in), name="inner")
        model = world.fw.Model(inputs, inner(regularized(x)), name="outer")
        collected = [[float(v) for v in model.losses]]
        for _ in range(2):
            model(X)
            collected.append([float(v) for v in model.losses])
        return collected

    ours, theirs = (claim(world) for world in both)
    assert [len(x) for x in ours] == [len(x) for x in theirs] == [1, 4, 4]
    np.testing.assert_allclose(np.concatenate(ours), np.concatenate(theirs), rtol=1e-6)


def test_a_loss_from_outside_of_a_call_is_kept_until_the_next_call():
    layer = pl.layers.Dense(2)
    layer.add_loss(np.float32(1.5))
    assert layer.losses == [1.5]
    layer(X)
    assert layer.losses == []


@pytest.mark.parametrize("loss", ["1", None, np.ones(2)])
def test_a_loss_that_is_no_scalar_is_refused(loss):
    with pytest.raises(ValueError, match="add_loss takes scalar tensors or numbers"):
        pl.layers.Dense(2).add_loss(loss)


# Input checks


def test_an_input_of_another_rank_or_size_is_refused(both):
    for world in both:
        layer = world.fw.layers.Dense(2, name="dense")
        with pytest.raises(ValueError, match="min_ndim=2"):
            layer(np.ones(3, np.float32))
        with pytest.raises(ValueError, match="min_ndim=2"):
            layer(world.fw.Input(()))
        layer(X)
        with pytest.raises(ValueError, match="3"):
            layer(np.ones((2, 5), np.float32))
    layer = pl.layers.Dense(2, name="dense")
    layer(X)
    with pytest.raises(InputError) as caught:
        layer(np.ones((2, 5), np.float32))
    assert str(caught.value) == (
        "layer dense takes an input with axis -1 of size 3. Received: shape=(2, 5), dtype=float32"
    )


def test_none_is_refused_as_an_input(both):
    for world in both:
        with pytest.raises(ValueError, match="None"):
            world.fw.layers.Dense(2)(None)


SPECS = [
    ({"ndim": 3}, (2, 3), "ndim=3"),
    ({"min_ndim": 3}, (2, 3), "min_ndim=3"),
    ({"max_ndim": 1}, (2, 3), "max_ndim=1"),
    ({"axes": {-1: 4}}, (2, 3), "axis -1 of size 4"),
    ({"axes": {1: 4}}, (2, 3), "axis 1 of size 4"),
    ({"shape": (None, 4)}, (2, 3), r"shape=\(None, 4\)"),
    ({"shape": (None, 3, 1)}, (2, 3), "ndim=3"),
    ({"dtype": "int32"}, (2, 3), "dtype=int32"),
    ({"ndim": 2, "axes": {-1: 3}, "dtype": "float32"}, (2, 3), None),
    ({"shape": (None, 3)}, (2, 3), None),
    ({"shape": (None, 3, 1), "allow_last_axis_squeeze": True}, (2, 3), None),
    ({"shape": (None, 3), "allow_last_axis_squeeze": True}, (2, 3, 1), None),
]


@pytest.mark.parametrize(("spec", "shape", "message"), SPECS, ids=lambda x: str(x))
def test_an_input_spec_takes_and_refuses_what_keras_does(both, spec, shape, message):
    x = np.ones(shape, np.float32)
    for world in both:
        layer = world.Stopping()
        layer.input_spec = world.fw.layers.InputSpec(**spec)
        if message is None:
            layer(x)
            continue
        with pytest.raises(ValueError, match=message if world is OURS else None):
            layer(x)


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


# Config


def made_layers(world) -> list:
    return [
        world.Scale(3.0, dtype="mixed_float16", trainable=False, name="scale"),
        world.Block(2, activity_regularizer="l1"),
        world.Mask(),
        world.Noisy(activity_regularizer="l2", autocast=False),
        world.fw.layers.Dense(2, activation="relu", kernel_regularizer="l2", kernel_constraint="max_norm"),
    ]


def test_configs_are_those_of_keras(both, keras):
    def claim(world):
        return [json.loads(json.dumps(config_of(keras, layer)["config"])) for layer in made_layers(world)]

    same(both, claim)


def test_the_serialized_form_of_a_called_layer_is_that_of_keras(both, keras):
    def claim(world):
        forms = []
        for layer in made_layers(world):
            layer(X)
            form = config_of(keras, layer)
            form.pop("module")
            forms.append(json.loads(json.dumps(form)))
        return forms

    same(both, claim)


def test_a_config_gives_the_layer_back(both):
    for layer in made_layers(both[0]):
        if type(layer).__name__ in ("Mask", "Noisy"):
            continue  # without a config of its own a class is not made to be read
        layer(X)
        again = deserialize_object(json.loads(json.dumps(serialize_object(layer))), classes(), "layer")
        assert type(again) is type(layer)
        assert serialize_object(again) == serialize_object(layer)
        assert describe(again.weights) == describe(layer.weights)


def test_a_class_with_arguments_that_are_not_plain_must_say_its_config(both):
    class Wrapped(pl.layers.Layer):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

        def call(self, x):
            return self.inner(x)

    with pytest.raises(SerializationError, match=r"Wrapped must define get_config\(\)"):
        Wrapped(pl.layers.Dense(1)).get_config()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": 3}, "unknown key 'unit'"),
        ({"units": -3}, "units must be a positive integer"),
        ({"kernel_initializer": "glorot"}, "glorot"),
        ({"activation": "rellu"}, "rellu"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(change, message):
    config = {**pl.layers.Dense(3, name="head").get_config(), **change}
    with pytest.raises(SerializationError, match=message):
        pl.layers.Dense.from_config(config)


# Custom layers in models, exported


def exported(model, *inputs):
    from runtime import InferenceEngine

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
