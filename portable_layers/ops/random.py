"""Random tensors that are drawn anew in each run of the graph (`keras.random`).

The numbers are not TensorFlow's, their distributions are. An operator gets a `seed` only where the
layer was given one, so that a run can be repeated; without one every session draws its own.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.creation import full
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.random import SeedGenerator
from portable_layers.tensor import Tensor

# How often each generator has been drawn from in each graph: every draw has a seed of its own.
_draws: weakref.WeakKeyDictionary[Any, dict[int, int]] = weakref.WeakKeyDictionary()


def _seed(seed: int | SeedGenerator | None) -> float | None:
    """The next seed of a generator in this graph, as ONNX wants it; None where the user gave none."""
    if not isinstance(seed, SeedGenerator):
        return None if seed is None else _spread(seed, 0)
    start = seed.get_config()["seed"]
    if start is None:
        return None
    counts = _draws.setdefault(graph().root, {})
    used = counts.get(id(seed), 0)
    counts[id(seed)] = used + 1
    return _spread(start, used)


def _spread(start: int, used: int) -> float:
    """A seed far from that of any other draw, an integer that float32 holds.

    ONNX Runtime's generator is linear: neighbouring seeds would give numbers that depend on each other.
    """
    sequence = np.random.SeedSequence((start & (2**64 - 1), used))
    return float(int(sequence.generate_state(1)[0]) >> 8)


def _like(op_type: str, shape: Any, dtype: str, seed: Any, **attributes: Any) -> Tensor:
    """A Random...Like operator for a shape whose sizes may be known only at run time."""
    pattern = shape if isinstance(shape, Tensor) else full(shape, 0, "float32")
    # ONNX Runtime draws float32 and float64.
    drawn = dtype if dtype == "float64" else "float32"
    y = graph().add(
        op_type, pattern, dtype=dtypes.to_onnx(drawn), seed=_seed(seed), shape=pattern.shape, **attributes
    )
    return cast_to(y, dtype)


def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: str = "float32", seed: Any = None
) -> Tensor:
    """Values spread evenly over `[minval, maxval)`.

    Args:
        shape: sizes, or a tensor of that shape.
        seed: an integer, a `SeedGenerator`, or None for other values in each session.
    """
    return _like("RandomUniformLike", shape, dtype, seed, low=float(minval), high=float(maxval))


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: str = "float32", seed: Any = None
) -> Tensor:
    """Normally distributed values; arguments as of `random_uniform`."""
    return _like("RandomNormalLike", shape, dtype, seed, mean=float(mean), scale=float(stddev))


@op("", "inputs")
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Zeros in place of a share `rate` of the elements, the others divided by `1 - rate`.

    Args:
        noise_shape: sizes of the mask, which is broadcast: 1 along an axis drops whole slices of it;
            None is the size of the inputs.
    """
    x = convert(inputs)
    if rate >= 1:
        return x * cast_to(0, x.dtype)
    sizes = None if noise_shape is None else [n if m is None else m for n, m in _aligned(x, noise_shape)]
    if sizes is None or tuple(sizes) == x.shape:
        return _dropout(x, rate, seed)
    return graph().add("Mul", x, _dropout(full(sizes, 1, x.dtype), rate, seed), shape=x.shape)


def _dropout(x: Tensor, rate: float, seed: Any) -> Tensor:
    ratio, training = cast_to(float(rate), "float32"), graph().constant(True)
    return graph().add("Dropout", x, ratio, training, seed=None if (s := _seed(seed)) is None else int(s))


def _aligned(x: Tensor, noise_shape: Any) -> list[tuple[Any, Any]]:
    if len(noise_shape) != x.ndim:
        raise ValueError(
            f"noise_shape must have a size for each axis of {x!r}. Received: {tuple(noise_shape)}"
        )
    return list(zip(x.shape, noise_shape, strict=True))
