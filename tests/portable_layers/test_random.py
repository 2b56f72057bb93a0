from __future__ import annotations

import random as python_random

import numpy as np
import pytest

from portable_layers import random
from portable_layers.random import SeedGenerator
from portable_layers.serialization import serialize_object


@pytest.mark.parametrize("seed", [None, 3, -1])
def test_the_config_of_a_seed_generator_is_that_of_keras(keras, seed):
    ours, theirs = SeedGenerator(seed, name="mine"), keras.random.SeedGenerator(seed, name="mine")
    assert serialize_object(ours) == keras.saving.serialize_keras_object(theirs)
    assert SeedGenerator.from_config(ours.get_config()).get_config() == ours.get_config()


def test_a_seed_that_is_no_integer_is_refused(keras):
    for cls in (keras.random.SeedGenerator, SeedGenerator):
        with pytest.raises(ValueError, match=r"Received: seed=1\.5"):
            cls(1.5)


def test_seeds_of_one_generator_differ_and_repeat_with_its_start():
    generator, again = SeedGenerator(3), SeedGenerator(3)
    seeds = [generator.next() for _ in range(5)]
    assert len(set(seeds)) == 5
    assert seeds == [again.next() for _ in range(5)]


def test_unseeded_draws_follow_the_seed_of_python():
    def draws():
        python_random.seed(0)
        return random.normal((3,)), SeedGenerator().next()

    first, second = draws(), draws()
    np.testing.assert_array_equal(first[0], second[0])
    assert first[1] == second[1]
    assert not np.array_equal(random.normal((3,)), random.normal((3,)))


@pytest.mark.parametrize("seed", [-1, 0, 2**40, -(2**63)])
def test_any_integer_is_a_seed(seed):
    np.testing.assert_array_equal(random.uniform((4,), seed=seed), random.uniform((4,), seed=seed))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("draw", [random.normal, random.truncated_normal, random.uniform])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_draws_have_the_shape_and_dtype_asked_for(draw, dtype, shape):
    values = draw(shape, dtype=dtype, seed=1)
    assert isinstance(values, np.ndarray)
    assert (values.shape, values.dtype.name) == (shape, dtype)


@pytest.mark.parametrize("draw", [random.normal, random.truncated_normal])
def test_normal_values_are_not_whole_numbers(draw):
    with pytest.raises(ValueError, match="dtype=int32"):
        draw((2,), dtype="int32")


def test_an_empty_range_of_whole_numbers_is_refused():
    with pytest.raises(ValueError, match=r"minval=-0\.05"):
        random.uniform((2,), -0.05, 0.05, "int32")
