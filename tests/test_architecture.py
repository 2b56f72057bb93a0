"""The rules of the layout: who may import whom, what is public, how large a file may be."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("portable_layers", "converters", "runtime")
FRAMEWORKS = {"tensorflow", "keras", "tf_keras", "torch", "jax"}
# What each package must not import when it is imported itself; inside functions everything may be.
FORBIDDEN = {
    "portable_layers": FRAMEWORKS | {"converters", "runtime", "onnxruntime", "h5py"},
    "converters": FRAMEWORKS | {"onnxruntime"},
    "runtime": FRAMEWORKS,
}
LONGEST_FILE = 400
# Longer today; none may be added.
LONG_FILES = {
    "portable_layers/graph.py",
    "portable_layers/layer.py",
    "portable_layers/model.py",
    "tests/converters/test_unsafe_archives.py",
}


def files(*roots: str) -> list[Path]:
    return sorted(p for root in roots for p in (ROOT / root).rglob("*.py"))


def imports(path: Path, everywhere: bool = False) -> Iterator[str]:
    """The modules that a file imports at module level, or anywhere in it."""
    body = ast.parse(path.read_text()).body
    while body:
        node = body.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import in line {node.lineno}"
            yield node.module or ""
        elif everywhere or not _runs_later(node):
            body.extend(ast.iter_child_nodes(node))  # type: ignore[arg-type]


def _runs_later(node: ast.AST) -> bool:
    """Whether importing the module leaves the node's inside alone."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test).endswith("TYPE_CHECKING")
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def loaded_by(code: str) -> set[str]:
    """The top-level modules that are loaded after this code has run in a fresh interpreter."""
    code += "\nimport json, sys; print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_what_its_package_must_not(package):
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(package)
        for name in imports(path)
        if name.partition(".")[0] in FORBIDDEN[package]
    }
    assert not found


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_nothing_forbidden(package):
    """Also not by way of a dependency."""
    assert not loaded_by(f"from {package} import *") & FORBIDDEN[package]


def test_only_the_graph_builder_knows_the_intermediate_representation():
    users = {
        str(path.relative_to(ROOT))
        for path in files(*PACKAGES)
        if any(name.partition(".")[0] == "onnx_ir" for name in imports(path, everywhere=True))
    }
    assert users == {"portable_layers/graph.py"}


def test_a_keras_file_is_converted_without_keras_and_tensorflow(keras, tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save(path)
    loaded = loaded_by(f"from converters import from_keras; from_keras({str(path)!r}).to_onnx()")
    assert "onnx" in loaded
    assert not loaded & (FRAMEWORKS | {"onnxruntime"})


PUBLIC = ["portable_layers", "portable_layers.layers", "portable_layers.ops", "converters", "runtime"]


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_the_public_surface(name):
    module = importlib.import_module(name)
    assert len(module.__all__) == len(set(module.__all__))  # ruff keeps them in order
    assert all(getattr(module, key) is not None for key in module.__all__)  # loads the lazy ones
    public = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and not (isinstance(value, ModuleType) and key not in module.__all__)
    }
    assert public == set(module.__all__)


def test_file_names_say_what_is_inside():
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    parts = {part for path in files(*PACKAGES, "tests") for part in (path.stem, *path.parent.parts)}
    assert not parts & vague


def test_files_are_short():
    long = {
        str(path.relative_to(ROOT))
        for path in files(*PACKAGES, "tests")
        if len(path.read_text().splitlines()) > LONGEST_FILE
    }
    assert not long - LONG_FILES
