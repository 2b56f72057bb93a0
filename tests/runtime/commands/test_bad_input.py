"""Each kind of unusable file, through the command line: one line, exit code 2, nothing written."""

import json
import shutil

import onnx
import pytest
from keras_files import change_config, change_weights, layer_config, small_model, write_small
from onnx import TensorProto, helper


def spoiled(kind):
    """A function that spoils `small.keras`."""

    def register(function):
        SPOILED[kind] = function
        return function

    return register


SPOILED = {}


@spoiled("is an empty file")
def empty(path):
    path.write_bytes(b"")


@spoiled("truncated")
def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


@spoiled("is a PNG image")
def image(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))


@spoiled("is a folder")
def directory(path):
    path.unlink()
    path.mkdir()


@spoiled(
    "2 layers cannot be exported: hidden (Mystery: no portable layer is registered under this name); classes (Enigma"
)
def unknown_layers(path):
    def change(config):
        layer_config(config, "hidden").update(
            class_name="Mystery", module="mystery.layers", registered_name="a>Mystery"
        )
        layer_config(config, "classes").update(class_name="Enigma", module="enigma", registered_name="Enigma")

    change_config(path, change)


@spoiled("hidden (Lambda: Lambda code is refused)")
def lambda_layer(path):
    def change(config):
        entry = layer_config(config, "hidden")
        code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
        entry.update(class_name="Lambda", config={"name": "hidden", "function": code})

    change_config(path, change)


@spoiled("layer hidden: Lambda code is refused: it is Python bytecode")
def lambda_initializer(path):
    def change(config):
        code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
        layer_config(config, "hidden")["config"]["kernel_initializer"] = code

    change_config(path, change)


@spoiled("A class of your own must be registered")
def module_of_a_stranger(path):
    change_config(path, lambda c: layer_config(c, "hidden").update(module="os", registered_name="system"))


@spoiled("initializer")
def function_of_a_stranger(path):
    def change(config):
        evil = {
            "module": "os",
            "class_name": "system",
            "config": {"command": "touch owned"},
            "registered_name": None,
        }
        layer_config(config, "hidden")["config"]["kernel_initializer"] = evil

    change_config(path, change)


@spoiled("unitz")
def unknown_key(path):
    change_config(path, lambda c: layer_config(c, "hidden")["config"].update(unitz=3))


@spoiled("units")
def value_that_the_layer_refuses(path):
    change_config(path, lambda c: layer_config(c, "hidden")["config"].update(units=-8))


@spoiled("nested too deep")
def deep_nesting(path):
    change_config(path, lambda c: c.update(extra=json.loads("[" * 900 + "]" * 900)))


@spoiled("lacks the variable hidden/bias")
def missing_variable(path):
    change_weights(path, lambda store: store.__delitem__("layers/dense/vars/1"))


@spoiled("holds the variable hidden/kernel of layer hidden with shape (2, 2); expected: (4, 8)")
def variable_of_another_shape(path):
    def change(store):
        del store["layers/dense/vars/0"]
        store["layers/dense/vars/0"] = [[1.0, 2.0], [3.0, 4.0]]

    change_weights(path, change)


@spoiled("holds 3 variables for layer hidden")
def variable_too_many(path):
    change_weights(path, lambda store: store.create_dataset("layers/dense/vars/2", data=[1.0]))


@pytest.mark.parametrize("message", SPOILED)
def test_export_of_a_spoiled_file(folder, refuses, message):
    SPOILED[message](folder / "small.keras")
    assert message in refuses("export", "small.keras")
    assert message in refuses("export", "small.keras", "out.onnx", "--no-verify")


@pytest.mark.parametrize("message", SPOILED)
def test_verify_lets_keras_see_only_files_that_are_safe(folder, refuses, message):
    small_model().save("good.onnx")
    SPOILED[message](folder / "small.keras")
    assert message in refuses("verify", "small.keras", "good.onnx")


@pytest.fixture
def exported(folder):
    """`small.onnx`, exported from `small.keras`."""
    write_small(folder / "small.keras").save("small.onnx")
    return folder / "small.onnx"


def without_metadata(path):
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)


def garbled_metadata(path):
    model = onnx.load(path)
    model.metadata_props[0].value = model.metadata_props[0].value[:100]
    onnx.save(model, path)


def without_an_initializer(path):
    model = onnx.load(path)
    model.graph.initializer.pop()
    onnx.save(model, path)


def with_a_reshaped_initializer(path):
    model = onnx.load(path)
    model.graph.initializer[0].dims[:] = [2, 16]
    onnx.save(model, path)


def of_another_exporter(path):
    node = helper.make_node("Relu", ["x"], ["y"])
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "xy"]
    onnx.save(
        helper.make_model(helper.make_graph([node], "g", values[:1], values[1:]), producer_name="pytorch"),
        path,
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_metadata, "has lost the metadata"),
        (of_another_exporter, "was not exported by portable-layers (its producer is pytorch)"),
        (garbled_metadata, "metadata of portable-layers that cannot be read"),
        (without_an_initializer, "lacks the initializer"),
        (with_a_reshaped_initializer, "the metadata says"),
        (lambda p: p.write_bytes(p.read_bytes()[:300]), "is not an ONNX model"),
        (lambda p: p.write_bytes(b""), "is an empty file; an .onnx file was expected"),
        (lambda p: p.write_bytes(b"\xff" * 99), "is not an ONNX model"),
        (lambda p: p.unlink(), "does not exist"),
        (lambda p: (p.unlink(), p.mkdir()), "is a folder"),
        (lambda p: shutil.copy("small.keras", p), "is a zip archive; an .onnx file was expected"),
    ],
)
def test_import_of_a_spoiled_file(exported, refuses, spoil, message):
    spoil(exported)
    assert message in refuses("import", "small.onnx", "back.keras")


def test_import_names_its_output_properly(exported, refuses):
    assert "must end in .keras" in refuses("import", "small.onnx", "back.h5")
    assert "no/back.keras" in refuses("import", "small.onnx", "no/back.keras")
