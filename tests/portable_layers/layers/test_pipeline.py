"""A Pipeline is its layers, one after the other, in Keras and here."""

from __future__ import annotations

import json

import numpy as np

from converters import from_keras, to_keras


def test_a_pipeline_in_a_file_has_keras_numbers_weights_and_config(keras, tmp_path):
    inputs = keras.Input((8, 8, 3))
    pipeline = keras.layers.Pipeline([keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(2, 3)])
    model = keras.Model(inputs, pipeline(inputs))
    model.save(tmp_path / "model.keras")
    portable = from_keras(tmp_path / "model.keras")

    image = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(portable(image), model(image), rtol=1e-5, atol=1e-5)
    assert [w.path for w in portable.weights] == [w.path for w in model.weights]
    ours, theirs = (json.loads(json.dumps(m.get_config())) for m in (portable, model))
    assert ours == theirs
    back = to_keras(portable.to_onnx())
    for again, before in zip(back.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(again, before)
