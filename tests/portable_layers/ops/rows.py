"""One row an operation: arguments, and how Keras's answer is compared.

A row is run twice: at once on arrays, and inside a functional model that Keras saves and we read,
with a dynamic batch.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np

from portable_layers import dtypes, tree

TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-5, "float64": 1e-12}


@dataclass(frozen=True)
class X:
    """An array that is an input of the functional model; other arrays are constants in it."""

    array: np.ndarray


@dataclass(frozen=True)
class Row:
    """A call of an operation.

    Attributes:
        name: in `keras.ops`, with its namespace: `mean`, `image.resize`.
        tolerance: relative and absolute, in place of that of the dtype.
        functional: whether Keras can record, save and run it in a model.
        static: the first axis is no batch. It is none either where the inputs differ in it.
        note: tells rows of one name apart.
    """

    name: str
    args: tuple
    kwargs: dict = field(default_factory=dict)
    tolerance: float | None = None
    functional: bool = True
    static: bool = False
    note: str = ""

    def __str__(self) -> str:
        return f"{self.name}-{self.note}" if self.note else self.name

    def find(self, ops: ModuleType) -> Any:
        found: Any = ops
        for part in self.name.split("."):
            found = getattr(found, part)
        return found

    def bound(self, replace: Any) -> tuple[tuple, dict]:
        return tree.map_structure(lambda x: replace(x) if isinstance(x, X) else x, (self.args, self.kwargs))

    @property
    def batch(self) -> int | None:
        """The size of the first axis where that is a batch, else None."""
        sizes = {x.shape[0] if x.ndim else None for x in self.arrays()}
        return None if self.static or len(sizes) != 1 else sizes.pop()

    def arrays(self) -> list[np.ndarray]:
        leaves = tree.flatten((self.args, self.kwargs))
        return [x.array for x in leaves if isinstance(x, X)]


def row(
    name: str,
    *args: Any,
    tolerance: float | None = None,
    functional: bool = True,
    static: bool = False,
    note: str = "",
    **kwargs: Any,
) -> Row:
    return Row(name, args, kwargs, tolerance, functional, static, note)


# Arrays, the same in every run.


def floats(*shape: int, dtype: str = "float32", low: float = -2.0, high: float = 2.0, seed: int = 0) -> X:
    values = np.random.default_rng(seed).uniform(low, high, shape)
    return X(values.astype(dtypes.to_numpy(dtype)))


def ints(*shape: int, dtype: str = "int32", low: int = -5, high: int = 6, seed: int = 0) -> X:
    return X(np.random.default_rng(seed).integers(low, high, shape).astype(dtype))


def bools(*shape: int, seed: int = 0) -> X:
    return X(np.random.default_rng(seed).integers(0, 2, shape).astype(bool))


def values(*numbers: Any, dtype: str = "float32") -> X:
    return X(np.array(numbers, dtypes.to_numpy(dtype)))


# Comparison.


def leaves(outputs: Any) -> list[np.ndarray]:
    flat = tree.flatten(list(outputs) if isinstance(outputs, tuple) else outputs)
    return [np.asarray(x) for x in flat]


def differences(ours: list[np.ndarray], theirs: list[np.ndarray], tolerance: float | None) -> str:
    """What differs, or an empty text."""
    if len(ours) != len(theirs):
        return f"{len(ours)} outputs, not {len(theirs)}"
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        kind, wanted = (dtypes.standardize(x.dtype) for x in (a, b))
        if kind != wanted:
            return f"output {index} is {kind}, not {wanted}"
        if a.shape != b.shape:
            return f"output {index} has shape {a.shape}, not {b.shape}"
        if wanted in TOLERANCE:
            limit = TOLERANCE[wanted] if tolerance is None else tolerance
            wide = np.float32 if b.dtype == ml_dtypes.bfloat16 else b.dtype
            a, b = a.astype(wide), b.astype(wide)
            same = np.allclose(a, b, rtol=limit, atol=limit, equal_nan=True)
        else:
            same = np.array_equal(a, b)
        if not same:
            return f"output {index} is\n{a}\nnot\n{b}"
    return ""


def eager_difference(keras: ModuleType, row: Row) -> str:
    from portable_layers import ops

    args, kwargs = row.bound(lambda x: x.array)
    return differences(leaves(row.find(ops)(*args, **kwargs)), _expected(keras, row), row.tolerance)


def _expected(keras: ModuleType, row: Row) -> list[np.ndarray]:
    args, kwargs = row.bound(lambda x: keras.ops.convert_to_tensor(x.array))
    return leaves(row.find(keras.ops)(*args, **kwargs))


def functional_difference(keras: ModuleType, rows: list[Row], folder: Path, opset: int | None = None) -> str:
    """Rows in one model that Keras saves and we read: values, dtypes and the config."""
    import onnxruntime

    from converters import from_keras
    from portable_layers.serialization import serialize_object

    inputs: list[Any] = []
    feed: list[np.ndarray] = []
    outputs: list[Any] = []
    expected: list[tuple[Row, list[np.ndarray]]] = []
    for number, row in enumerate(rows):

        def placeholder(x: X, row: Row = row, number: int = number) -> Any:
            shape = {"batch_shape": x.array.shape} if row.batch is None else {"shape": x.array.shape[1:]}
            dtype = dtypes.standardize(x.array.dtype)
            made = keras.Input(**shape, dtype=dtype, name=f"x{number}_{len(inputs)}")
            inputs.append(made)
            feed.append(x.array)
            return made

        args, kwargs = row.bound(placeholder)
        found = keras.tree.flatten(row.find(keras.ops)(*args, **kwargs))
        outputs += found
        expected.append((row, _expected(keras, row)))
    model = keras.Model(inputs, outputs)
    path = folder / "model.keras"
    model.save(path)
    ours = from_keras(path)
    with zipfile.ZipFile(path) as archive:
        their_config = json.loads(archive.read("config.json"))["config"]
    our_config = json.loads(json.dumps(serialize_object(ours)["config"]))
    if our_config != their_config:
        return f"config {_first_difference(our_config, their_config)}"
    recorded, theirs_recorded = _calls(_recorded(rows)), _calls(their_config)
    if recorded != theirs_recorded:
        return f"recorded {_first_difference(recorded, theirs_recorded)}"
    proto = ours.to_onnx() if opset is None else ours.to_onnx(opset=opset)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [i.name for i in session.get_inputs()]
    results = [np.asarray(r) for r in session.run(None, dict(zip(names, feed, strict=True)))]
    for row, theirs in expected:
        mine, results = results[: len(theirs)], results[len(theirs) :]
        found_difference = differences(mine, theirs, row.tolerance)
        if found_difference:
            return f"{row}: {found_difference}"
    return ""


def _recorded(rows: list[Row]) -> Any:
    """The config of the same model, built of our functions."""
    import portable_layers as pl
    from portable_layers.serialization import serialize_object

    inputs: list[Any] = []
    outputs: list[Any] = []
    for row in rows:

        def placeholder(x: X, row: Row = row) -> Any:
            shape = {"batch_shape": x.array.shape} if row.batch is None else {"shape": x.array.shape[1:]}
            inputs.append(pl.Input(**shape, dtype=dtypes.standardize(x.array.dtype), name=f"x{len(inputs)}"))
            return inputs[-1]

        args, kwargs = row.bound(placeholder)
        outputs += tree.flatten(row.find(pl.ops)(*args, **kwargs))
    return json.loads(json.dumps(serialize_object(pl.Model(inputs, outputs))["config"]))


def _calls(config: Any) -> list[Any]:
    """What is called with what in a functional config, without the names."""
    places = {layer["name"]: place for place, layer in enumerate(config["layers"])}

    def unnamed(x: Any) -> Any:
        if isinstance(x, dict):
            # The dtypes that Keras expects are not always those that TensorFlow gives.
            kept = {k: unnamed(v) for k, v in x.items() if k not in ("name", "shape", "dtype")}
            return kept
        if isinstance(x, list):
            return [unnamed(v) for v in x]
        return places.get(x, x) if isinstance(x, str) else x

    layers = []
    for layer in config["layers"]:
        own = {k: v for k, v in layer["config"].items() if k != "name"}
        layers.append([layer["class_name"], layer["module"], own, unnamed(layer["inbound_nodes"])])
    return layers


def _first_difference(a: Any, b: Any, path: str = "") -> str:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            if a.get(key, "missing") != b.get(key, "missing"):
                return _first_difference(a.get(key, "missing"), b.get(key, "missing"), f"{path}/{key}")
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (x, y) in enumerate(zip(a, b, strict=True)):
            if x != y:
                return _first_difference(x, y, f"{path}/{index}")
    return f"{path}: {a!r}, not {b!r}"
