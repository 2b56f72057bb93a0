"""`portable-layers export`: what it writes, what it says, and when it writes nothing."""

import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from keras_files import small_model, write_small

from runtime import InferenceEngine, cli
from runtime.commands import export


def test_writes_beside_the_model_and_verifies(folder, keras, succeeds):
    out = succeeds("export", "small.keras")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert list(lines) == ["file", "opset", "nodes", "input", "output", "time", "verified"]
    assert lines["file"].startswith("small.onnx, ")
    assert lines["input"] == "x: float32[batch, 4]"
    assert lines["output"] == "classes: float32[batch, 3]"
    assert lines["nodes"] == "6 (2 MatMul, 2 Add, 1 Relu, 1 Softmax)"
    assert lines["verified"].startswith("the same: ")
    x = np.ones((2, 4), np.float32)
    with InferenceEngine("small.onnx") as engine:
        np.testing.assert_allclose(engine.run(x), small_model()(x), rtol=1e-5)
    assert sorted(os.listdir()) == ["small.keras", "small.onnx"]


def test_output_and_opset_can_be_named(folder, succeeds):
    out = succeeds("export", "small.keras", "other.onnx", "--opset", "18", "--no-verify")
    assert "not verified" in out
    assert [x.version for x in onnx.load("other.onnx").opset_import] == [18]


def test_replaces_a_file_only_when_the_export_is_good(folder, succeeds, refuses):
    succeeds("export", "small.keras", "--no-verify")
    first = (folder / "small.onnx").read_bytes()
    (folder / "broken.keras").write_bytes((folder / "small.keras").read_bytes()[:-50])
    refuses("export", "broken.keras", "small.onnx")
    assert (folder / "small.onnx").read_bytes() == first


def test_an_export_that_differs_is_not_written(folder, keras, monkeypatch, capfd):
    def wrong(source, target, opset):
        model = small_model()
        model.set_weights([1.1 * w for w in model.get_weights()])
        model.save(target)
        return []

    monkeypatch.setattr(export, "_convert", wrong)
    assert cli.main(["export", "small.keras"]) == 1
    out, err = capfd.readouterr()
    assert out.startswith(
        "small.onnx was not written: small.keras and its export are different: output 'classes'"
    )
    assert (out.count("\n"), err) == (1, "")
    assert os.listdir() == ["small.keras"]


def test_conversion_imports_neither_tensorflow_nor_keras(folder):
    code = (
        "import sys; from runtime.cli import main; code = main(sys.argv[1:]);"
        "print(code, {'tensorflow', 'keras', 'tf_keras'} & sys.modules.keys())"
    )
    command = [sys.executable, "-c", code, "export", "small.keras", "--no-verify"]
    root = os.path.dirname(os.path.dirname(cli.__file__))
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines()[-1] == "0 set()"
    assert done.stderr == ""


def test_without_keras_it_exports_unverified_unless_verification_is_demanded(
    folder, monkeypatch, succeeds, refuses
):
    monkeypatch.setattr(export, "_keras_is_installed", lambda: False)
    assert "not verified" in succeeds("export", "small.keras")
    assert "pip install 'portable-layers[tensorflow]'" in refuses("export", "small.keras", "--verify")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.keras"], "nope.keras does not exist"),
        (["small.keras", "small.keras"], "must end in .onnx"),
        (["small.keras", "no/out.onnx"], "does not exist"),
        (["small.keras", "--opset", "3"], "opset"),
        (["small.keras", "--opset", "new"], "invalid int value"),
    ],
)
def test_unusable_arguments(folder, refuses, arguments, message):
    assert message in refuses("export", *arguments)


def test_a_terminal_sees_the_stages(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    write_small(folder / "small.keras")
    assert cli.main(["export", "small.keras", "--no-verify"]) == 0
    assert "small.onnx" in capsys.readouterr().out
