"""Losses of single elements or samples (`keras.ops.nn`)."""

from __future__ import annotations

from typing import Any

from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axis, op
from portable_layers.ops.elementwise import as_float, scalar
from portable_layers.ops.exponential import log1p_of, log10
from portable_layers.ops.indexing import take_along_axis
from portable_layers.ops.nn_activations import log_softmax
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import expand_dims, squeeze
from portable_layers.tensor import Tensor

# keras.backend.epsilon(): probabilities are kept so far away from 0 and 1.
EPSILON = 1e-7


def _held(probabilities: Tensor) -> Tensor:
    low, high = scalar(EPSILON, probabilities), scalar(1 - EPSILON, probabilities)
    return graph().add("Clip", probabilities, low, high)


@op("nn.BinaryCrossentropy", "target", "output")
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """`-target * log(p) - (1 - target) * log(1 - p)`, element by element.

    Args:
        output: the probabilities p, or their logits.

    Raises:
        ValueError: for tensors of different rank.
    """
    y = as_float(output)
    t = _same_rank("binary_crossentropy", cast_to(target, y.dtype), y)
    g = graph()
    one = scalar(1, y)
    if from_logits:
        # max(y, 0) - y * t + log(1 + exp(-|y|)) does not overflow.
        tail = log1p_of(g.add("Exp", g.add("Neg", g.add("Abs", y))))
        return g.add("Add", g.add("Sub", g.add("Relu", y), g.add("Mul", y, t)), tail)
    p = _held(y)
    hit = g.add("Mul", t, g.add("Log", p))
    missed = g.add("Mul", g.add("Sub", one, t), g.add("Log", g.add("Sub", one, p)))
    return g.add("Neg", g.add("Add", hit, missed))


@op("nn.CategoricalCrossentropy", "target", "output")
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """`-sum(target * log(p))` over the classes, in an axis.

    Args:
        output: the probabilities p (divided by their sum here), or their logits.

    Raises:
        ValueError: for tensors of different rank.
    """
    y = as_float(output)
    t = _same_rank("categorical_crossentropy", cast_to(target, y.dtype), y)
    g = graph()
    if from_logits:
        logs = log_softmax(y, axis)
    else:
        logs = g.add("Log", _held(g.add("Div", y, reduce("ReduceSum", y, axis, True))))
    return g.add("Neg", reduce("ReduceSum", g.add("Mul", t, logs), axis))


@op("nn.SparseCategoricalCrossentropy", "target", "output")
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """`-log(p[target])` for classes given by number.

    Args:
        target: of the output's shape without the classes, or with one axis of size 1 in their place.
        output: the probabilities p, or their logits; the classes in the last axis.

    Raises:
        ValueError: for shapes that do not fit, or another axis.
    """
    y = as_float(output)
    if normalize_axis(axis, y.ndim) != y.ndim - 1:
        raise ValueError(f"the classes must be in the last axis. Received: axis={axis} for {y!r}")
    t = cast_to(target, "int64")
    if t.ndim == y.ndim and t.shape[-1] == 1:
        t = squeeze(t, -1)
    if t.ndim != y.ndim - 1:
        raise ValueError(f"target must have one axis less than output. Received: {t!r} and {y!r}")
    # Of clipped probabilities too Keras takes the softmax: they need not sum up to 1.
    logs = log_softmax(y if from_logits else graph().add("Log", _held(y)))
    chosen = take_along_axis(logs, expand_dims(t, -1), axis=-1)
    return graph().add("Neg", squeeze(chosen, -1))


def _same_rank(name: str, target: Tensor, output: Tensor) -> Tensor:
    if target.ndim != output.ndim:
        raise ValueError(f"{name} needs tensors of one rank. Received: {target!r} and {output!r}")
    return target


@op("nn.PSNR", "x1", "x2")
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """The peak signal-to-noise ratio of two tensors in decibels.

    Args:
        max_val: the largest value that can occur.
    """
    a, b = convert(x1), convert(x2)
    g = graph()
    difference = g.add("Sub", a, b)
    error = reduce("ReduceMean", g.add("Mul", difference, difference))
    peak = g.add("Mul", scalar(20, error), log10(cast_to(max_val, b.dtype)))
    return g.add("Sub", peak, g.add("Mul", scalar(10, error), log10(error)))
