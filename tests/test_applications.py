"""Networks of `keras.applications`: the same numbers as Keras, and back to Keras bit for bit.

The sizes are small here; `python -m benchmarks.export` runs the full ones.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnxruntime
import pytest

from converters import from_keras, from_onnx, to_keras
from models.applications import NETWORKS, build

pytestmark = pytest.mark.slow

# The smallest inputs that the networks take, where that is over 64.
SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}


def normalized(config: dict[str, Any]) -> Any:
    return json.loads(json.dumps(config))


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest, keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A live network, its `.keras` file, an image and what Keras makes of it."""
    size = SIZES.get(request.param, 64)
    model = build(request.param, size)
    path = tmp_path_factory.mktemp(request.param) / "model.keras"
    model.save(path)
    image = np.random.default_rng(1).uniform(-1, 1, (2, size, size, 3)).astype("float32")
    yield model, path, image, np.asarray(model(image, training=False))
    keras.utils.clear_session()


def outputs_of(proto: Any, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: image})[0]


def assert_close(got: np.ndarray, want: np.ndarray) -> None:
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()


def test_network_has_keras_numbers_and_comes_back_bit_for_bit(network: Any, keras: Any) -> None:
    model, path, image, want = network
    portable = from_keras(path)
    proto = portable.to_onnx()
    assert_close(outputs_of(proto, image), want)
    live = from_keras(model)
    assert_close(outputs_of(live.to_onnx(), image), want)
    assert [w.path for w in live.weights] == [w.path for w in model.weights]

    assert normalized(portable.get_config()) == normalized(model.get_config())
    # A file does not tell of name scopes around layers.
    assert all(t.path.endswith(p.path) for p, t in zip(portable.weights, model.weights, strict=True))
    back = to_keras(proto)
    assert normalized(back.get_config()) == normalized(model.get_config())
    for theirs, ours, again in zip(model.weights, from_onnx(proto).weights, back.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(theirs), ours.numpy())
        np.testing.assert_array_equal(np.asarray(theirs), np.asarray(again))
