"""Which variable of a live Keras model is which of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from portable_layers.errors import WeightsError
from portable_layers.model import Model
from portable_layers.variable import Variable

# Layers that found a vocabulary, which is no variable.
_WITH_VOCABULARY = ("IntegerLookup", "StringLookup", "TextVectorization")


def pair_variables(model: Model, keras_model: Any) -> list[tuple[Variable, Any]]:
    """Our variables with Keras's: those of one path on both sides, the others in their order.

    The order alone does not do: a layer that was quantized, or given LoRA, while it lived has its
    variables in another order than one that is built so.

    Raises:
        WeightsError: for another number of variables, or one of another shape.
    """
    ours, theirs = model.variables, list(keras_model.variables)
    if len(ours) != len(theirs):
        raise WeightsError(f"model {model.name} has {len(ours)} variables here and {len(theirs)} in Keras")
    counts = Counter(v.path for v in ours), Counter(v.path for v in theirs)
    shared = {path for path, count in counts[0].items() if count == counts[1][path] == 1}
    by_path = {v.path: v for v in theirs if v.path in shared}
    rest = iter([v for v in theirs if v.path not in shared])
    pairs = [(our, by_path[our.path] if our.path in shared else next(rest)) for our in ours]
    for our, their in pairs:
        if tuple(their.shape) != our.shape:
            raise WeightsError(
                f"variable {our.path} of model {model.name} has shape {our.shape} here and "
                f"{tuple(their.shape)} in Keras"
            )
    return pairs


def pair_vocabularies(model: Model, keras_model: Any) -> list[tuple[Any, Any]]:
    """Our layers with a vocabulary, each with Keras's.

    Raises:
        WeightsError: for other layers on one side.
    """
    ours, theirs = (list(_with_vocabulary(m)) for m in (model, keras_model))
    if [x.name for x in ours] != [x.name for x in theirs]:
        raise WeightsError(
            f"model {model.name} has the lookup layers {[x.name for x in ours]} here and "
            f"{[x.name for x in theirs]} in Keras"
        )
    return list(zip(ours, theirs, strict=True))


def _with_vocabulary(layer: Any) -> Iterator[Any]:
    for inner in layer._layers:
        if type(inner).__name__ in _WITH_VOCABULARY:
            yield inner  # what is inside of it is its own matter
        else:
            yield from _with_vocabulary(inner)
