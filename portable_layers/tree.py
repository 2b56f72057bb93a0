"""Nested structures of tensors: lists, tuples and dicts; a dict's leaves come in the order of its keys.

The order of leaves is Keras's (`keras.tree`): dicts are flattened by sorted key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def is_nested(x: Any) -> bool:
    """Whether x is a container of this kind."""
    return isinstance(x, list | tuple | dict)


def flatten(x: Any) -> list[Any]:
    """The leaves of a structure; a leaf alone is a structure of one. None is a leaf."""
    leaves: list[Any] = []
    _collect(x, leaves)
    return leaves


def _collect(x: Any, leaves: list[Any]) -> None:
    if isinstance(x, dict):
        for key in _keys(x):
            _collect(x[key], leaves)
    elif isinstance(x, list | tuple):
        for item in x:
            _collect(item, leaves)
    else:
        leaves.append(x)


def map_structure(function: Callable[..., Any], *structures: Any) -> Any:
    """The same structure with `function` applied to its leaves (of several structures: side by side)."""
    first = structures[0]
    if isinstance(first, dict):
        return type(first)((k, map_structure(function, *(s[k] for s in structures))) for k in first)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(map_structure(function, *parts) for parts in zip(*structures, strict=True)))
    if isinstance(first, list | tuple):
        return type(first)(map_structure(function, *parts) for parts in zip(*structures, strict=True))
    return function(*structures)


def pack(structure: Any, leaves: Iterable[Any]) -> Any:
    """A structure like `structure` with these leaves, in the order of `flatten`."""
    iterator = iter(leaves)
    return _fill(structure, iterator)


def _fill(x: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(x, dict):
        filled = {key: _fill(x[key], leaves) for key in _keys(x)}
        return type(x)((key, filled[key]) for key in x)
    if isinstance(x, list | tuple):
        return type(x)(_fill(item, leaves) for item in x)
    return next(leaves)


def _keys(x: dict) -> list[Any]:
    return sorted(x) if type(x) is dict and all(isinstance(k, str) for k in x) else list(x)
