"""How the packages load: any module first, and only what is needed."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

PACKAGES = ("portable_layers", "converters", "runtime")


def run(code):
    """The lines that `code` prints in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.parametrize("name", PACKAGES)
def test_names_that_are_not_loaded_yet_are_listed_and_others_missed(name):
    package = importlib.import_module(name)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="nonsense"):
        package.nonsense  # noqa: B018


def test_any_module_can_be_the_first_that_is_imported():
    names = [
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    ]
    # One process: third-party modules stay loaded, ours are forgotten before each import.
    code = f"""
import importlib, sys
for name in {names}:
    for loaded in [m for m in sys.modules if m.partition(".")[0] in {PACKAGES}]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, error)
"""
    assert run(code) == []


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import portable_layers.errors", "numpy onnx onnx_ir"),
        ("import runtime.cli", "numpy onnx onnx_ir rich"),
        ("import runtime.engine", "onnx_ir onnxruntime"),
        ("from portable_layers import layers", "onnxruntime"),
        ("import converters", "onnxruntime"),
    ],
)
def test_imports_load_only_what_they_need(statement, forbidden):
    unwanted = [*forbidden.split(), "keras", "tensorflow"]
    assert run(f"import sys; {statement}; print(*(m for m in {unwanted} if m in sys.modules))") == [""]
