"""What every layer inherits: names, weights, losses, input checks, config; each claim holds in Keras too."""

from __future__ import annotations

import json

import numpy as np
import pytest
from two_worlds import OURS, config_of, describe, same

import portable_layers as pl
from portable_layers.errors import InputError, SerializationError, WeightsError
from portable_layers.registry import classes
from portable_layers.serialization import deserialize_object, serialize_object

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


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
