"""JSON from untrusted files: bounded in depth, and without NaN."""

from __future__ import annotations

import json
from typing import Any

from portable_layers.errors import ArchiveError

MAX_DEPTH = 256


def parse_json_object(data: bytes | str, where: str) -> dict[str, Any]:
    """Parses a JSON object.

    `Infinity` is taken, since Keras writes it (`ReLU(max_value=inf)`); NaN is not, since no layer has a use
    for it and it makes configs unequal to themselves.

    Args:
        data: the text, in UTF-8 if it is bytes.
        where: what the errors call it, e.g. "model.keras: config.json".

    Raises:
        ArchiveError: not UTF-8, not JSON, not an object, nested deeper than `MAX_DEPTH`, or with a NaN.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value = json.loads(text, parse_constant=_constant)
    except RecursionError:
        raise ArchiveError(f"{where} is nested too deep; at most {MAX_DEPTH} levels are read") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise ArchiveError(f"{where} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ArchiveError(f"{where} holds a JSON {type(value).__name__}; an object was expected")
    _check_depth(value, where)
    return value


def _constant(name: str) -> float:
    if name == "NaN":
        raise ValueError("NaN is not allowed")
    return float(name)


def _check_depth(value: Any, where: str) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise ArchiveError(f"{where} is nested too deep; at most {MAX_DEPTH} levels are read")
