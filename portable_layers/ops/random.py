"""Random tensors that are drawn anew in each run of the graph (`keras.random`).

The numbers are not TensorFlow's, their distributions are. An operator gets a `seed` only where the
layer was given one, so that a run can be repeated; without one the runtime chooses.

Two habits of ONNX Runtime (seen up to 1.31) decide how they are drawn. It takes a Dropout out of the
graph, in training mode too, unless its mask is used: so only the mask is. And from opset 22 on it has
kernels of no random operator but Dropout: there numbers are made of random bits.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from portable_layers import dtypes, ops
from portable_layers.ops.dispatch import cast_to, convert, graph
from portable_layers.random import SeedGenerator
from portable_layers.tensor import Tensor

# How often each generator has been drawn from in each graph: every draw has a seed of its own.
_draws: weakref.WeakKeyDictionary[Any, dict[int, int]] = weakref.WeakKeyDictionary()
# The newest opset whose random operators ONNX Runtime runs.
_NEWEST_RANDOM = 21
_BITS = 24  # of the mantissa of a float32


def _seed(seed: int | SeedGenerator | None) -> int | None:
    """The next seed of a generator in this graph; None where the user gave none."""
    if not isinstance(seed, SeedGenerator):
        return None if seed is None else _spread(seed, 0)
    start = seed.get_config()["seed"]
    if start is None:
        return None
    counts = _draws.setdefault(graph().root, {})
    used = counts.get(id(seed), 0)
    counts[id(seed)] = used + 1
    return _spread(start, used)


def _spread(start: int, used: int) -> int:
    """A seed far from that of any other draw, an integer that float32 holds.

    ONNX Runtime's generator is linear: neighbouring seeds would give numbers that depend on each other.
    """
    sequence = np.random.SeedSequence((start & (2**64 - 1), used))
    return int(sequence.generate_state(1)[0]) >> 8


def random_mask(shape: Any, rate: float, seed: Any = None) -> Tensor:
    """True with probability `1 - rate`.

    Args:
        shape: sizes, or a floating tensor of that shape.
        rate: below 1.
        seed: an integer, a `SeedGenerator`, or None for the runtime's choice.
    """
    pattern = shape if isinstance(shape, Tensor) else ops.full(shape, 1, "float32")
    ratio, training = cast_to(float(rate), "float32"), graph().constant(True)
    return graph().add("Dropout", pattern, ratio, training, seed=_seed(seed), outputs=2)[1]


def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: str = "float32", seed: Any = None
) -> Tensor:
    """Values spread evenly over `[minval, maxval)`; arguments as of `random_mask`."""
    if graph().opset <= _NEWEST_RANDOM:
        return cast_to(_like("RandomUniformLike", shape, seed, low=float(minval), high=float(maxval)), dtype)
    drawn = _of_bits(_sizes(shape), seed) * float(maxval - minval)
    return cast_to(drawn + float(minval) if minval else drawn, dtype)


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: str = "float32", seed: Any = None
) -> Tensor:
    """Normally distributed values; arguments as of `random_mask`."""
    if graph().opset <= _NEWEST_RANDOM:
        return cast_to(_like("RandomNormalLike", shape, seed, mean=float(mean), scale=float(stddev)), dtype)
    both = _of_bits([*_sizes(shape), 2], seed)
    # Box and Muller: https://doi.org/10.1214/aoms/1177706645
    radius = ops.sqrt(-2.0 * ops.log(1.0 - both[..., 0]))
    return cast_to(radius * ops.cos(2 * np.pi * both[..., 1]) * float(stddev) + float(mean), dtype)


def _sizes(shape: Any) -> list:
    return list(shape.shape if isinstance(shape, Tensor) else shape)


def _like(op_type: str, shape: Any, seed: Any, **numbers: float) -> Tensor:
    pattern = shape if isinstance(shape, Tensor) else ops.full(shape, 0, "float32")
    start = _seed(seed)
    given: dict[str, Any] = {**numbers, "seed": None if start is None else float(start)}
    return graph().add(op_type, pattern, dtype=dtypes.to_onnx("float32"), shape=pattern.shape, **given)


def _of_bits(sizes: list, seed: Any) -> Tensor:
    """Values spread evenly over `[0, 1)`, each of as many random bits as a float32 holds."""
    bits = cast_to(random_mask([*sizes, _BITS], 0.5, seed), "float32")
    return ops.matmul(bits, (2.0 ** -np.arange(1, _BITS + 1)).astype(np.float32))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """Zeros in place of a share `rate` of the elements, the others divided by `1 - rate`.

    Args:
        noise_shape: sizes of the mask, which is broadcast: 1 along an axis drops whole slices of it;
            None is the size of the inputs.
    """
    x = convert(inputs)
    if rate >= 1:
        return ops.zeros_like(x)
    sizes = x.shape if noise_shape is None else noise_sizes(x, noise_shape)
    kept = random_mask(x if sizes == x.shape else sizes, rate, seed)
    return ops.where(kept, x * cast_to(1 / (1 - rate), x.dtype), cast_to(0, x.dtype))


def noise_sizes(x: Tensor, noise_shape: Any) -> tuple:
    """A `noise_shape` with the sizes of x in place of None.

    Raises:
        ValueError: where it has not the rank of x.
    """
    if len(noise_shape) != x.ndim:
        raise ValueError(
            f"noise_shape must have a size for each axis of {x!r}. Received: {tuple(noise_shape)}"
        )
    return tuple(n if m is None else m for n, m in zip(x.shape, noise_shape, strict=True))
