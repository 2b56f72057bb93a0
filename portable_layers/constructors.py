"""What a constructor takes and what it was given: the base of configs that are made from arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from portable_layers.errors import SerializationError


class ConstructorSignature:
    """The `__signature__` of a class with a catch-all `__new__`: that of its `__init__`.

    Only of the class: the signature of a callable instance is that of its `__call__`.
    """

    def __get__(self, instance: Any, owner: type) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        signature = _signature(owner.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])


def check_config_keys(cls: type, config: Mapping[str, Any]) -> None:
    """Compares the keys of `config` with the arguments of `cls`.

    Raises:
        SerializationError: unknown or missing keys, in one line with the keys that `cls` takes.
    """
    parameters, takes_any = _parameters(cls)
    unknown = [] if takes_any else [key for key in config if key not in parameters]
    missing = [name for name, x in parameters.items() if x.default is x.empty and name not in config]
    if unknown or missing:
        problem = " and ".join(
            f"{adjective} key{'s' if len(keys) > 1 else ''} {', '.join(map(repr, keys))}"
            for adjective, keys in (("unknown", unknown), ("missing", missing))
            if keys
        )
        raise SerializationError(
            f"The config of {cls.__name__} has {problem}; it takes: {', '.join(parameters) or '(no keys)'}"
        )


def bound_arguments(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments by name, defaults applied; empty where `__init__` will reject them."""
    try:
        bound = _signature(type(self).__init__).bind(self, *args, **kwargs)
    except TypeError:  # __init__ says it better, and copy and pickle call __new__ without arguments
        return {}
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        match bound.signature.parameters[name].kind:
            case inspect.Parameter.VAR_KEYWORD:
                arguments.update(value)
            case inspect.Parameter.VAR_POSITIONAL:  # no key can give them back
                pass
            case _:
                arguments[name] = value
    return arguments


@functools.lru_cache(maxsize=1024)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _parameters(cls: type) -> tuple[dict[str, inspect.Parameter], bool]:
    """The named arguments of `cls`, and whether it takes others too.

    `**kwargs` is followed up to the base class that it goes to.
    """
    found: dict[str, inspect.Parameter] = {}
    constructors = [klass.__dict__["__init__"] for klass in cls.__mro__[:-1] if "__init__" in klass.__dict__]
    for constructor in constructors:
        parameters = list(_signature(constructor).parameters.values())[1:]
        if not parameters and constructor is not constructors[0]:
            continue  # **kwargs cannot go there
        for x in parameters:
            if x.kind in (x.POSITIONAL_OR_KEYWORD, x.KEYWORD_ONLY):
                # what a base class needs may come from the class itself
                found.setdefault(x.name, x if constructor is constructors[0] else x.replace(default=None))
        if not any(x.kind is x.VAR_KEYWORD for x in parameters):
            return found, False
    return found, True
