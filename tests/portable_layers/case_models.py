"""A declared case as two models: ours, and Keras's with the same weights."""

from __future__ import annotations

import functools
import itertools
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

import portable_layers as pl
from portable_layers import dtypes, tree
from portable_layers.cases import Array, Case
from portable_layers.layer import Layer
from portable_layers.model import Model
from portable_layers.registry import classes
from portable_layers.serialization import serialize_object
from runtime import InferenceEngine

# Relative to the largest output: an element near zero is the difference of large ones.
TOLERANCES = {
    "float32": 1e-5,
    # Attributes of ONNX operators (alpha, epsilon) are float32 numbers even here.
    "float64": 1e-7,
    "float16": 2e-2,
    "mixed_float16": 2e-2,
    "bfloat16": 5e-2,
    "mixed_bfloat16": 5e-2,
}
WORDS = ("", "a", "b", "the cat", "The Dog!", "été", "42")


@dataclass(frozen=True)
class NamedCase:
    """A layer class and its n-th case."""

    layer_class: type[Layer]
    number: int

    @property
    def case(self) -> Case:
        return self.layer_class.cases[self.number]

    def __str__(self) -> str:
        return f"{self.layer_class.__name__}-{self.number}"


def built_in_layers() -> list[type[Layer]]:
    """The layer classes of this package, each once."""
    found = {c: None for c in classes().values() if c.__module__.startswith("portable_layers.")}
    return sorted(found, key=lambda c: c.__name__)


def declared_cases() -> list[NamedCase]:
    return [NamedCase(c, i) for c in built_in_layers() if "cases" in c.__dict__ for i in range(len(c.cases))]


class Pair:
    """The models of one case under one dtype policy.

    Attributes:
        layer, model: ours.
        keras_layer, keras_model: Keras's, from our layer's config, with the same weights.
        policy: the dtype policy's name.
    """

    def __init__(self, keras: Any, named: NamedCase, policy: str = "float32"):
        self.keras, self.named, self.policy, self.case = keras, named, policy, named.case
        self.seed = zlib.crc32(str(named).encode())
        self.layer = named.layer_class(**self.arguments())
        self.keras_layer = keras.layers.deserialize(json_form(serialize_object(self.layer)))
        self.keras_model = self._around(keras, self.keras_layer)
        self.model: Any = self._around(pl, self.layer)
        self._weigh()

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments, layers among them new (a case is declared once, used often)."""
        arguments = tree.map_structure(_anew, dict(self.case.arguments))
        return {"name": "layer", "dtype": self.policy, **arguments}

    def keras_arguments(self) -> dict[str, Any]:
        """The same arguments for Keras's class."""

        def theirs(x: Any) -> Any:
            if hasattr(x, "get_config"):
                return self.keras.saving.deserialize_keras_object(serialize_object(x))
            return x

        return tree.map_structure(theirs, self.arguments())

    def _around(self, framework: Any, layer: Any) -> Any:
        inputs = [
            framework.Input(a.shape, dtype=a.dtype, name=f"in{i}") for i, a in enumerate(self.case.inputs)
        ]
        outputs = self.call(layer, inputs)
        return framework.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name="model")

    def call(self, layer: Any, inputs: list[Any]) -> Any:
        if self.case.as_list:
            return layer(inputs, **self.case.call)
        return layer(*inputs, **self.case.call)

    def _weigh(self) -> None:
        rng = np.random.default_rng(self.seed)
        variables = self.keras_model.weights
        values = [_random_weight(rng, v.path, np.asarray(v)) for v in variables]
        self.keras_model.set_weights(values)
        if hasattr(self.keras_layer, "finalize_state"):
            self.keras_layer.finalize_state()  # Normalization computes with copies of its weights
        # What Keras made of the values is what counts: it rounds them to the variables' dtypes.
        self.model.set_weights([_read(np.asarray(v), v.dtype) for v in variables])

    def data(self, batch: int, grow: int = 0) -> list[np.ndarray]:
        """Arrays for the inputs; `grow` is added to the sizes that are not fixed."""
        rng = np.random.default_rng([self.seed, batch, grow])
        return [_random_input(rng, a, batch, grow) for a in self.case.inputs]

    @functools.cache  # noqa: B019 - a pair lives as long as its tests
    def proto(self, opset: int | None = None) -> onnx.ModelProto:
        return self.model.to_onnx(opset)

    @functools.cache  # noqa: B019
    def _engine(self, opset: int | None) -> InferenceEngine:
        # ONNX Runtime has next to no bfloat16 kernels for the CPU.
        provider = "reference" if self.policy == "bfloat16" else "cpu"
        return InferenceEngine(self.proto(opset), providers=provider, threads=1)

    def exported(self, data: list[np.ndarray], opset: int | None = None) -> list[np.ndarray]:
        """What the exported file gives."""
        return run(self._engine(opset), data)

    def expected(self, data: list[np.ndarray]) -> list[np.ndarray]:
        """What Keras gives."""
        wanted = [a.dtype for a in self.case.inputs]
        tensors = [self.keras.ops.convert_to_tensor(*pair) for pair in zip(data, wanted, strict=True)]
        outputs = self.keras_model(tensors if len(tensors) > 1 else tensors[0], training=False)
        return [_read(np.asarray(y), y.dtype) for y in tree.flatten(outputs)]


def run(engine: InferenceEngine, data: list[np.ndarray]) -> list[np.ndarray]:
    """A model's outputs for arrays in the order of the inputs `in0`, `in1`, ..."""
    feed = {f"in{i}": x for i, x in enumerate(data) if f"in{i}" in {t.name for t in engine.inputs}}
    return list(engine.run(feed).values())


def assert_equal_outputs(ours: list[np.ndarray], theirs: list[np.ndarray], policy: str = "float32") -> None:
    """Same number, dtypes and shapes; numbers equal within the policy's tolerance, all else exactly."""
    assert [describe(y) for y in ours] == [describe(y) for y in theirs]
    for number, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        if not dtypes.is_float(describe(their)[0]):
            np.testing.assert_array_equal(our, their, err_msg=f"output {number}")
            continue
        wide, expected = our.astype(np.float64), their.astype(np.float64)
        finite = np.isfinite(expected)
        largest = np.abs(expected[finite]).max(initial=0.0)
        tolerance = TOLERANCES[policy]
        np.testing.assert_allclose(
            wide, expected, rtol=tolerance, atol=tolerance * largest, err_msg=f"output {number}"
        )


def describe(array: np.ndarray) -> tuple[str, tuple[int, ...]]:
    return dtypes.standardize(array.dtype), array.shape


def sizes(pair: Pair, data: list[np.ndarray]) -> Iterator[tuple[str, int]]:
    """The sizes that the names in the model's inputs stand for, with these data."""
    for tensor, array in zip(pair.model.inputs, data, strict=True):
        for dim, size in zip(tensor.dims, array.shape, strict=True):
            if not isinstance(dim, int):
                yield str(dim), size


def json_form(config: Any) -> Any:
    return json.loads(json.dumps(config))


def _anew(x: Any) -> Any:
    return type(x).from_config(x.get_config()) if isinstance(x, Layer) and not isinstance(x, Model) else x


def _read(array: np.ndarray, dtype: Any) -> np.ndarray:
    """An array of TensorFlow as we hold it: strings are str."""
    if array.dtype == object:
        return np.array([s.decode() for s in array.ravel()], object).reshape(array.shape)
    return array.view(dtypes.to_numpy(dtypes.standardize(dtype))) if array.dtype.kind == "V" else array


def _random_weight(rng: np.random.Generator, path: str, value: np.ndarray) -> np.ndarray:
    if not dtypes.is_float(dtypes.standardize(value.dtype)):
        return value  # counters and tables mean what they say
    if "variance" in path:
        return rng.uniform(0.5, 2.0, value.shape).astype(value.dtype)
    return rng.normal(0.0, 0.5, value.shape).astype(value.dtype)


def _random_input(rng: np.random.Generator, array: Array, batch: int, grow: int) -> np.ndarray:
    unknown = itertools.chain(array.sizes, (7, 9, 6)[len(array.sizes) :])
    shape = (batch, *(next(unknown) + grow if n is None else n for n in array.shape))
    if array.values:
        return np.array(array.values, object if array.dtype == "string" else array.dtype)[
            rng.integers(len(array.values), size=shape)
        ]
    if array.dtype == "string":
        return np.array(WORDS, object)[rng.integers(len(WORDS), size=shape)]
    if array.dtype == "bool":
        return rng.integers(2, size=shape).astype(bool)
    if dtypes.is_integer(array.dtype):
        return rng.integers(int(array.low), int(array.high), size=shape).astype(array.dtype)
    return rng.uniform(array.low, array.high, shape).astype(dtypes.to_numpy(array.dtype))
