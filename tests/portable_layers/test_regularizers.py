from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

from portable_layers import regularizers
from portable_layers.arrays import standardize_dtype
from portable_layers.errors import SerializationError

CONFIGURED = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L1", {"l1": None}),
    ("L2", {}),
    ("L2", {"l2": 3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1, "l2": 0.3}),
    ("L1L2", {"l1": None, "l2": 0.3}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
]
TOLERANCE = {"float16": 2e-3, "bfloat16": 1e-2, "float32": 1e-6, "float64": 1e-12}


def weights(dtype="float32", shape=(4, 6)):
    return np.random.default_rng(0).normal(size=shape).astype(standardize_dtype(dtype))


def test_public_names_are_those_of_keras(keras):
    theirs = {name for name in dir(keras.regularizers) if not name.startswith("_")}
    assert set(regularizers.__all__) == theirs
    for name in theirs:
        if inspect.isclass(getattr(keras.regularizers, name)):
            assert getattr(regularizers, name).__name__ == getattr(keras.regularizers, name).__name__


def test_get_knows_every_name_that_keras_get_knows(keras):
    from keras.src.regularizers import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert type(regularizers.get(name)).__name__ == cls.__name__
    assert isinstance(regularizers.get("l1_l2"), regularizers.L1L2)  # documented by Keras, unknown to its get


@pytest.mark.parametrize(("name", "arguments"), CONFIGURED)
def test_config_is_that_of_keras_and_comes_back(keras, name, arguments):
    config = regularizers.serialize(getattr(regularizers, name)(**arguments))
    assert config == keras.regularizers.serialize(getattr(keras.regularizers, name)(**arguments))
    stored = json.loads(json.dumps(config))
    assert regularizers.serialize(regularizers.deserialize(stored)) == config


@pytest.mark.parametrize(
    ("name", "arguments", "dtype"),
    # Keras on TensorFlow computes OrthogonalRegularizer in float32 only.
    [
        (*x, dtype)
        for x in CONFIGURED
        for dtype in TOLERANCE
        if dtype == "float32" or "Orthogonal" not in x[0]
    ],
)
def test_penalty_is_that_of_keras_in_the_dtype_of_the_array(keras, name, arguments, dtype):
    penalty = getattr(regularizers, name)(**arguments)(weights(dtype))
    tensor = keras.ops.convert_to_tensor(weights(dtype))
    expected = getattr(keras.regularizers, name)(**arguments)(tensor)
    assert np.shape(penalty) == expected.shape == ()
    assert penalty.dtype.name == keras.backend.standardize_dtype(expected.dtype) == dtype
    # Order of summation, and for 16 bits TensorFlow's own choice of where to round.
    expected = np.float64(keras.ops.cast(expected, "float64"))
    np.testing.assert_allclose(np.float64(penalty), expected, rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_orthogonal_penalty_in_other_dtypes_is_that_of_float32(dtype):
    w = weights(dtype)
    penalty = regularizers.OrthogonalRegularizer(0.5)(w)
    assert penalty.dtype == w.dtype
    expected = regularizers.OrthogonalRegularizer(0.5)(w.astype("float32"))
    np.testing.assert_allclose(np.float64(penalty), expected, rtol=max(TOLERANCE[dtype], 1e-6))


def test_orthogonal_penalty_of_perpendicular_rows_is_zero_and_of_equal_rows_the_factor():
    regularizer = regularizers.OrthogonalRegularizer(0.5)
    assert regularizer(np.eye(3, dtype="float32")) == 0.0
    assert regularizer(np.ones((3, 2), "float32")) == pytest.approx(0.5)
    assert regularizer(np.zeros((3, 2), "float32")) == 0.0


@pytest.mark.parametrize(
    "make",
    [
        lambda r: r.L1(-1.0),
        lambda r: r.L2("a"),
        lambda r: r.L1L2(l1=float("inf")),
        lambda r: r.L2(float("nan")),
        lambda r: r.L1(np.float32(0.1)),
        lambda r: r.OrthogonalRegularizer(-0.1),
        lambda r: r.OrthogonalRegularizer(mode="diagonal"),
        lambda r: r.OrthogonalRegularizer()(np.ones(3, "float32")),
    ],
)
def test_what_keras_refuses_is_refused_with_what_was_received(keras, make):
    for module in (keras.regularizers, regularizers):
        with pytest.raises(ValueError, match="Received"):
            make(module)


def test_an_integer_array_is_refused_where_keras_would_answer_zero():
    with pytest.raises(ValueError, match="dtype=int64"):
        regularizers.L1()(np.array([1, 2]))


def test_one_row_is_refused_where_keras_would_answer_nan():
    with pytest.raises(ValueError, match="no pair"):
        regularizers.OrthogonalRegularizer()(np.ones((1, 3), "float32"))


def test_get_takes_names_configs_classes_and_functions():
    def penalty(x):
        return 0.0

    assert regularizers.get(None) is None
    assert regularizers.get(penalty) is penalty
    assert isinstance(regularizers.get(regularizers.L2), regularizers.L2)
    assert regularizers.get({"class_name": "L2", "config": {"l2": 0.5}}).l2 == 0.5
    with pytest.raises(SerializationError, match="Unknown regularizer 'l3'"):
        regularizers.get("l3")
