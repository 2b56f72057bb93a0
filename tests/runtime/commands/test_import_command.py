"""`portable-layers import`: back to Keras, bit for bit, without Keras."""

import os
import subprocess
import sys

import numpy as np
import pytest
from keras_files import small_model

from converters import from_keras
from runtime import cli


@pytest.fixture
def exported(folder):
    """`small.onnx` in the working directory."""
    small_model().save("small.onnx")


def test_the_way_back_is_bit_exact(exported, succeeds, keras):
    out = succeeds("import", "small.onnx", "back.keras")
    assert out.splitlines()[1] == "model  small, 3 layers, 67 parameters"
    back = keras.saving.load_model("back.keras")
    model = small_model()
    assert [v.path for v in back.weights] == [v.path for v in model.weights]
    for a, b in zip(back.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert from_keras("back.keras").get_config() == from_keras("small.keras").get_config()


def test_it_imports_neither_tensorflow_nor_keras(exported):
    code = (
        "import sys; from runtime.cli import main; code = main(sys.argv[1:]);"
        "print(code, {'tensorflow', 'keras', 'onnxruntime'} & sys.modules.keys())"
    )
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(cli.__file__))}
    command = [sys.executable, "-c", code, "import", "small.onnx", "back.keras"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines()[-1] == "0 set()"
    assert done.stderr == ""
