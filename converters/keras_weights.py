"""Where a `.keras` file keeps each variable: the walk over layers that Keras's weight store follows.

Keras addresses a layer by the attributes that lead to it (`layers/dense/vars/0`), items of a
container by their class name and a counter. The rules are those of `keras.src.saving.saving_lib`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from portable_layers.errors import WeightsError
from portable_layers.layer import Layer
from portable_layers.model import Functional, Sequential
from portable_layers.random import SeedGenerator
from portable_layers.scope import snake_case
from portable_layers.variable import Variable

# Attributes that every layer has; Keras does not look for weights in them.
_COMMON = frozenset(vars(Layer(name="reference"))) | {
    "_functional",
    "_inputs_struct",
    "_outputs_struct",
    "_graph",
}


class StoredArray(Protocol):
    """An array in a weight store that has not been read."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def read(self) -> Any: ...


class Store(Protocol):
    """A weight store: the variables under a path."""

    def variables(self, path: str) -> Mapping[str, StoredArray]: ...


def walk(model: Layer) -> Iterator[tuple[str, Any, dict[str, Variable]]]:
    """Everything in a model that has variables of its own.

    Gives path in the store, the layer or seed generator, and its variables by their keys there.
    """
    yield from _walk(model, "", set())


def _walk(item: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any, dict[str, Variable]]]:
    if id(item) in seen:
        return
    seen.add(id(item))
    if isinstance(item, SeedGenerator):
        yield path, item, {"0": item.state}
        return
    yield path, item, item.own_variables()
    if isinstance(item, Functional | Sequential):
        yield from _walk_container(item.layers, _join(path, "layers"), seen, set())
    attributes = {k: v for k, v in vars(item).items() if k not in _COMMON and not k.startswith("__")}
    # Private attributes come last.
    for name in sorted(attributes, key=lambda n: f"~{n}" if n.startswith("_") else n):
        value = attributes[name]
        if isinstance(value, Layer | SeedGenerator):
            yield from _walk(value, _join(path, name), seen)
        elif isinstance(value, list | dict | tuple):
            yield from _walk_container(value, _join(path, name), seen, set())


def _walk_container(
    container: Any, path: str, seen: set[int], containers: set[int]
) -> Iterator[tuple[str, Any, dict[str, Variable]]]:
    if id(container) in containers:
        return
    containers.add(id(container))
    used: dict[str, int] = {}

    def unique(name: str) -> str:
        count = used.get(name)
        used[name] = 0 if count is None else count + 1
        return name if count is None else f"{name}_{used[name]}"

    for item in container.values() if isinstance(container, dict) else container:
        if isinstance(item, Layer | SeedGenerator):
            name = unique(snake_case(type(item).__name__))
            yield from _walk(item, _join(path, name), seen)
        elif isinstance(item, list | dict | tuple):
            yield from _walk_container(item, _join(path, unique("container")), seen, containers)


def load_weights(model: Layer, store: Store, source: str) -> None:
    """Give a model's variables the values of a weight store, read when they are first needed.

    Args:
        source: names the file in messages.

    Raises:
        WeightsError: naming the variable that the store lacks or holds in another shape.
    """
    for path, item, variables in walk(model):
        stored = store.variables(path)
        if isinstance(item, SeedGenerator) and not stored:
            continue  # Keras wrote the state of seeds in its first versions only
        for key, variable in variables.items():
            array = stored.get(key)
            if array is None:
                raise WeightsError(
                    f"{source} lacks the variable {variable.path} of layer {item.name} "
                    f"(expected at {_join(path, 'vars')}/{key}, shape {variable.shape})"
                )
            if tuple(array.shape) != variable.shape:
                raise WeightsError(
                    f"{source} holds the variable {variable.path} of layer {item.name} with shape "
                    f"{tuple(array.shape)}; expected: {variable.shape}"
                )
            variable.assign_lazily(array.read)
        extra = stored.keys() - variables.keys()
        if extra:
            raise WeightsError(
                f"{source} holds {len(stored)} variables for layer {item.name} at {_join(path, 'vars')}; "
                f"expected: {len(variables)}"
            )
        if isinstance(item, Layer):
            item.weights_loaded()


def load_assets(model: Layer, assets: Mapping[str, bytes]) -> None:
    """Give the layers the files, such as vocabularies, that a `.keras` file holds for them.

    Args:
        assets: all of the files, by their paths below `assets/`.
    """
    if not assets:
        return
    for path, item, _ in walk(model):
        names = [n.rpartition("/")[2] for n in assets if n.rpartition("/")[0] == path]
        if names and isinstance(item, Layer):
            item.load_assets({n: assets[_join(path, n)] for n in names})


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
