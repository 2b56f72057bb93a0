"""`from_keras`: live models and files give the same portable model, and what it refuses."""

import json

import numpy as np
import pytest
from keras_files import change_config, change_weights, layer_config, write_small

from converters import from_keras, verify
from portable_layers.errors import ArchiveError, SerializationError, UnsupportedLayerError, WeightsError


@pytest.fixture
def network(keras):
    """A functional model with a nested one, a shared layer and weights that are not trainable."""
    layers = keras.layers
    keras.utils.set_random_seed(7)
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(6), layers.BatchNormalization()], name="inner")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(6, activation="relu", name="shared")
    joined = layers.Concatenate()([inner(shared(a)), shared(b)])
    return keras.Model([a, b], [layers.Dense(3, name="y")(joined), layers.Dropout(0.5)(joined)], name="net")


def test_a_live_model_and_its_file_are_the_same(network, tmp_path):
    network.save(tmp_path / "net.keras")
    live, read = from_keras(network), from_keras(tmp_path / "net.keras")
    for ours in (live, read):
        assert [v.name for v in ours.variables] == [v.name for v in network.variables]
        for a, b in zip(ours.weights, network.weights, strict=True):
            np.testing.assert_array_equal(a.numpy(), np.asarray(b))
        assert ours.input_names == ["a", "b"]
        assert verify(network, ours).passed
    # Keras's files lack the states of seeds; a live model has them.
    np.testing.assert_array_equal(live.variables[-1].numpy(), np.asarray(network.variables[-1]))
    assert json.dumps(live.get_config()) == json.dumps(read.get_config())


def test_a_file_can_be_deleted_once_it_is_read(tmp_path):
    path = tmp_path / "small.keras"
    model = write_small(path)
    read = from_keras(path)
    path.unlink()
    np.testing.assert_array_equal(read.get_weights()[0], model.get_weights()[0])


def test_what_is_no_model_is_refused():
    with pytest.raises(ArchiveError, match="Received: dict"):
        from_keras({})


def test_every_unknown_layer_is_listed_with_its_path(network, tmp_path):
    path = tmp_path / "net.keras"
    network.save(path)

    inner_dense = next(x.name for x in network.get_layer("inner").layers)

    def change_both(config):
        layer_config(config, "shared").update(class_name="Mystery", registered_name="mine>Mystery")
        entry = layer_config(layer_config(config, "inner"), inner_dense)
        entry.update(class_name="Enigma", registered_name="Enigma")

    change_config(path, change_both)
    with pytest.raises(UnsupportedLayerError) as caught:
        from_keras(path)
    assert [(x.path, x.class_name) for x in caught.value.layers] == [
        ("shared", "Mystery"),
        (f"inner/{inner_dense}", "Enigma"),
    ]


def test_errors_name_the_file_and_the_layer(tmp_path):
    path = tmp_path / "small.keras"
    write_small(path)
    change_config(path, lambda c: layer_config(c, "hidden")["config"].update(unitz=3))
    with pytest.raises(SerializationError, match=r"small.keras: layer hidden: .*unknown key 'unitz'"):
        from_keras(path)
    write_small(path)
    change_weights(path, lambda store: store.__delitem__("layers/dense_1/vars/0"))
    with pytest.raises(WeightsError, match=r"small.keras lacks the variable classes/kernel of layer classes"):
        from_keras(path)


def test_no_part_of_a_config_makes_it_fail_in_another_way(tmp_path):
    """Each value in the config is replaced by values of other types."""
    import copy

    from keras_files import small_model

    from portable_layers.errors import PortableLayersError
    from portable_layers.model import model_from_config
    from portable_layers.serialization import serialize_object

    def places(x, place=()):
        if place:
            yield place
        for key, value in x.items() if isinstance(x, dict) else enumerate(x if isinstance(x, list) else ()):
            yield from places(value, (*place, key))

    good = json.loads(json.dumps(serialize_object(small_model(outputs=2))))
    refused = 0
    for place in places(good):
        for value in (None, -1, "x", [], {}, [[]], {"class_name": "Dense", "config": None}):
            config = copy.deepcopy(good)
            holder = config
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = value
            try:
                model_from_config(config).to_graph()
            except PortableLayersError:
                refused += 1
    assert refused > 500
