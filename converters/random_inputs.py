"""Seeded random inputs that a model takes: right in dtype and shape, indices within their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from portable_layers.errors import InputError
from runtime.signature import TensorInfo

# Which sizes are tried for axes of unknown size, other than the batch. The first ones are multiples of
# 32, since networks with skip connections halve their input up to five times.
SIZES = (32, 64, 128, 256, 16, 8, 4, 1)

# Attributes of layers that bound the integers that they take.
_BOUNDS = ("input_dim", "num_tokens")
# Layers and functions that move integers without changing them, so that a bound behind them counts.
_MOVERS = frozenset(
    "Cast Concatenate Cropping1D Dropout ExpandDims Flatten GetItem Identity Masking Permute "
    "RepeatVector Reshape Squeeze Stack Transpose ZeroPadding1D".split()
)
_WORDS = np.array(["", "a", "the", "layer", "Tensor", "grün", "3.14"], dtype=object)


def random_inputs(
    inputs: Sequence[TensorInfo],
    limits: Mapping[str, int],
    batch: int,
    size: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """One array an input.

    Args:
        inputs: of the model; optional ones are left out.
        limits: exclusive upper bounds of the integers in an input, by its name.
        batch: the size of a leading axis that is not fixed.
        size: that of every other such axis.
        rng: where the values come from; normal for floats, `[0, 10)` for integers without a bound, the
            whole range for bytes (images).

    Raises:
        InputError: for an input whose rank is not known.
    """
    arrays = {}
    for info in inputs:
        if not info.required:
            continue
        if info.shape is None:
            raise InputError(f"input {info.name!r} has no known rank; give inputs of your own")
        shape = tuple(
            n if isinstance(n, int) else (batch if axis == 0 else size) for axis, n in enumerate(info.shape)
        )
        arrays[info.name] = _values(info.dtype, shape, limits.get(info.name), rng)
    return arrays


def _values(
    dtype: np.dtype, shape: tuple[int, ...], limit: int | None, rng: np.random.Generator
) -> np.ndarray:
    if dtype.kind == "O":
        return rng.choice(_WORDS, shape)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if limit is not None:
        return rng.integers(0, max(limit, 1), shape).astype(dtype)
    if dtype.kind in "iu":
        return rng.integers(0, 256 if dtype == np.uint8 else 10, shape).astype(dtype)
    if dtype.kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def integer_limits(model: Any) -> dict[str, int]:
    """The exclusive upper bounds of the inputs of a model that lead to an Embedding or the like.

    Args:
        model: a functional or sequential model, Keras's or ours; they keep their graphs alike. For any
            other model nothing is known.
    """
    graph = _functional(model)
    limits = {}
    for tensor in getattr(graph, "inputs", None) or ():
        bounds = list(_bounds_behind(graph, tensor))
        if bounds:
            limits[tensor.name] = min(bounds)
    return limits


def _functional(model: Any) -> Any:
    return getattr(model, "_functional", None) or model


def _bounds_behind(graph: Any, start: Any) -> Iterable[int]:
    """The bounds of all layers that a tensor reaches unchanged."""
    pending, seen = [start], {id(start)}
    while pending:
        tensor = pending.pop()
        for operation in getattr(graph, "operations", ()):
            for node in operation._inbound_nodes:
                places = [i for i, x in enumerate(node.input_tensors) if x is tensor]
                if not places:
                    continue
                inner = _functional(operation)
                if getattr(inner, "inputs", None) and hasattr(inner, "operations"):
                    for place in places:
                        yield from _bounds_behind(inner, inner.inputs[place])
                    continue
                yield from _bounds(operation)
                if type(operation).__name__ in _MOVERS:
                    new = [x for x in node.outputs if id(x) not in seen]
                    seen.update(map(id, new))
                    pending += new


def _bounds(operation: Any) -> Iterable[int]:
    """The bounds of a layer and of the layers in it; of a layer with several the smallest is safe."""
    inside = operation._flatten_layers() if hasattr(operation, "_flatten_layers") else ()
    for layer in (operation, *inside):
        for attribute in _BOUNDS:
            bound = getattr(layer, attribute, None)
            if isinstance(bound, int) and bound > 0:
                yield bound
