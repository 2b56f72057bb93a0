from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

from portable_layers import constraints
from portable_layers.arrays import standardize_dtype
from portable_layers.errors import SerializationError

CONFIGURED = [
    ("NonNeg", {}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 1.5, "axis": 1}),
    ("MaxNorm", {"axis": [0, 1]}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": (0, 2)}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.5, "rate": 0.25, "axis": [0, 1]}),
    ("MinMaxNorm", {"min_value": 3.0, "max_value": 4, "axis": -1}),
]
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-6, "float64": 1e-12}


def weights(dtype="float32"):
    w = np.random.default_rng(0).normal(size=(3, 4, 5))
    w[:, 1, 1] = 0.0
    return w.astype(standardize_dtype(dtype))


def test_public_names_are_those_of_keras(keras):
    theirs = {name for name in dir(keras.constraints) if not name.startswith("_")}
    assert set(constraints.__all__) == theirs
    for name in theirs:
        if inspect.isclass(getattr(keras.constraints, name)):
            assert getattr(constraints, name).__name__ == getattr(keras.constraints, name).__name__


def test_get_knows_every_name_that_keras_get_knows(keras):
    from keras.src.constraints import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert type(constraints.get(name)).__name__ == cls.__name__


@pytest.mark.parametrize(("name", "arguments"), [("Constraint", {}), *CONFIGURED])
def test_config_is_that_of_keras_and_comes_back(keras, name, arguments):
    config = constraints.serialize(getattr(constraints, name)(**arguments))
    assert config == keras.constraints.serialize(getattr(keras.constraints, name)(**arguments))
    stored = json.loads(json.dumps(config))
    assert json.loads(json.dumps(constraints.serialize(constraints.deserialize(stored)))) == stored


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(("name", "arguments"), CONFIGURED)
def test_projection_is_that_of_keras_in_the_dtype_of_the_array(keras, name, arguments, dtype):
    projected = getattr(constraints, name)(**arguments)(weights(dtype))
    expected = np.asarray(getattr(keras.constraints, name)(**arguments)(weights(dtype)))
    assert projected.dtype == expected.dtype == standardize_dtype(dtype)
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(
        projected.astype("float64"), expected.astype("float64"), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize(
    "value", [np.array([[3, -4], [0, 1]]), [[3.0, -4.0], [0.0, 1.0]]], ids=["int", "list"]
)
@pytest.mark.parametrize("name", ["NonNeg", "MaxNorm", "UnitNorm", "MinMaxNorm"])
def test_integers_and_lists_get_the_dtype_that_keras_gives_them(keras, name, value):
    projected = getattr(constraints, name)()(value)
    expected = np.asarray(getattr(keras.constraints, name)()(value))
    assert projected.dtype == expected.dtype
    np.testing.assert_allclose(projected, expected, rtol=1e-6)


def test_norms_are_inside_after_the_projection():
    def norms(w):
        return np.linalg.norm(w.astype("float64"), axis=0)

    w = weights()
    assert norms(w).max() > 2.0
    assert norms(constraints.MaxNorm(2.0)(w)).max() < 2.0 + 1e-6
    unit = norms(constraints.UnitNorm()(w))
    assert unit[1, 1] == 0.0
    np.testing.assert_allclose(np.delete(unit, 6), 1.0, rtol=1e-6)
    inside = np.delete(norms(constraints.MinMaxNorm(1.0, 1.5)(w)), 6)
    assert inside.min() > 1.0 - 1e-6
    assert inside.max() < 1.5 + 1e-6


def test_get_takes_names_configs_classes_and_functions():
    def keep(w):
        return w

    assert constraints.get(None) is None
    assert constraints.get(keep) is keep
    assert isinstance(constraints.get(constraints.UnitNorm), constraints.UnitNorm)
    assert constraints.get({"class_name": "MaxNorm", "config": {"max_value": 3}}).max_value == 3
    with pytest.raises(SerializationError, match=r"Unknown constraint 'max_nrm'\. Did you mean 'max_norm'"):
        constraints.get("max_nrm")
