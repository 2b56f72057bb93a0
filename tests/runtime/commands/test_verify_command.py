"""`portable-layers verify`: exit codes, the table and the JSON."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from keras_files import small_model

from runtime import cli


@pytest.fixture
def models(folder):
    """`small.onnx` like `small.keras`, and `other.onnx` unlike it."""
    small_model().save("small.onnx")
    other = small_model()
    other.set_weights([w + 0.1 for w in other.get_weights()])
    other.save("other.onnx")
    return folder


def test_equal_models(models, keras, succeeds):
    out = succeeds("verify", "small.keras", "small.onnx", "--samples", "20", "--seed", "5")
    title, header, row, verdict = out.splitlines()
    assert title == "small.keras and small.onnx"
    assert header.split("  ")[0] == "output"
    assert row.split()[:5] == ["classes", "[20,", "3]", "float32", row.split()[4]]
    assert verdict.startswith("the same: largest relative difference ")
    assert verdict.endswith("over 21 samples")


def test_different_models_are_exit_code_1(models, capfd):
    assert cli.main(["verify", "small.onnx", "other.onnx"]) == 1
    out, err = capfd.readouterr()
    assert err == ""
    assert out.splitlines()[-1].startswith("different: output 'classes' differs by up to")
    assert cli.main(["verify", "small.onnx", "other.onnx", "--tolerance", "10"]) == 0


def test_json(models, capfd):
    assert cli.main(["verify", "small.onnx", "other.onnx", "--json"]) == 1
    document = json.loads(capfd.readouterr().out)
    assert (document["passed"], document["samples"], document["seed"]) == (False, 9, 0)
    (output,) = document["outputs"]
    assert output["shape"] == [8, 3]
    assert output["largest_difference"] > 0.01


def test_inputs_from_files(models, succeeds, refuses):
    x = np.ones((7, 4), np.float32)
    np.savez("x.npz", x=x)
    np.save("x.npy", x)
    for name in ("x.npz", "x.npy"):
        assert "over 7 samples" in succeeds("verify", "small.onnx", "small.onnx", "--inputs", name)
    assert succeeds("verify", "small.onnx", "small.onnx", "--provider", "reference")
    np.savez("wrong.npz", y=x)
    assert "missing input 'x'" in refuses("verify", "small.onnx", "small.onnx", "--inputs", "wrong.npz")
    assert "nope.npz: No such file" in refuses("verify", "small.onnx", "small.onnx", "--inputs", "nope.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.keras", "small.onnx"], "nope.keras does not exist"),
        (["small.onnx", "nope.onnx"], "there is no file nope.onnx"),
        (["small.onnx", "small.onnx", "--samples", "0"], "positive number"),
        (["small.onnx", "small.onnx", "--tolerance", "-1"], "a number from 0 on"),
        (["small.onnx", "small.onnx", "--tolerance", "nan"], "a number from 0 on"),
        (["small.onnx", "small.onnx", "--provider", "gpu"], "unknown provider"),
    ],
)
def test_unusable_arguments(models, refuses, arguments, message):
    assert message in refuses("verify", *arguments)


def test_a_terminal_sees_nothing_of_tensorflow(models):
    """In a real process, where TensorFlow is loaded for the first time."""
    root = os.path.dirname(os.path.dirname(cli.__file__))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_CPP")} | {"PYTHONPATH": root}
    command = [sys.executable, "-m", "runtime.cli", "verify", "small.keras", "small.onnx"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the same" in done.stdout
