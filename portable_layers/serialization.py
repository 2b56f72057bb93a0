"""The Keras 3 object format: objects as JSON-able configs, and back without importing anything.

An object is written as::

    {"module": "keras.initializers", "class_name": "HeNormal", "config": {"seed": 7, ...},
     "registered_name": None}

a function by its name, with `"class_name": "function"`, and what JSON lacks as
`{"class_name": "__numpy__", "config": {...}}` (also `__tensor__`, `__slice__`, `__bytes__`,
`__ellipsis__`). The definition is `keras.saving.serialize_keras_object` of Keras 3.

Reading treats a config as untrusted input: a name is looked up in the mapping that the caller
gives, modules are never imported and code (`__lambda__`) is never loaded.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self

from portable_layers.constructors import ConstructorSignature, bound_arguments, check_config_keys
from portable_layers.errors import PortableLayersError, SerializationError
from portable_layers.plain_values import LAMBDA_REFUSED, deserialize_value, serialize_leaf

__all__ = [
    "Configurable",
    "deserialize_object",
    "deserialize_value",
    "get_object",
    "object_sharing",
    "serialize_object",
]


class Configurable:
    """Mixin: the constructor's arguments are the config.

    A subclass says where Keras exports it with `keras_module`, and under which name it was registered
    with `registered_name` (None for Keras's own classes). Neither is inherited by classes outside of
    this package: a user's subclass is written under its own module and name, as Keras does.
    """

    keras_module: str | None = None
    registered_name: str | None = None
    _arguments: dict[str, Any]
    __signature__ = ConstructorSignature()

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        object.__setattr__(self, "_arguments", bound_arguments(self, args, kwargs))
        return self

    def __init__(self) -> None:
        pass

    def get_config(self) -> dict[str, Any]:
        """`{argument: value}`, each value JSON-able.

        The value is that of the attribute of the same name, or what the constructor received where
        there is no such attribute.
        """
        return {
            name: serialize_object(getattr(self, name, received))
            for name, received in self._arguments.items()
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The object that `get_config` described: `cls(**config)`, plain values decoded.

        Raises:
            SerializationError: a key that the constructor does not take, or one that it needs and
                does not get.
        """
        check_config_keys(cls, config)
        return cls(**{key: deserialize_value(value) for key, value in config.items()})


def serialize_object(obj: Any) -> Any:
    """`obj` in Keras's format, made of dicts, lists, tuples, strings, numbers, booleans and None.

    An object needs `get_config()`; what its `get_build_config()` and `get_compile_config()` give goes
    beside it. Functions are written by name. For other values see `plain_values`.

    Raises:
        SerializationError: something that Keras's format has no form for, or a lambda.
    """
    if obj is None:
        return None
    if isinstance(obj, list):
        return [serialize_object(x) for x in obj]
    if isinstance(obj, tuple):
        return tuple(serialize_object(x) for x in obj)
    if isinstance(obj, Mapping):
        if (sharing := _sharing.get()) is not None and id(obj) in sharing.configs:
            return obj  # not a copy, so that a later use can still mark it as shared
        return {key: serialize_object(value) for key, value in obj.items()}
    if isinstance(obj, slice):
        ends = {x: serialize_object(getattr(obj, x)) for x in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": ends}
    if isinstance(obj, types.FunctionType):
        if obj.__name__ == "<lambda>":
            raise SerializationError(LAMBDA_REFUSED)
        name = getattr(obj, "registered_name", None) or obj.__name__
        return _object_config("builtins", "function", "function", name)
    if not isinstance(obj, type) and hasattr(obj, "get_config"):
        return _serialize_instance(obj)
    return serialize_leaf(obj)


def deserialize_object(config: Any, classes: Mapping[str, Callable[..., Any]], kind: str) -> Any:
    """The object that `config` describes; the inverse of `serialize_object` for untrusted input.

    Args:
        config: an object's or function's config, a bare name (an object made without arguments, or a
            function), or None, which stays None.
        classes: the names that may be used, each with its class or function. A registered name
            (`"package>Name"`) goes before the plain one.
        kind: what is being read, for messages: `"initializer"`, `"layer"`, ...

    Raises:
        SerializationError: an unknown name, a malformed config, arguments that the class refuses, or
            code.
    """
    if config is None:
        return None
    if isinstance(config, str):
        config = {"class_name": config}
    if not isinstance(config, Mapping) or not isinstance(config.get("class_name"), str):
        raise SerializationError(f"Expected the name or config of a {kind}. Received: {config!r}")
    if config["class_name"] == "__lambda__":
        raise SerializationError(LAMBDA_REFUSED)
    found = _find(config, classes, kind)
    if not isinstance(found, type):
        return found
    sharing = _sharing.get()
    shared_id = config.get("shared_object_id")
    if sharing is None or not isinstance(shared_id, int):
        return _make(found, config, kind)
    if type(sharing.read.get(shared_id)) is not found:
        sharing.read[shared_id] = _make(found, config, kind)
    return sharing.read[shared_id]


def get_object(identifier: Any, classes: Mapping[str, Callable[..., Any]], kind: str) -> Any:
    """What Keras's `get` functions do: a name, config, class or callable becomes a callable object.

    Raises:
        SerializationError: an unknown name or something that is none of these.
    """
    if identifier is None or isinstance(identifier, str | Mapping):
        return deserialize_object(identifier, classes, kind)
    if isinstance(identifier, type):
        identifier = identifier()
    if callable(identifier):
        return identifier
    raise SerializationError(
        f"Could not interpret {kind} identifier: expected a name, a config or a callable. "
        f"Received: {identifier!r}"
    )


@contextmanager
def object_sharing() -> Iterator[None]:
    """Inside, an object that occurs twice is written with one `shared_object_id` and read as one.

    Keras saves and loads a model inside such a scope.
    """
    token = _sharing.set(_Sharing())
    try:
        yield
    finally:
        _sharing.reset(token)


@dataclass
class _Sharing:
    """Objects by id; what is written is kept alive so that its id stays its own."""

    read: dict[int, Any] = field(default_factory=dict)
    written: dict[int, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    configs: set[int] = field(default_factory=set)


_sharing: ContextVar[_Sharing | None] = ContextVar("object_sharing", default=None)


def _serialize_instance(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    inner = obj.get_config()
    if not isinstance(inner, Mapping):
        raise SerializationError(f"{cls.__name__}.get_config() must return a dict. Received: {inner!r}")
    config = _object_config(*_origin(cls), serialize_object(inner))
    for part in ("build", "compile"):
        described = getattr(obj, f"get_{part}_config", lambda: None)()
        if described is not None:
            config[f"{part}_config"] = serialize_object(described)
    sharing = _sharing.get()
    if sharing is not None:
        if id(obj) in sharing.written:
            config["shared_object_id"] = id(obj)
            sharing.written[id(obj)][1]["shared_object_id"] = id(obj)
        else:
            sharing.written[id(obj)] = (obj, config)
            sharing.configs.add(id(config))
    return config


def _make(cls: Any, config: Mapping[str, Any], kind: str) -> Any:
    arguments = config.get("config")
    if not isinstance(arguments, Mapping | None):
        raise SerializationError(f"Expected a dict as the config of {cls.__name__}. Received: {arguments!r}")
    try:
        arguments = dict(arguments or {})
        with getattr(cls, "reading_scope", _no_scope)(arguments):
            instance = cls.from_config(arguments)
        for part in ("build", "compile"):
            restore = getattr(instance, f"{part}_from_config", None)
            if restore is not None and config.get(f"{part}_config"):
                restore(config[f"{part}_config"])
    except PortableLayersError:
        raise
    except Exception as error:  # a hostile config can make a constructor fail in any way
        reason = " ".join(str(error).split())
        raise SerializationError(f"The {kind} {cls.__name__} does not accept its config: {reason}") from error
    return instance


def _no_scope(_: Any) -> Any:
    return nullcontext()


def _object_config(
    module: str | None, class_name: str, registered_name: str | None, config: Any
) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def _origin(cls: type) -> tuple[str | None, str, str | None]:
    """Module, class name and registered name of `cls`; Keras's where the class is one of Keras's."""
    ours = cls.__module__.partition(".")[0] == __package__.partition(".")[0]
    declared = cls.__dict__
    registered = declared.get("registered_name")
    if (ours or "keras_module" in declared) and getattr(cls, "keras_module", None):
        # The name of a class of Keras's is that which it is exported under.
        return cls.keras_module, declared.get("keras_name", cls.__name__), registered  # type: ignore[attr-defined]
    module = None if cls.__module__ == "__main__" else cls.__module__
    return module, cls.__name__, registered or cls.__name__


def _find(
    config: Mapping[str, Any], classes: Mapping[str, Callable[..., Any]], kind: str
) -> Callable[..., Any]:
    """The class or function that `config` names, if it is the one that was written."""
    if config["class_name"] == "function":
        name = config.get("config")
        function = classes.get(name) if isinstance(name, str) else None
        if function is None or isinstance(function, type):
            raise _unknown(name, classes, kind)
        return function
    name, registered, module = (
        config["class_name"],
        config.get("registered_name"),
        config.get("module", "keras"),
    )
    if isinstance(registered, str) and registered in classes:
        return classes[registered]
    if name not in classes:
        raise _unknown(registered or name, classes, kind)
    found = classes[name]
    keras_class = isinstance(found, type) and _from_keras(_origin(found)[0])
    if keras_class and (registered not in (None, name) or not _from_keras(module)):
        raise SerializationError(
            f"The {kind} {registered or name!r} of module {module!r} is not Keras's {name}. "
            "A class of your own must be registered."
        )
    return found


def _unknown(name: Any, classes: Mapping[str, Any], kind: str) -> SerializationError:
    close = difflib.get_close_matches(name, classes, n=3) if isinstance(name, str) else []
    hint = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    return SerializationError(f"Unknown {kind} {name!r}. {hint}A class of your own must be registered.")


def _from_keras(module: Any) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in ("keras", "tf_keras", "tensorflow")
