"""Whether two models give the same outputs for the same inputs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from converters.comparison import Comparison, compare, tolerance_of
from converters.random_inputs import SIZES, integer_limits, random_inputs
from converters.subjects import Subject, subject_of
from portable_layers import dtypes
from portable_layers.errors import InputError
from portable_layers.model import Model, layer_paths
from runtime.array_files import read_inputs
from runtime.signature import Signature

Arrays = Mapping[str, np.ndarray]
Inputs = Mapping[str, Any] | str | os.PathLike[str]
Outputs = tuple[list[str], list[np.ndarray]]


def verify(
    reference: Any,
    candidate: Any,
    inputs: Inputs | None = None,
    samples: int = 8,
    seed: int = 0,
    tolerance: float | None = None,
    *,
    provider: Any = "cpu",
) -> Comparison:
    """Run two models on the same inputs and compare what comes out.

    The inputs are random, and seeded: a batch of `samples`, and one sample alone where the batch size
    is not fixed. Other sizes that are not fixed are the smallest of a few usual ones that the reference
    takes. Integers that an Embedding looks up stay within its table.

    Args:
        reference: what is right: a live Keras model, a portable model, or the path of a `.keras` or an
            ONNX file.
        candidate: what is to be checked; of the same kinds.
        inputs: arrays by input name, or the path of an .npz file of them, in place of random ones.
        samples: how many samples a batch of random inputs has.
        seed: of the random inputs.
        tolerance: the largest relative difference that passes, relative to the largest magnitude of the
            output in the reference. By default 1e-4, and 8 units in the last place for models that
            compute in half precision. Integers, booleans and strings must be equal.
        provider: what executes ONNX models; see `InferenceEngine`.

    Raises:
        InputError: the inputs do not fit, or the models have different inputs or numbers of outputs.
        ArchiveError, MissingDependencyError, ...: a model cannot be loaded.
    """
    if samples < 1:
        raise InputError(f"samples must be a positive number. Received: samples={samples}")
    if tolerance is not None and not tolerance >= 0:
        raise InputError(f"tolerance must be a number from 0 on. Received: tolerance={tolerance}")
    right = subject_of(reference, provider)
    try:
        left = subject_of(candidate, provider)
        try:
            return _verify(right, left, inputs, samples, seed, tolerance)
        finally:
            left.close()
    finally:
        right.close()


def _verify(
    reference: Subject,
    candidate: Subject,
    inputs: Inputs | None,
    samples: int,
    seed: int,
    tolerance: float | None,
) -> Comparison:
    names = _matched_inputs(reference, candidate)
    runs: list[tuple[Outputs, Outputs]] = []
    count = 0
    for feed, expected in _expected(reference, inputs, samples, seed):
        found = candidate.run({names[name]: array for name, array in feed.items()})
        runs.append((expected, found))
        count += max((len(array) for array in feed.values() if array.ndim), default=1)
    order = _matched_outputs(reference, candidate, runs[0])
    if tolerance is None:
        tolerance = _default_tolerance(reference.graph, runs[0][0][1])
    outputs = tuple(
        compare(name, [(a[1][i], b[1][order[i]]) for a, b in runs], tolerance)
        for i, name in enumerate(runs[0][0][0])
    )
    return Comparison(reference.label, candidate.label, outputs, count, seed if inputs is None else None)


def _expected(
    reference: Subject, inputs: Inputs | None, samples: int, seed: int
) -> Iterator[tuple[Arrays, Outputs]]:
    """The inputs of each run, and what the reference makes of them."""
    if inputs is not None:
        if isinstance(inputs, str | os.PathLike):
            inputs = read_inputs(inputs, reference.inputs)
        feed = Signature(reference.inputs).check(inputs)
        yield feed, reference.run(feed)
        return
    limits = integer_limits(reference.graph) if reference.graph is not None else {}
    rng = np.random.default_rng(seed)
    shapes = [info.shape or () for info in reference.inputs]
    sizes = list(SIZES) if any(not isinstance(n, int) for shape in shapes for n in shape[1:]) else [1]
    batches = [samples, 1] if any(s and not isinstance(s[0], int) for s in shapes) else [samples]
    for batch in dict.fromkeys(batches):
        while True:
            feed = random_inputs(reference.inputs, limits, batch, sizes[0], rng)
            try:
                outputs = reference.run(feed)
                break
            except Exception as error:  # a size that does not fit fails in each runtime's own way
                if len(sizes) == 1:
                    reason = " ".join(str(error).split())
                    raise InputError(
                        f"{reference.label} does not run on random inputs; give inputs of your own: {reason}"
                    ) from error
                sizes.pop(0)
        yield feed, outputs


def _matched_inputs(reference: Subject, candidate: Subject) -> dict[str, str]:
    """The candidate's name of each input of the reference: the same one, or that at its place."""
    ours = [info.name for info in reference.inputs if info.required]
    theirs = [info.name for info in candidate.inputs if info.required]
    if set(ours) == set(theirs):
        return {name: name for name in ours}
    if len(ours) == len(theirs):
        return dict(zip(ours, theirs, strict=True))
    raise InputError(
        f"{reference.label} takes {', '.join(ours) or 'nothing'}; "
        f"{candidate.label} takes {', '.join(theirs) or 'nothing'}"
    )


def _matched_outputs(reference: Subject, candidate: Subject, run: tuple[Outputs, Outputs]) -> list[int]:
    """For each output of the reference, the place of the candidate's."""
    (ours, _), (theirs, _) = run
    if len(ours) != len(theirs):
        raise InputError(
            f"{reference.label} gives {len(ours)} outputs ({', '.join(ours)}); "
            f"{candidate.label} gives {len(theirs)} ({', '.join(theirs)})"
        )
    if set(ours) == set(theirs) and len(set(ours)) == len(ours):
        return [theirs.index(name) for name in ours]
    return list(range(len(ours)))


def _default_tolerance(graph: Any, outputs: list[np.ndarray]) -> float:
    """By the coarsest dtype of the outputs and of what the layers compute in."""
    found = [array.dtype for array in outputs]
    if graph is not None:
        layers = [layer for _, layer in layer_paths(graph)] if isinstance(graph, Model) else graph.layers
        names = [getattr(layer, "compute_dtype", None) for layer in layers]
        found += [dtypes.to_numpy(name) for name in names if isinstance(name, str)]
    return max(map(tolerance_of, found))
