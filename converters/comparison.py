"""How far apart two sets of outputs are, and whether that is close enough."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

DEFAULT_TOLERANCE = 1e-4
# Of half precision a whole network keeps this many units in the last place.
_HALF_STEPS = 8


@dataclass(frozen=True)
class OutputComparison:
    """One output of two models.

    Attributes:
        name: its name in the reference.
        shape: of the first run; None where it was not the same on both sides.
        dtype: in the reference; strings are `string`.
        largest_difference: the largest absolute difference; infinity where a value that is finite on
            one side is not on the other, None where there is none (other shapes, strings).
        relative_difference: the same, divided by the largest magnitude of the reference's output.
        equal: whether all elements are the same; NaN is the same as NaN.
        nans: how many elements are NaN on both sides.
        tolerance: up to which relative difference the output passes.
        problem: what is wrong; empty for an output that passes.
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str
    largest_difference: float | None
    relative_difference: float | None
    equal: bool
    nans: int
    tolerance: float
    problem: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem


@dataclass(frozen=True)
class Comparison:
    """What `verify` found.

    Attributes:
        reference, candidate: what was compared.
        outputs: one entry an output of the reference, in its order.
        samples: how many samples were run.
        seed: of the random inputs; None where they were given.
    """

    reference: str
    candidate: str
    outputs: tuple[OutputComparison, ...]
    samples: int
    seed: int | None

    @property
    def passed(self) -> bool:
        return all(output.passed for output in self.outputs)

    @property
    def verdict(self) -> str:
        """One line that says it."""
        if not self.passed:
            failed = [x for x in self.outputs if not x.passed]
            more = f" (and {len(failed) - 1} more outputs)" if len(failed) > 1 else ""
            return f"different: output {failed[0].name!r} {failed[0].problem}{more}"
        if all(output.equal for output in self.outputs):
            same = "the same, bit for bit"
        else:
            largest = max(output.relative_difference or 0.0 for output in self.outputs)
            tolerance = max(output.tolerance for output in self.outputs)
            same = f"the same: largest relative difference {largest:.2g}, tolerance {tolerance:.2g}"
        nans = sum(output.nans for output in self.outputs)
        note = f"; {nans} values are NaN on both sides" if nans else ""
        return f"{same}, over {self.samples} sample{'' if self.samples == 1 else 's'}{note}"

    def to_json(self) -> dict[str, Any]:
        """The comparison in JSON's types; an infinite difference is null, its `problem` says so."""
        document = dataclasses.asdict(self)
        for output, entry in zip(self.outputs, document["outputs"], strict=True):
            entry["passed"] = output.passed
            for key in ("largest_difference", "relative_difference"):
                if entry[key] is not None and not math.isfinite(entry[key]):
                    entry[key] = None
        return {**document, "passed": self.passed, "verdict": self.verdict}


def tolerance_of(dtype: np.dtype) -> float:
    """The relative difference that outputs of a dtype may have, where the caller names none."""
    if dtype == ml_dtypes.bfloat16 or dtype == np.float16:
        return _HALF_STEPS * float(ml_dtypes.finfo(dtype).eps)
    return DEFAULT_TOLERANCE


def compare(
    name: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]], tolerance: float | None = None
) -> OutputComparison:
    """Compare one output over several runs.

    Args:
        name: of the output.
        pairs: the reference's and the candidate's array of each run.
        tolerance: relative to the largest magnitude of the reference's output; by its dtype by default.
            Integers, booleans and strings must be equal whatever it is.
    """
    first = pairs[0][0]
    allowed = tolerance_of(first.dtype) if tolerance is None else tolerance
    shape: tuple[int, ...] | None = first.shape
    found = next(filter(None, (_mismatch(a, b) for a, b in pairs)), None)
    if found is None:
        # All runs at once, so that one magnitude is what all differences are relative to.
        a, b = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
        found = _compare(a, b, allowed)
    else:
        shape = first.shape if all(a.shape == b.shape for a, b in pairs) else None
    return OutputComparison(
        name=name,
        shape=shape,
        dtype=_name(first.dtype),
        largest_difference=found.largest,
        relative_difference=found.relative,
        equal=found.equal,
        nans=found.nans,
        tolerance=allowed,
        problem=found.problem,
    )


@dataclass(frozen=True)
class _Found:
    largest: float | None = None
    relative: float | None = None
    equal: bool = False
    nans: int = 0
    problem: str = ""


def _mismatch(a: np.ndarray, b: np.ndarray) -> _Found | None:
    """Why two arrays cannot be compared at all."""
    if a.shape != b.shape:
        return _Found(problem=f"has shape {list(b.shape)}, expected {list(a.shape)}")
    if a.dtype != b.dtype:
        return _Found(problem=f"is {_name(b.dtype)}, expected {_name(a.dtype)}")
    return None


def _compare(a: np.ndarray, b: np.ndarray, tolerance: float) -> _Found:
    if a.dtype.kind in "Ob":
        wrong = int((a != b).sum())
        problem = f"differs in {wrong} of {a.size} elements" if wrong else ""
        return _Found(equal=not wrong, problem=problem)
    if a.dtype.kind in "iu":
        return _compare_integers(a, b)
    return _compare_numbers(_wide(a), _wide(b), tolerance)


def _compare_integers(a: np.ndarray, b: np.ndarray) -> _Found:
    wrong = int((a != b).sum())
    if not wrong:
        return _Found(0.0, 0.0, equal=True)
    # Python's integers: those of numpy wrap around.
    largest = int(np.abs(a.astype(object) - b.astype(object)).max())
    scale = int(np.abs(a.astype(object)).max()) or 1
    problem = f"differs in {wrong} of {a.size} integers, by up to {largest}"
    return _Found(float(largest), largest / scale, problem=problem)


def _compare_numbers(a: np.ndarray, b: np.ndarray, tolerance: float) -> _Found:
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    nans = int((nan_a & nan_b).sum())
    if (one_sided := int((nan_a != nan_b).sum())) > 0:
        side = "the candidate" if (nan_b & ~nan_a).any() else "the reference"
        problem = f"is NaN in {one_sided} of {a.size} elements of {side} only"
        return _Found(math.inf, math.inf, nans=nans, problem=problem)
    same = (a == b) | nan_a
    if same.all():
        return _Found(0.0, 0.0, equal=True, nans=nans)
    with np.errstate(invalid="ignore", over="ignore"):
        largest = float(np.abs(np.where(same, 0, a - b)).max())
    if not math.isfinite(largest):
        problem = f"is infinite or too large in {int((~np.isfinite(a) | ~np.isfinite(b)).sum())} elements"
        return _Found(math.inf, math.inf, nans=nans, problem=problem)
    # Where the reference is zero throughout, nothing is there to be relative to.
    scale = float(np.abs(a[np.isfinite(a)]).max(initial=0.0)) or 1.0
    relative = largest / scale
    problem = ""
    if relative > tolerance:
        problem = (
            f"differs by up to {largest:.3g}, {relative:.2g} of its largest magnitude "
            f"(tolerance {tolerance:.2g})"
        )
    return _Found(largest, relative, nans=nans, problem=problem)


def _wide(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind == "c" else array.astype(np.float64)


def _name(dtype: np.dtype) -> str:
    return "string" if dtype.kind == "O" else dtype.name
