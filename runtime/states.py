"""Which inputs and outputs of a model carry the states of its stateful layers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from portable_layers.errors import InferenceError
from portable_layers.metadata import STATES_KEY


def state_pairs(
    metadata: Mapping[str, str], inputs: Collection[str], outputs: Collection[str]
) -> dict[str, str]:
    """For each input that carries a state, the output that holds what becomes of it.

    Args:
        metadata: the model's; it names the pairs.
        inputs, outputs: the names of the model's.

    Raises:
        InferenceError: the metadata cannot be read, or names what the model has not.
    """
    text = metadata.get(STATES_KEY)
    if text is None:
        return {}
    try:
        pairs = json.loads(text)
    except ValueError:
        pairs = None
    if not isinstance(pairs, dict) or not all(
        start in inputs and end in outputs for start, end in pairs.items()
    ):
        raise InferenceError(
            f"the metadata {STATES_KEY} must be a JSON object of inputs and their outputs. Received: {text!r}"
        )
    return pairs
