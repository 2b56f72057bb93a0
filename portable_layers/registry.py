"""Layer classes by their Keras class name; filled by the definition of each class.

Reading a model looks classes up here and nowhere else, so a file can name only what was registered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_classes: dict[str, type] = {}
_package = __name__.partition(".")[0]


def register_class(cls: Any) -> None:
    """Register a layer class under its Keras names; called when the class is defined.

    A class from outside this package is registered under its own name (and under `Custom>Name`, as
    Keras registers it by default) unless one of ours has that name.
    """
    name = cls.__name__
    if cls.__module__.partition(".")[0] == _package:
        if not name.startswith("_"):
            for key in (name, *cls.__dict__.get("aliases", ())):
                _classes[key] = cls
        return
    present = _classes.get(name)
    if present is None or present.__module__.partition(".")[0] != _package:
        _classes[name] = cls
    _classes[f"Custom>{name}"] = cls
    # Written by reference, as Keras does for a class that it does not know itself.
    cls.keras_module = cls.__module__
    if "registered_name" not in cls.__dict__:
        cls.registered_name = name


def register(package: str = "Custom", name: str | None = None) -> Callable[[type], type]:
    """Decorator: register a layer class as `keras.saving.register_keras_serializable` does.

    Args:
        package: the package given there.
        name: the name given there; the class's name by default.
    """

    def decorate(cls: Any) -> Any:
        registered = f"{package}>{name or cls.__name__}"
        _classes[registered] = cls
        cls.registered_name = registered
        return cls

    return decorate


def classes() -> dict[str, type]:
    """All registered classes by name."""
    import portable_layers.layers  # noqa: F401 - whoever asks must find Keras's own layers

    return _classes
