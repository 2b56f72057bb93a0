from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from portable_layers.errors import SerializationError, UnsupportedLayer, UnsupportedLayerError
from portable_layers.initializers import CLASSES, HeNormal, Zeros
from portable_layers.serialization import (
    Configurable,
    deserialize_object,
    deserialize_value,
    get_object,
    object_sharing,
    serialize_object,
)


def named_function(x):
    return x


class Block(Configurable):
    def __init__(self, units, rate=0.5, *, initializer="zeros", **kwargs):
        super().__init__()
        self.units = units * 2
        self.extra = kwargs


class Named(Configurable):
    def __init__(self, name=None, size=3):
        super().__init__()
        self.name = name
        self.size = size


class DenseBlock(Block):
    def __init__(self, depth, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth


class FixedBlock(Block):
    def __init__(self, depth=1, **kwargs):
        super().__init__(units=3, **kwargs)


class Strict(Named):
    def __init__(self, depth, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth


VALUES = [
    None,
    1,
    1.5,
    True,
    "text",
    b"bytes",
    (1, 2),
    [1, (2.5, "x")],
    {"a": 1, "b": {"c": (3,)}},
    slice(1, None, np.int32(2)),
    Ellipsis,
    np.float32(1.5),
    np.array(3.0),
    np.bool_(True),
    np.arange(6, dtype="int16").reshape(2, 3),
    np.array([True, False]),
    np.array([0.1, 1e30]),
    np.ones((2, 1), ml_dtypes.bfloat16),
    np.zeros((0, 2), "float16"),
    named_function,
]


def label(value: Any) -> str:
    """A test's name; a function's address would differ from worker to worker."""
    return value.__name__ if callable(value) else repr(value)


@pytest.mark.parametrize("value", VALUES, ids=label)
def test_a_value_is_written_as_keras_writes_it(keras, value):
    assert serialize_object(value) == keras.saving.serialize_keras_object(value)


@pytest.mark.parametrize("value", VALUES[:-1], ids=label)
def test_a_value_comes_back_as_in_keras(keras, value):
    stored = json.loads(json.dumps(serialize_object(value)))
    ours, theirs = deserialize_value(stored), keras.saving.deserialize_keras_object(stored)
    assert type(ours) is type(theirs)
    if isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    else:
        assert ours == theirs


def test_a_keras_tensor_in_a_config_comes_back_as_an_array(keras):
    config = keras.saving.serialize_keras_object(keras.ops.convert_to_tensor([1.0, 2.0], "float16"))
    value = deserialize_value(config)
    assert value.dtype == np.float16
    np.testing.assert_array_equal(value, [1.0, 2.0])


def test_dtypes_are_written_by_name():
    given = [np.dtype("int8"), np.float32, ml_dtypes.bfloat16, ml_dtypes.bfloat16(1.5)]
    assert serialize_object(given) == ["int8", "float32", "bfloat16", 1.5]


@pytest.mark.parametrize(
    "value",
    [
        1j,
        np.complex64(1j),
        np.array([1j]),
        np.array(["a"]),
        np.array([None]),
        {1, 2},
        range(3),
        b"\xff",
        Zeros,
        len,
    ],
    ids=repr,
)
def test_what_the_format_has_no_form_for_is_refused(value):
    with pytest.raises(SerializationError, match="Cannot serialize"):
        serialize_object([value])


def test_lambdas_are_refused_both_ways(keras):
    code = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
    with pytest.raises(SerializationError, match="Lambda code is refused"):
        serialize_object({"activation": lambda x: x})
    with pytest.raises(SerializationError, match="Lambda code is refused"):
        deserialize_value([{"function": code}])
    with pytest.raises(SerializationError, match="Lambda code is refused"):
        deserialize_object(code, CLASSES, "initializer")
    hidden = {"class_name": "Constant", "config": {"value": [code]}}
    with pytest.raises(SerializationError, match="Lambda code is refused"):
        deserialize_object(hidden, CLASSES, "initializer")


def test_the_config_is_the_attribute_of_the_argument_or_what_was_received():
    block = Block(3, initializer=HeNormal(seed=1), name="first")
    config = block.get_config()
    assert config == {
        "units": 6,
        "rate": 0.5,
        "initializer": serialize_object(HeNormal(seed=1)),
        "name": "first",
    }


def test_copies_and_pickles_keep_the_config():
    original = HeNormal(seed=3)
    for other in (copy.copy(original), copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
        assert other.get_config() == original.get_config()


def test_from_config_decodes_plain_values_and_leaves_objects_to_the_class():
    nested = serialize_object(Zeros())
    named = Named.from_config(
        {"name": nested, "size": {"class_name": "__slice__", "config": {"start": 1, "stop": 2, "step": None}}}
    )
    assert named.name == nested
    assert named.size == slice(1, 2)


def test_an_unknown_key_is_one_line_with_the_class_the_key_and_the_keys_it_takes():
    with pytest.raises(SerializationError) as caught:
        Named.from_config({"sise": 3})
    assert str(caught.value) == "The config of Named has unknown key 'sise'; it takes: name, size"


def test_a_missing_key_is_said():
    with pytest.raises(SerializationError, match="missing key 'units'; it takes: units, rate, initializer"):
        Block.from_config({})


def test_keys_are_followed_through_kwargs_to_the_base_class():
    assert Strict.from_config({"depth": 1, "size": 4}).size == 4
    with pytest.raises(SerializationError, match="unknown key 'sise'; it takes: depth, name, size"):
        Strict.from_config({"depth": 1, "sise": 4})
    assert DenseBlock.from_config({"depth": 1, "units": 2, "anything": 3}).extra == {"anything": 3}
    assert FixedBlock.from_config({}).units == 6  # what Block needs, FixedBlock gives


def test_an_object_is_written_under_its_keras_module_and_comes_back(keras):
    config = serialize_object(HeNormal(seed=4))
    assert config == keras.saving.serialize_keras_object(keras.initializers.HeNormal(seed=4))
    assert deserialize_object(config, CLASSES, "initializer").seed == 4


def test_a_class_outside_of_the_package_is_written_as_keras_writes_one(keras):
    class Mine(HeNormal):
        pass

    theirs_class = type("Mine", (keras.initializers.HeNormal,), {"__module__": __name__})
    config = serialize_object(Mine(seed=1))
    assert config == keras.saving.serialize_keras_object(theirs_class(seed=1))
    assert isinstance(deserialize_object(config, {"Mine": Mine}, "initializer"), Mine)


def test_a_registered_class_and_function_go_by_their_registered_name(keras):
    class Mine(Configurable):
        registered_name = "shop>Mine"

    def twice(x):
        return 2 * x

    registered = keras.saving.register_keras_serializable("shop")
    theirs = registered(type("Mine", (keras.initializers.Zeros,), {"__module__": __name__}))
    config = serialize_object(Mine())
    assert config == keras.saving.serialize_keras_object(theirs())
    assert isinstance(deserialize_object(config, {"shop>Mine": Mine}, "layer"), Mine)

    expected = keras.saving.serialize_keras_object(registered(twice))
    twice.registered_name = "shop>twice"
    assert serialize_object(twice) == expected
    assert deserialize_object(expected, {"shop>twice": twice}, "activation") is twice


def test_a_function_is_looked_up_by_its_name_only(keras):
    config = keras.saving.serialize_keras_object(keras.activations.relu)
    assert deserialize_object(config, {"relu": named_function}, "activation") is named_function
    assert deserialize_object("relu", {"relu": named_function}, "activation") is named_function
    with pytest.raises(SerializationError, match="Unknown activation 'relu'"):
        deserialize_object(config, {}, "activation")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("he_norml", "Unknown initializer 'he_norml'. Did you mean 'he_normal'"),
        (
            {"class_name": "Popen", "module": "subprocess", "config": {"args": "ls"}},
            "Unknown initializer 'Popen'",
        ),
        ({"class_name": "function", "module": "os", "config": "system"}, "Unknown initializer 'system'"),
        ({"class_name": "function", "module": "builtins", "config": ["eval"]}, "Unknown initializer"),
        ({"class_name": "Zeros", "module": "mine", "config": {}}, "'Zeros' of module 'mine' is not Keras's"),
        ({"class_name": "Zeros", "module": None, "config": {}}, "module None is not Keras's"),
        ({"class_name": "Zeros", "config": {}, "registered_name": "shop>Zeros"}, "'shop>Zeros'"),
        ({"class_name": "Zeros", "config": {}, "registered_name": {}}, "is not Keras's"),
        ({"class_name": "Zeros", "config": [1]}, "Expected a dict as the config of Zeros"),
        ({"class_name": 3, "config": {}}, "Expected the name or config of a initializer"),
        ({"config": {}}, "Expected the name or config"),
        ([], "Expected the name or config"),
        ({"class_name": "HeNormal", "config": {"sead": 1}}, "HeNormal has unknown key 'sead'"),
        ({"class_name": "HeNormal", "config": {"seed": "x"}}, "HeNormal does not accept its config"),
        ({"class_name": "VarianceScaling", "config": {"distribution": 3}}, "VarianceScaling does not accept"),
        ({"class_name": "VarianceScaling", "config": {"scale": "a"}}, "VarianceScaling does not accept"),
    ],
    ids=repr,
)
def test_a_hostile_or_wrong_config_is_one_serialization_error(config, message):
    with pytest.raises(SerializationError) as caught:
        deserialize_object(config, CLASSES, "initializer")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "__numpy__", "config": {"value": [1.5], "dtype": "int32"}},
        {"class_name": "__numpy__", "config": {"value": ["1"], "dtype": "float32"}},
        {"class_name": "__numpy__", "config": {"value": [[1], [1, 2]], "dtype": "float32"}},
        {"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}},
        {"class_name": "__numpy__", "config": {"value": [1]}},
        {"class_name": "__numpy__", "config": None},
        {"class_name": "__numpy__", "config": {"value": [300], "dtype": "int8"}},
        {"class_name": "__slice__", "config": {"start": 1}},
        {"class_name": "__bytes__", "config": {"value": 3}},
    ],
    ids=repr,
)
def test_a_malformed_value_is_refused(config):
    with pytest.raises(SerializationError, match="Malformed __"):
        deserialize_value({"nested": [config]})


def test_an_error_of_the_project_passes_through_unchanged():
    class Fails(Configurable):
        @classmethod
        def from_config(cls, config):
            raise UnsupportedLayerError([UnsupportedLayer("a/b", "Odd")])

    with pytest.raises(UnsupportedLayerError):
        deserialize_object("Fails", {"Fails": Fails}, "layer")


def test_get_takes_what_keras_get_takes():
    zeros = Zeros()
    assert get_object(None, CLASSES, "initializer") is None
    assert get_object(zeros, CLASSES, "initializer") is zeros
    assert isinstance(get_object(Zeros, CLASSES, "initializer"), Zeros)
    assert isinstance(get_object("zeros", CLASSES, "initializer"), Zeros)
    assert isinstance(get_object({"class_name": "Zeros"}, CLASSES, "initializer"), Zeros)
    with pytest.raises(SerializationError, match="Received: 3"):
        get_object(3, CLASSES, "initializer")


def test_an_object_used_twice_is_one_object_again():
    shared = HeNormal(seed=1)
    pair = Named(name=shared, size=[shared, HeNormal(seed=1)])
    with object_sharing():
        config = json.loads(json.dumps(serialize_object(pair)))
    first, (second, alone) = config["config"]["name"], config["config"]["size"]
    assert first["shared_object_id"] == second["shared_object_id"]
    assert "shared_object_id" not in alone
    with object_sharing():
        one, two, three = (deserialize_object(x, CLASSES, "initializer") for x in (first, second, alone))
    assert one is two
    assert one is not three


def test_an_object_that_was_first_used_inside_another_is_marked_there_too():
    shared = HeNormal(seed=1)
    with object_sharing():
        outer, second = serialize_object([Named(name=shared), shared])
    assert outer["config"]["name"]["shared_object_id"] == second["shared_object_id"]


def test_what_keras_wrote_as_shared_is_read_as_one(keras):
    from keras.src.saving.serialization_lib import ObjectSharingScope

    shared = keras.initializers.HeNormal(seed=1)
    with ObjectSharingScope():
        configs = keras.saving.serialize_keras_object([shared, shared])
    assert len({id(deserialize_object(x, CLASSES, "initializer")) for x in configs}) == 2
    with object_sharing():
        one, two = (deserialize_object(x, CLASSES, "initializer") for x in configs)
    assert one is two


def test_a_shared_id_of_another_class_is_not_followed():
    with object_sharing():
        deserialize_object({"class_name": "Zeros", "shared_object_id": 1}, CLASSES, "initializer")
        other = deserialize_object({"class_name": "HeNormal", "shared_object_id": 1}, CLASSES, "initializer")
    assert isinstance(other, HeNormal)


def test_build_and_compile_configs_travel_beside_the_config():
    class Built(Configurable):
        shape = None

        def get_build_config(self):
            return {"input_shape": (None, 3)}

        def build_from_config(self, config):
            self.shape = config["input_shape"]

        def get_compile_config(self):
            return None

    config = json.loads(json.dumps(serialize_object(Built())))
    assert config["build_config"] == {"input_shape": [None, 3]}
    assert "compile_config" not in config
    assert deserialize_object(config, {"Built": Built}, "layer").shape == [None, 3]
