from __future__ import annotations

import inspect
import json
import math

import ml_dtypes
import numpy as np
import pytest
from scipy.stats import ks_2samp

from portable_layers import initializers
from portable_layers.errors import SerializationError
from portable_layers.initializers.random_initializers import compute_fans
from portable_layers.random import SeedGenerator

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)

CONFIGURED = [
    ("Zeros", {}),
    ("Ones", {}),
    ("Constant", {}),
    ("Constant", {"value": 2}),
    ("Constant", {"value": np.array([1.0, 2.0])}),
    ("Constant", {"value": np.float32(0.1)}),
    ("Constant", {"value": (1, 2)}),
    ("Identity", {"gain": 2.0}),
    ("STFT", {"side": "imag", "window": "hamming", "scaling": None, "periodic": True}),
    ("STFT", {"window": [1.0, 2.0]}),
    ("STFT", {"window": np.array([1.0, 2.0])}),
    ("RandomNormal", {"mean": 1.0, "stddev": 0.5, "seed": 3}),
    ("RandomUniform", {"minval": 1.0, "maxval": 2.0}),
    ("TruncatedNormal", {"stddev": 0.1, "seed": 0}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "Normal"}),
    ("VarianceScaling", {"distribution": "uniform", "input_axes": (0,), "output_axes": [1]}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {"seed": 1}),
    ("LecunNormal", {"input_axes": [0], "output_axes": [1, 2]}),
    ("LecunUniform", {"seed": 2}),
    ("HeNormal", {"seed": True}),
    ("HeUniform", {"seed": -5}),
    ("Orthogonal", {"gain": 2.0, "seed": 4}),
]


def test_public_names_are_those_of_keras(keras):
    theirs = {name for name in dir(keras.initializers) if not name.startswith("_")}
    assert set(initializers.__all__) == theirs
    assert all(hasattr(initializers, name) for name in theirs)


def test_an_alias_is_the_class_that_it_is_in_keras(keras):
    for name in initializers.__all__:
        theirs, ours = getattr(keras.initializers, name), getattr(initializers, name)
        if inspect.isclass(theirs):
            assert ours.__name__ == theirs.__name__, name


def test_get_knows_every_name_that_keras_get_knows(keras):
    from keras.src.initializers import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert type(initializers.get(name)).__name__ == cls.__name__


def test_constructors_take_the_arguments_and_defaults_of_keras(keras):
    for name in initializers.__all__:
        theirs = getattr(keras.initializers, name)
        if inspect.isclass(theirs):
            expected = [(x.name, x.default) for x in inspect.signature(theirs).parameters.values()]
            parameters = inspect.signature(getattr(initializers, name)).parameters.values()
            assert [(x.name, x.default) for x in parameters] == expected, name


@pytest.mark.parametrize(("name", "arguments"), CONFIGURED)
def test_config_is_that_of_keras_and_comes_back(keras, name, arguments):
    ours = getattr(initializers, name)(**arguments)
    theirs = getattr(keras.initializers, name)(**arguments)
    config = initializers.serialize(ours)
    assert config == keras.initializers.serialize(theirs)

    stored = json.loads(json.dumps(config))
    assert json.loads(json.dumps(initializers.serialize(initializers.deserialize(stored)))) == stored
    assert isinstance(keras.initializers.deserialize(stored), type(theirs))


def test_clone_has_the_same_config_and_is_another_object():
    original = initializers.VarianceScaling(scale=3.0, seed=1)
    clone = original.clone()
    assert clone is not original
    assert clone.get_config() == original.get_config()


@pytest.mark.parametrize(
    "dtype", [None, "float16", "bfloat16", "float32", "float64", "int32", "uint8", "bool"]
)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Zeros", {}),
        ("Ones", {}),
        ("Constant", {"value": 0.1}),
        ("Constant", {"value": 2.7}),
        ("Constant", {"value": True}),
        ("Constant", {"value": [0.1, 1.5, 3.0]}),
        ("Constant", {"value": np.array([0.1, 7.25, 3.0])}),
    ],
)
def test_constants_equal_keras_to_the_bit(keras, name, arguments, dtype):
    ours = getattr(initializers, name)(**arguments)((2, 3), dtype)
    theirs = np.asarray(getattr(keras.initializers, name)(**arguments)((2, 3), dtype))
    assert ours.dtype == theirs.dtype
    assert ours.shape == (2, 3)
    np.testing.assert_array_equal(ours, theirs)


def test_a_constant_is_cut_to_a_whole_number_as_in_keras(keras):
    expected = np.asarray(keras.initializers.Constant(-2.7)((1,), "int32"))
    np.testing.assert_array_equal(initializers.Constant(-2.7)((1,), "int32"), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_identity_equals_keras_to_the_bit(keras, shape, dtype):
    ours = initializers.Identity(0.1)(shape, dtype)
    theirs = np.asarray(keras.initializers.Identity(0.1)(shape, dtype))
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_identity_of_whole_numbers_takes_a_whole_gain():
    np.testing.assert_array_equal(initializers.Identity(2)((2, 2), "int32"), np.eye(2, dtype="int32") * 2)
    with pytest.raises(ValueError, match=r"gain=2\.5"):
        initializers.Identity(2.5)((2, 2), "int32")


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 2e-3), ("float32", 1e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("scaling", [None, "density", "spectrum"])
@pytest.mark.parametrize("window", [None, "hann", "kaiser-like"])
@pytest.mark.parametrize("side", ["real", "imag"])
def test_stft_kernel_is_that_of_keras(keras, side, window, scaling, dtype, tolerance):
    values = np.kaiser(32, 8.0) if window == "kaiser-like" else window
    arguments = {"side": side, "window": values, "scaling": scaling, "periodic": True}
    ours = initializers.STFT(**arguments)((32, 1, 33), dtype)
    theirs = np.asarray(keras.initializers.STFT(**arguments)((32, 1, 33), dtype))
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    # The steps are rounded as in Keras; NumPy's and TensorFlow's sine and cosine differ in the last bit.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


SHAPE = (200, 300)
COUNT = math.prod(SHAPE)


@pytest.mark.parametrize(
    ("initializer", "mean", "stddev", "bound"),
    [
        (initializers.RandomNormal(1.0, 0.5, seed=1), 1.0, 0.5, math.inf),
        (initializers.TruncatedNormal(1.0, 0.5, seed=1), 1.0, 0.5 * 0.8796, 1.0),
        (initializers.RandomUniform(-1.0, 3.0, seed=1), 1.0, 4 / math.sqrt(12), 2.0),
        (initializers.GlorotUniform(seed=1), 0.0, math.sqrt(2 / 500), math.sqrt(6 / 500)),
        (initializers.GlorotNormal(seed=1), 0.0, math.sqrt(2 / 500), 2 * math.sqrt(2 / 500) / 0.8796),
        (initializers.LecunUniform(seed=1), 0.0, math.sqrt(1 / 200), math.sqrt(3 / 200)),
        (initializers.LecunNormal(seed=1), 0.0, math.sqrt(1 / 200), 2 * math.sqrt(1 / 200) / 0.8796),
        (initializers.HeUniform(seed=1), 0.0, math.sqrt(2 / 200), math.sqrt(6 / 200)),
        (initializers.HeNormal(seed=1), 0.0, math.sqrt(2 / 200), 2 * math.sqrt(2 / 200) / 0.8796),
        (initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal", 1), 0.0, 0.1, math.inf),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, initializers.Initializer) else None,
)
def test_random_values_have_the_distribution_of_the_definition(keras, initializer, mean, stddev, bound):
    """Moments within five standard errors, hard bounds, and Kolmogorov-Smirnov against Keras."""
    values = initializer(SHAPE)
    theirs = np.asarray(keras.initializers.deserialize(initializers.serialize(initializer))(SHAPE))
    assert values.dtype == np.float32
    for drawn in (values, theirs):
        assert abs(drawn.mean() - mean) < 5 * stddev / math.sqrt(COUNT)
        assert abs(drawn.std() / stddev - 1) < 5 / math.sqrt(2 * COUNT)
        assert np.abs(drawn - mean).max() <= bound * 1.0001
    if bound < math.inf:
        assert np.abs(values - mean).max() > 0.99 * bound
    assert ks_2samp(values.ravel(), theirs.ravel()).statistic < 2 * math.sqrt(2 / COUNT)


@pytest.mark.parametrize("axes", [(None, None), ([0], None), ([0], [-1]), ([0, 1], [-1])])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_fans_are_those_of_keras(keras, shape, axes):
    from keras.src.initializers.random_initializers import compute_fans as theirs

    for some in (shape, (7,), ()) if axes == (None, None) else (shape,):
        assert compute_fans(some, *axes) == theirs(some, *axes)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (3, 3, 2, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_orthogonal_rows_or_columns_have_length_gain_and_are_perpendicular(shape, dtype):
    values = initializers.Orthogonal(gain=3.0, seed=5)(shape, dtype)
    assert values.shape == shape
    matrix = values.astype("float64").reshape(-1, shape[-1]) / 3.0
    product = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    tolerance = {"float32": 1e-6, "float64": 1e-12, "bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(product, np.eye(len(product)), atol=tolerance)


def test_orthogonal_matrices_are_not_biased_to_one_sign():
    diagonals = [np.diag(initializers.Orthogonal(seed=seed)((3, 3))) for seed in range(300)]
    assert abs(np.mean(np.array(diagonals) > 0) - 0.5) < 0.1


def test_an_integer_seed_gives_the_same_array_at_each_call():
    first, again = initializers.HeNormal(seed=7), initializers.HeNormal(seed=7)
    np.testing.assert_array_equal(first((4, 5)), first((4, 5)))
    np.testing.assert_array_equal(first((4, 5)), again((4, 5)))
    assert not np.array_equal(first((4, 5)), initializers.HeNormal(seed=8)((4, 5)))


def test_no_seed_gives_each_initializer_a_seed_of_its_own():
    one, other = initializers.HeNormal(), initializers.HeNormal()
    assert not np.array_equal(one((4, 5)), other((4, 5)))
    np.testing.assert_array_equal(one((4, 5)), one((4, 5)))
    assert one.get_config()["seed"] is None


def test_a_seed_generator_gives_another_array_at_each_call_and_the_same_sequence_again():
    def draws():
        initializer = initializers.HeNormal(seed=SeedGenerator(3))
        return initializer((4, 5)), initializer((4, 5))

    first, second = draws()
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(draws(), (first, second))
    np.testing.assert_array_equal(first, initializers.HeNormal(seed=3)((4, 5)))


def test_a_seed_generator_in_a_keras_config_comes_back(keras):
    theirs = keras.initializers.HeNormal(seed=keras.random.SeedGenerator(3, name="mine"))
    config = keras.initializers.serialize(theirs)
    ours = initializers.deserialize(config)
    assert isinstance(ours.seed, SeedGenerator)
    assert initializers.serialize(ours) == config


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda i: i.RandomNormal(seed=1.5), "seed=1.5"),
        (lambda i: i.VarianceScaling(scale=0.0), "scale=0.0"),
        (lambda i: i.VarianceScaling(mode="fan"), "mode=fan|argument: fan"),
        (lambda i: i.VarianceScaling(distribution="cauchy"), "cauchy"),
        (lambda i: i.STFT(side="left"), "left"),
        (lambda i: i.STFT(window="kaiser"), "kaiser"),
        (lambda i: i.STFT(scaling="loud"), "loud"),
        (lambda i: i.Identity()((2, 2, 2)), "2D"),
        (lambda i: i.Orthogonal()((3,)), "two-dimensional"),
        (lambda i: i.STFT(window=[1.0, 2.0])((3, 1, 3)), "window"),
        (lambda i: i.Zeros()((2, None)), "mixed types|None"),
        (lambda i: i.Zeros()((2,), "object"), "dtype"),
        (lambda i: i.get("he_norml"), "he_norml"),
        (lambda i: i.get(3), "3"),
        (lambda i: i.get(np.ones((2, 2)))((2, 3)), r"\(2, 2\)"),
    ],
)
def test_what_keras_refuses_is_refused_with_what_was_received(keras, make, message):
    with pytest.raises(ValueError, match=message):
        make(keras.initializers)
    with pytest.raises(ValueError, match=message):
        make(initializers)


@pytest.mark.parametrize(
    "make", [lambda: initializers.HeNormal()((2,), "int32"), lambda: initializers.Zeros(3)]
)
def test_what_keras_refuses_by_another_error_is_refused(make):
    with pytest.raises((ValueError, TypeError)):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: initializers.Constant([[1.0], [2.0]])((3,)),
        lambda: initializers.STFT()((4, 1, 1)),
        lambda: initializers.STFT()((4, 1, 3), "int32"),
        lambda: initializers.Zeros()((-1,)),
    ],
)
def test_what_keras_answers_with_another_shape_or_nan_is_refused(make):
    with pytest.raises(ValueError, match="Received"):
        make()


def test_the_signature_of_a_class_is_its_constructor_and_of_an_object_its_call():
    assert list(inspect.signature(initializers.HeNormal).parameters) == ["seed", "input_axes", "output_axes"]
    assert list(inspect.signature(initializers.HeNormal()).parameters) == ["shape", "dtype"]


def test_get_takes_names_configs_classes_functions_and_arrays():
    def ramp(shape, dtype=None):
        return np.arange(math.prod(shape), dtype=dtype).reshape(shape)

    assert initializers.get(None) is None
    assert isinstance(initializers.get("he_normal"), initializers.HeNormal)
    assert initializers.get({"class_name": "Constant", "config": {"value": 3}})((2,)).tolist() == [3, 3]
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    assert initializers.get(ramp) is ramp
    given = initializers.get(np.array([1.5, 2.5]))
    assert given((2,)).dtype == np.float32
    assert given((2,), "bfloat16").dtype == BFLOAT16


def test_a_custom_class_is_found_by_custom_objects_only():
    class Ramp(initializers.Initializer):
        def __init__(self, step=1.0):
            super().__init__()
            self.step = step

    config = initializers.serialize(Ramp(2.0))
    assert config["registered_name"] == "Ramp"
    assert config["module"] == __name__
    assert initializers.deserialize(config, {"Ramp": Ramp}).step == 2.0
    with pytest.raises(SerializationError, match="Unknown initializer 'Ramp'"):
        initializers.deserialize(config)


def test_uniform_whole_numbers_fill_the_range():
    values = initializers.RandomUniform(0, 4, seed=1)((400,), "int32")
    assert values.dtype == np.int32
    assert set(values.tolist()) == {0, 1, 2, 3}
