"""Names: automatic layer names (`dense`, `dense_1`) and the stack of scopes that makes variable paths.

The rules are Keras's (`keras.src.utils.naming`, `keras.name_scope`).
"""

from __future__ import annotations

import collections
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_state = threading.local()
_uids: collections.defaultdict[str, int] = collections.defaultdict(int)
_uids_lock = threading.Lock()


def snake_case(name: str) -> str:
    """`MaxPooling2D` to `max_pooling2d`, as Keras writes class names."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """The next free name for a class: `dense`, then `dense_1`, ..."""
    return uniquify(snake_case(prefix))


def uniquify(name: str) -> str:
    with _uids_lock:
        count = _uids[name]
        _uids[name] += 1
    return f"{name}_{count}" if count else name


def clear_session() -> None:
    """Start the automatic names anew, like `keras.utils.clear_session`."""
    _uids.clear()


@dataclass(frozen=True)
class _Scope:
    name: str
    caller: object
    parent: str | None


def _stack() -> list[_Scope]:
    if not hasattr(_state, "scopes"):
        _state.scopes = []
    return _state.scopes


@contextmanager
def name_scope(name: str, caller: object = None) -> Iterator[None]:
    """Variables that are made inside have `name` in their path.

    Args:
        name: the scope's name, without `/`.
        caller: the layer that opens the scope. Its path stays the one of its first opening, and
            opening it again inside itself adds nothing.
    """
    stack = _stack()
    if caller is not None and stack and stack[-1].caller is caller and stack[-1].name == name:
        yield
        return
    stack.append(_Scope(name, caller, getattr(caller, "_parent_path", None)))
    try:
        yield
    finally:
        stack.pop()


@contextmanager
def outermost() -> Iterator[None]:
    """Inside, no scope is open."""
    outer, _state.scopes = _stack(), []
    try:
        yield
    finally:
        _state.scopes = outer


def current_path() -> str:
    """The open scopes, joined by `/`."""
    parts: list[str] = []
    for scope in _stack():
        if scope.parent is not None:
            parts = [p for p in scope.parent.split("/") if p]
        parts.append(scope.name)
    return "/".join(parts)
