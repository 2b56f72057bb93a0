"""Which variable of a live Keras model is which of ours."""

from __future__ import annotations

from collections import Counter
from typing import Any

from portable_layers.errors import WeightsError
from portable_layers.model import Model
from portable_layers.variable import Variable


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
