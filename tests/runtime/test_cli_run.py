"""`portable-layers run`, and what every command shares: exit codes and one-line errors."""

import os
import subprocess
import sys
import types
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from small_models import add_and_scale, identity, make_model

from runtime import cli

A = np.arange(30, dtype=np.float32).reshape(10, 3)


@pytest.fixture
def model(tmp_path, monkeypatch):
    """`add.onnx` and its inputs `x.npz` in the working directory."""
    monkeypatch.chdir(tmp_path)
    onnx.save(add_and_scale(), "add.onnx")
    np.savez("x.npz", a=A, b=A + 1)
    return "add.onnx"


def fails(capsys, *arguments, code=2):
    """The single line that a failing command writes."""
    assert cli.main(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("portable-layers: error: ")
    return captured.err


def test_prints_a_table_and_writes_the_outputs(model, capsys):
    assert cli.main(["run", model, "--input", "x.npz", "--output", "out.npz", "--provider", "cpu"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "add.onnx on cpu",
        "output  shape    dtype    min  mean  max",
        "sum     [10, 3]  float32  1    30    59",
        "scaled  [10, 3]  float32  0    29    58",
    ]
    assert captured.err == ""
    with np.load("out.npz") as out:
        np.testing.assert_array_equal(out["sum"], A + A + 1)
        np.testing.assert_array_equal(out["scaled"], A * 2)
    assert sorted(os.listdir()) == ["add.onnx", "out.npz", "x.npz"]


@pytest.mark.parametrize("size", ["1", "3", "10", "100"])
def test_batches_give_what_one_run_gives(model, size):
    assert cli.main(["run", model, "--input", "x.npz", "--output", "out.npz", "--batch-size", size]) == 0
    with np.load("out.npz") as out:
        np.testing.assert_array_equal(out["sum"], A + A + 1)


def test_batches_of_no_rows_run_once(model):
    np.savez("x.npz", a=A[:0], b=A[:0])
    assert cli.main(["run", model, "--input", "x.npz", "--output", "out.npz", "--batch-size", "4"]) == 0
    with np.load("out.npz") as out:
        assert out["sum"].shape == (0, 3)


def test_inputs_without_a_batch_size_go_whole_into_every_batch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    value = TensorProto.FLOAT
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    onnx.save(
        make_model([node], [("x", value, ["n", 3]), ("w", value, [3, 2])], [("y", value, ["n", 2])]), "m.onnx"
    )
    w = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.savez("x.npz", x=A, w=w)
    assert cli.main(["run", "m.onnx", "--input", "x.npz", "--output", "o.npz", "--batch-size", "4"]) == 0
    with np.load("o.npz") as out:
        np.testing.assert_array_equal(out["y"], A @ w)


def test_outputs_that_are_not_by_row_cannot_be_batched(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    node = helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0)
    onnx.save(
        make_model([node], [("x", TensorProto.FLOAT, ["n"])], [("total", TensorProto.FLOAT, [])]), "m.onnx"
    )
    np.save("x.npy", A[:, 0])
    error = fails(capsys, "run", "m.onnx", "--input", "x.npy", "--batch-size", "4")
    assert "'total'" in error
    onnx.save(identity(shape=(10, 3)), "fixed.onnx")
    np.save("x.npy", A)
    assert "symbolic" in fails(capsys, "run", "fixed.onnx", "--input", "x.npy", "--batch-size", "4")


@pytest.mark.parametrize(
    ("kind", "array"),
    [
        (TensorProto.STRING, np.array([["a", "[red]b"]])),
        (TensorProto.BFLOAT16, np.array([[1.5, 2]], ml_dtypes.bfloat16)),
        (TensorProto.BOOL, np.array([[True, False]])),
        (TensorProto.FLOAT16, np.array([[6e4, 6e4]], np.float16)),
        (TensorProto.FLOAT, np.array([[np.nan, np.inf]], np.float32)),
        (TensorProto.FLOAT, np.zeros((0, 2), np.float32)),
    ],
)
def test_a_bare_npy_of_any_dtype_goes_through(tmp_path, monkeypatch, capsys, kind, array):
    monkeypatch.chdir(tmp_path)
    onnx.save(identity(kind), "copy.onnx")
    np.save("x.npy", array)
    assert cli.main(["run", "copy.onnx", "--input", "x.npy", "--output", "out.npz"]) == 0
    with np.load("out.npz") as out:
        np.testing.assert_array_equal(out["y"], np.load("x.npy"))
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_table_and_a_progress_bar(model, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert cli.main(["run", model, "--input", "x.npz", "--batch-size", "3"]) == 0
    captured = capsys.readouterr()
    assert "━" in captured.out
    assert "scaled" in captured.out
    assert "running" in captured.err


def test_every_error_is_one_line_and_exit_code_2(model, capsys):
    np.savez("short.npz", a=A)
    np.savez("double.npz", a=A.astype(float), b=A)
    np.savez("objects.npz", a=np.array([None]), b=A)
    np.save("one.npy", A)
    Path("garbage.onnx").write_bytes(b"\xff" * 50)
    run = ("run", model, "--input")
    assert "missing input 'b'" in fails(capsys, *run, "short.npz")
    assert "received float64, expected float32" in fails(capsys, *run, "double.npz")
    assert "save strings as unicode" in fails(capsys, *run, "objects.npz")
    assert "a, b" in fails(capsys, *run, "one.npy")
    assert "nope.npz: No such file" in fails(capsys, *run, "nope.npz")
    assert "add.onnx" in fails(capsys, *run, model)
    assert "there is no file" in fails(capsys, "run", "nope.onnx", "--input", "x.npz")
    assert "not an ONNX model" in fails(capsys, "run", "garbage.onnx", "--input", "x.npz")
    assert "unknown provider" in fails(capsys, *run, "x.npz", "--provider", "gpu")
    assert "folder" in fails(capsys, *run, "x.npz", "--output", "no/out.npz")
    assert "positive number" in fails(capsys, *run, "x.npz", "--batch-size", "0")
    assert "COMMAND" in fails(capsys)
    assert "invalid choice" in fails(capsys, "nope")
    assert "--input" in fails(capsys, "run", model)


def test_a_model_that_fails_while_it_runs_is_one_line(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    model = make_model(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [("x", TensorProto.FLOAT, ["n"]), ("shape", TensorProto.INT64, [2])],
        [("y", TensorProto.FLOAT, ["r", "c"])],
    )
    onnx.save(model, "reshape.onnx")
    np.savez("x.npz", x=np.zeros(4, np.float32), shape=np.array([3, 3]))
    assert "Reshape" in fails(capfd, "run", "reshape.onnx", "--input", "x.npz")


@pytest.mark.parametrize("arguments", [["--debug", "run"], ["run", "--debug"]])
def test_debug_shows_the_traceback(arguments, model, capsys):
    assert cli.main([*arguments, "nope.onnx", "--input", "x.npz"]) == 2
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert error.splitlines()[-1].startswith("portable-layers: error: there is no file")


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("a\nbug"), 2, "ZeroDivisionError: a bug"),
        (MemoryError(), 2, "MemoryError"),
        (SystemExit(1), 1, None),
    ],
)
def test_what_a_command_raises_becomes_an_exit_code(monkeypatch, capsys, raised, code, message):
    def run(args):
        raise raised

    command = types.SimpleNamespace(add_parser=lambda subparsers: subparsers.add_parser("boom"), run=run)
    monkeypatch.setattr(cli, "COMMANDS", (command,))
    if message is None:
        assert cli.main(["boom"]) == code
    else:
        assert message in fails(capsys, "boom", code=code)


def test_version_and_help_are_answers(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("portable-layers ")
    assert cli.main(["--help"]) == 0
    assert "run an ONNX model" in capsys.readouterr().out
    assert cli.main(["run", "--help"]) == 0


def test_the_command_line_loads_nothing_heavy():
    heavy = "onnxruntime", "rich", "keras", "tensorflow"
    code = f"import sys, runtime.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_real_process_ends_with_the_exit_code(model):
    command = [sys.executable, "-m", "runtime.cli", "run", model, "--input"]
    path = os.pathsep.join([os.path.dirname(os.path.dirname(cli.__file__)), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    good = subprocess.run([*command, "x.npz"], capture_output=True, text=True, env=environment)
    assert (good.returncode, good.stderr) == (0, "")
    assert "scaled" in good.stdout
    bad = subprocess.run([*command, "nope.npz"], capture_output=True, text=True, env=environment)
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)
    with subprocess.Popen(
        [*command, "x.npz"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as pipe:
        pipe.stdout.close()  # the reader goes away before anything is written
        assert pipe.stderr.read() == b""
