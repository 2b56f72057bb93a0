"""Keras to ONNX to Keras to ONNX: nothing is lost on the way."""

import json

import numpy as np
import pytest

from converters import from_keras, from_onnx, to_keras, verify


def networks(keras):
    """Models that differ in how they are put together."""
    layers = keras.layers

    def sequential():
        return keras.Sequential(
            [keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU(),
             layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.5), layers.Dense(3)]
        )  # fmt: skip

    def residual():
        x = image = keras.Input((None, None, 3), name="image")
        for _ in range(2):
            x = (
                layers.Conv2D(3, 3, padding="same")(layers.Activation("gelu")(layers.LayerNormalization()(x)))
                + x
            )
        return keras.Model(image, layers.GlobalAveragePooling2D()(x))

    def nested():
        block = keras.Sequential([keras.Input((6,)), layers.Dense(6, activation="tanh")], name="block")
        a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
        return keras.Model({"a": a, "b": b}, {"sum": block(a) + block(b), "b": layers.Dense(2)(b)})

    def half():
        return keras.Sequential([keras.Input((8,)), layers.Dense(4, dtype="mixed_float16"), layers.Dense(2)])

    return [sequential, residual, nested, half]


@pytest.mark.parametrize("index", range(4))
def test_twice_around(keras, tmp_path, index):
    model = networks(keras)[index]()
    rng = np.random.default_rng(index)
    model.set_weights([rng.uniform(0.1, 1, w.shape).astype(w.dtype) for w in model.get_weights()])
    from_keras(model).save(tmp_path / "first.onnx")
    assert verify(model, tmp_path / "first.onnx").passed

    back = to_keras(tmp_path / "first.onnx")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    # Not those of `model`: Keras itself drops the name of a Sequential model from paths when it loads one.
    assert [v.path for v in back.weights] == [v.path for v in loaded.weights]
    for a, b in zip(back.variables, model.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert json.dumps(back.get_config()) == json.dumps(model.get_config())

    from_onnx(tmp_path / "first.onnx").save(tmp_path / "second.onnx")
    assert (tmp_path / "second.onnx").read_bytes() == (tmp_path / "first.onnx").read_bytes()
