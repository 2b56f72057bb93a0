"""`portable-layers inspect`: what it says about Keras and ONNX files."""

import sys

import pytest
from keras_files import change_config, layer_config, small_model
from onnx import helper

import portable_layers as pl
from converters import to_keras_file
from runtime import cli


def test_a_keras_file(folder, succeeds):
    out = succeeds("inspect", "small.keras")
    facts, layers, operators = out.split("\n\n")
    assert "parameters  67 (67 trainable), 268 bytes" in facts
    assert "input       x: float32[batch, 4]" in facts
    assert facts.endswith("exports     yes")
    assert layers.splitlines()[3].split() == ["hidden", "Dense", "(None,", "8)", "40"]
    assert operators.splitlines()[2:] == [
        "MatMul    2",
        "Add       2",
        "Relu      1",
        "Softmax   1",
        "total     6",
    ]


def test_an_onnx_file(folder, succeeds):
    small_model().save("small.onnx")
    out = succeeds("inspect", "small.onnx")
    assert "producer                  portable-layers\n" in out
    assert "weights                   4 initializers, 67 elements\n" in out
    assert "model                     small (Functional)\n" in out
    assert "metadata portable_layers  {" in out
    assert "\nhidden   Dense       (None, 8)     40\n" in out


def test_an_onnx_file_of_another_exporter(folder, succeeds):
    proto = small_model().to_onnx()
    del proto.metadata_props[:]
    proto.producer_name = "pytorch"
    proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    proto.graph.node[0].domain = "com.microsoft"
    (folder / "small.onnx").write_bytes(proto.SerializeToString())
    out = succeeds("inspect", "small.onnx")
    assert "to Keras  no: small.onnx was not exported by portable-layers (its producer is pytorch)" in out
    assert ", com.microsoft 1 (IR version" in out
    assert "com.microsoft.MatMul  1\n" in out


def test_what_would_not_export_is_an_answer(folder, succeeds):
    def change(config):
        layer_config(config, "hidden").update(class_name="Mystery", registered_name="a>Mystery")

    change_config(folder / "small.keras", change)
    out = succeeds("inspect", "small.keras")
    assert "exports  no" in out
    assert out.splitlines()[-1].split(maxsplit=2) == [
        "hidden", "Mystery", "no portable layer is registered under this name",
    ]  # fmt: skip


def test_a_known_layer_that_cannot_be_exported(folder, succeeds, monkeypatch):
    monkeypatch.setattr(
        pl.layers.Dense, "unsupported_reason", lambda self: f"{self.units} units are too many"
    )
    out = succeeds("inspect", "small.keras")
    assert "classes  Dense  3 units are too many" in out
    assert "hidden   Dense  8 units are too many" in out
    assert "parameters" in out


def test_nested_models_are_listed_by_path(folder, succeeds):
    inner = small_model(name="inner")
    x = pl.Input((4,), name="x")
    to_keras_file(pl.Model(x, inner(x), name="outer"), "nested.keras")
    assert "inner/hidden" in succeeds("inspect", "nested.keras")


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 40, b"\x89PNG...."])
@pytest.mark.parametrize("name", ["m.keras", "m.onnx", "m.h5"])
def test_unusable_files(folder, refuses, name, content):
    if content is not None:
        (folder / name).write_bytes(content)
    assert name in refuses("inspect", name)


def test_a_terminal_gets_ruled_tables(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert cli.main(["inspect", "small.keras"]) == 0
    assert "━" in capsys.readouterr().out
