"""What counts as the same output, and what does not."""

import json
import math

import ml_dtypes
import numpy as np
import pytest

from converters.comparison import Comparison, compare, tolerance_of


def one(a, b, tolerance=None):
    return compare("y", [(np.asarray(a), np.asarray(b))], tolerance)


def test_differences_are_relative_to_the_largest_magnitude():
    found = one(np.float32([0.0, -4.0]), np.float32([2e-4, -4.0]))
    assert found.largest_difference == pytest.approx(2e-4)
    assert found.relative_difference == pytest.approx(5e-5)
    assert found.passed
    assert not found.equal
    failing = one(np.float32([0.0, -1.0]), np.float32([2e-4, -1.0]))
    assert failing.problem == "differs by up to 0.0002, 0.0002 of its largest magnitude (tolerance 0.0001)"
    assert one(np.zeros(2), np.full(2, 1e-5)).relative_difference == 1e-5  # nothing to be relative to


@pytest.mark.parametrize(
    ("a", "b", "problem"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "has shape [3, 2], expected [2, 3]"),
        (np.zeros(2), np.zeros(2, np.float32), "is float32, expected float64"),
        (np.int32([1, 2]), np.int32([1, 5]), "differs in 1 of 2 integers, by up to 3"),
        (np.int64([2**63 - 1]), np.int64([-(2**63)]), f"differs in 1 of 1 integers, by up to {2**64 - 1}"),
        (np.array([True, False]), np.array([True, True]), "differs in 1 of 2 elements"),
        (np.array(["a", "b"], object), np.array(["a", "c"], object), "differs in 1 of 2 elements"),
        ([1.0, math.nan], [1.0, 2.0], "is NaN in 1 of 2 elements of the reference only"),
        ([1.0, 2.0], [math.nan, 2.0], "is NaN in 1 of 2 elements of the candidate only"),
        ([1.0, math.inf], [1.0, 2.0], "is infinite or too large in 1 elements"),
        ([math.inf], [-math.inf], "is infinite or too large in 1 elements"),
    ],
)
def test_what_never_passes(a, b, problem):
    found = one(a, b, tolerance=1e9)
    assert found.problem == problem
    assert not found.equal


@pytest.mark.parametrize(
    "a",
    [
        np.array([1.0, math.nan, -math.inf]),
        np.array([], np.float32),
        np.float32(3),
        np.array([1, 2], ml_dtypes.bfloat16),
        np.array([1 + 2j, math.nan]),
        np.array([["a", ""]], object),
        np.uint8([0, 255]),
    ],
)
def test_the_same_values_are_equal_in_every_dtype(a):
    found = one(a, a.copy(), tolerance=0)
    assert found.passed
    assert found.equal
    assert found.nans == (0 if a.dtype.kind in "OuV" else np.isnan(a).sum())


def test_half_precision_has_a_tolerance_of_its_own():
    assert tolerance_of(np.dtype(np.float16)) == pytest.approx(8 * 2**-10)
    assert tolerance_of(np.dtype(ml_dtypes.bfloat16)) == 8 * 2**-7
    assert tolerance_of(np.dtype(np.float64)) == 1e-4


def test_all_runs_count_and_share_one_magnitude():
    good, bad = (np.full(2, 10.0), np.full(2, 10.0)), (np.ones(3), np.full(3, 1.5))
    for pairs in ([good, bad], [bad, good]):
        found = compare("y", pairs)
        assert not found.passed
        assert (found.largest_difference, found.relative_difference) == (0.5, 0.05)
    assert compare("y", [good, (np.ones(2), np.ones(3))]).problem == "has shape [3], expected [2]"


def test_verdicts_and_json():
    same, close, wrong = one([1.0], [1.0]), one([1.0, math.nan], [1.00001, math.nan]), one([1.0], [math.nan])

    def verdict(*outputs):
        return Comparison("a", "b", outputs, 9, 0).verdict

    assert verdict(same) == "the same, bit for bit, over 9 samples"
    assert verdict(same, close) == (
        "the same: largest relative difference 1e-05, tolerance 0.0001, over 9 samples; 1 values are NaN on both sides"
    )
    assert verdict(close, wrong, wrong) == (
        "different: output 'y' is NaN in 1 of 1 elements of the candidate only (and 1 more outputs)"
    )
    document = json.loads(json.dumps(Comparison("a", "b", (wrong,), 9, 0).to_json(), allow_nan=False))
    assert document["passed"] is False
    assert document["outputs"][0]["largest_difference"] is None
