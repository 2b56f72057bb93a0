"""Functional graphs: which calls lie between inputs and outputs, in which order, and their config.

The order of operations and the config's form are Keras's (`keras.src.ops.function`,
`keras.src.models.functional`), so that weights and layers come in the same order on both sides.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portable_layers import tree
from portable_layers.errors import SerializationError
from portable_layers.operation import Node, Operation
from portable_layers.serialization import deserialize_value, serialize_object
from portable_layers.tensor import KerasTensor


@dataclass(frozen=True)
class FunctionalGraph:
    """The calls between some inputs and outputs.

    Attributes:
        nodes: the calls, in an order in which they can be run.
        operations: what is called, in Keras's order of `model.layers`.
    """

    nodes: tuple[Node, ...]
    operations: tuple[Operation, ...]


def map_graph(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> FunctionalGraph:
    """Find the calls that lead from inputs to outputs.

    Raises:
        ValueError: where an output depends on a tensor that is not made of the inputs, or two
            operations have the same name.
    """
    order: list[Node] = []
    first_seen: dict[Operation, int] = {}
    _visit(outputs, order, first_seen, {id(t) for t in inputs})
    in_graph = set(map(id, order))
    node_depths: dict[int, int] = {}
    depths: dict[Operation, int] = {}
    for node in reversed(order):
        depth = max(node_depths.setdefault(id(node), 0), depths.get(node.operation, 0))
        depths[node.operation] = depth
        node_depths[id(node)] = depth
        for parent in node.parents:
            if id(parent) in in_graph:
                node_depths[id(parent)] = max(depth + 1, node_depths.get(id(parent), 0))
    nodes = list(order)
    for tensor in inputs:
        operation, index, _ = tensor.history
        node = operation._inbound_nodes[index]
        if operation not in depths and node.is_input:  # an input that no output needs
            depths[operation] = 0
            first_seen[operation] = -1
            node_depths[id(node)] = 0
            nodes.append(node)
    by_depth: dict[int, list[Operation]] = collections.defaultdict(list)
    for operation, depth in depths.items():
        by_depth[depth].append(operation)
    operations: list[Operation] = []
    for depth in sorted(by_depth, reverse=True):
        operations += sorted(by_depth[depth], key=lambda x: first_seen[x])
    # Within a depth the order of discovery, as Keras runs them.
    found = list(reversed(nodes))
    place = {id(n): i for i, n in enumerate(found)}
    nodes.sort(key=lambda n: (-node_depths[id(n)], place[id(n)]))
    _check(inputs, nodes, operations)
    return FunctionalGraph(tuple(nodes), tuple(operations))


def _visit(
    outputs: list[KerasTensor], order: list[Node], first_seen: dict[Operation, int], input_ids: set[int]
) -> None:
    """Depth-first, parents first; without recursion, for models of thousands of layers."""
    finished: set[int] = set()
    for output in outputs:
        stack: list[tuple[Node, int]] = []

        def enter(tensor: KerasTensor, stack: list[tuple[Node, int]] = stack) -> None:
            operation, index, _ = tensor.history
            node = operation._inbound_nodes[index]
            if id(node) in finished:
                return
            if not node.is_input and id(tensor) in input_ids:
                finished.add(id(node))
                return
            first_seen.setdefault(operation, len(first_seen))
            stack.append((node, 0))

        enter(output)
        while stack:
            node, position = stack[-1]
            if position < len(node.input_tensors) and id(node) not in finished:
                stack[-1] = (node, position + 1)
                enter(node.input_tensors[position])
                continue
            stack.pop()
            if id(node) not in finished:
                finished.add(id(node))
                order.append(node)


def _check(inputs: list[KerasTensor], nodes: list[Node], operations: list[Operation]) -> None:
    known = {id(t) for t in inputs}
    for node in nodes:
        # An input layer's own node must be one of the inputs: nothing else could fill it.
        for tensor in node.outputs if node.is_input else node.input_tensors:
            if id(tensor) not in known:
                raise ValueError(
                    f"the outputs need {tensor!r} (of {node.operation.name}), "
                    "which is not made of the model's inputs"
                )
        known |= {id(t) for t in node.outputs}
    counts = collections.Counter(x.name for x in operations)
    double = [name for name, count in counts.items() if count > 1]
    if double:
        raise ValueError(f"names must be unique in a model; used more than once: {', '.join(double)}")


def run_graph(graph: FunctionalGraph, values: dict[int, Any], call: Callable[..., Any]) -> None:
    """Call each node's operation on values in place of its `KerasTensor`s.

    Args:
        values: by the `id` of the `KerasTensor`; the inputs are there, all others are added.
        call: called with the operation and its arguments.
    """

    def value_of(x: Any) -> Any:
        return values[id(x)] if isinstance(x, KerasTensor) else x

    for node in graph.nodes:
        if node.is_input or all(id(t) in values for t in node.outputs):
            continue
        args, kwargs = tree.map_structure(value_of, (node.args, node.kwargs))
        results = tree.flatten(call(node.operation, *args, **kwargs))
        for tensor, result in zip(node.outputs, results, strict=True):
            values[id(tensor)] = result


# Config


def graph_config(graph: FunctionalGraph, inputs: Any, outputs: Any) -> dict[str, Any]:
    """`layers`, `input_layers` and `output_layers` of a functional model's config."""
    own = {id(n) for n in graph.nodes}

    def own_index(operation: Operation, index: int) -> int:
        return sum(id(n) in own for n in operation._inbound_nodes[:index])

    def tensor_config(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return serialize_object(x)
        operation, index, tensor_index = x.history
        return {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": x.shape,
                "dtype": x.dtype,
                "keras_history": [operation.name, own_index(operation, index), tensor_index],
            },
        }

    layers = []
    for operation in graph.operations:
        calls = []
        for node in operation._inbound_nodes:
            if id(node) in own and not node.is_input:
                args, kwargs = tree.map_structure(tensor_config, (node.args, node.kwargs))
                calls.append({"args": args, "kwargs": kwargs})
        layers.append({**serialize_object(operation), "name": operation.name, "inbound_nodes": calls})

    def end(x: KerasTensor) -> list[Any]:
        operation, index, tensor_index = x.history
        # Keras counts a nested functional model's own inner call as its first one.
        inner = 1 if getattr(operation, "is_functional", False) else 0
        return [operation.name, own_index(operation, index) + inner, tensor_index]

    return {
        "layers": layers,
        "input_layers": tree.map_structure(end, inputs),
        "output_layers": tree.map_structure(end, outputs),
    }


def graph_from_config(
    config: Mapping[str, Any], make: Callable[[Mapping[str, Any]], Operation]
) -> tuple[Any, Any]:
    """Inputs and outputs of the functional graph that a config describes.

    Args:
        make: makes an operation of its config.

    Raises:
        SerializationError: for a config whose calls refer to what is not there.
    """
    operations: dict[str, Operation] = {}
    pending: dict[str, list[Any]] = {}
    for layer in config["layers"]:
        name = layer["name"] if "name" in layer else layer["config"]["name"]
        operations[name] = made = make(layer)
        if made.name != name:  # a config need not hold the name
            made.name = name
        pending[name] = list(layer.get("inbound_nodes", []))

    class NotYet(Exception):
        pass

    def tensor(name: Any, index: int, tensor_index: int) -> KerasTensor:
        if name not in operations:
            raise SerializationError(f"a call refers to the layer {name!r}, which is not in the model")
        nodes = operations[name]._inbound_nodes
        if index >= len(nodes):
            raise NotYet
        return nodes[index].outputs[tensor_index]

    def revive(x: Any) -> Any:
        if isinstance(x, Mapping):
            if x.get("class_name") == "__keras_tensor__":
                return tensor(*x["config"]["keras_history"])
            if "class_name" in x and "config" in x:
                return deserialize_value(x)
            return {k: revive(v) for k, v in x.items()}
        if isinstance(x, list | tuple):
            return [revive(v) for v in x]
        return x

    while any(pending.values()):
        progress = False
        for name, calls in pending.items():
            while calls:
                try:
                    args, kwargs = _arguments(calls[0], revive, tensor)
                except NotYet:
                    break
                operations[name](*args, **kwargs)
                calls.pop(0)
                progress = True
        if not progress:
            stuck = [name for name, calls in pending.items() if calls]
            raise SerializationError(f"the calls of these layers depend on each other: {', '.join(stuck)}")

    def end(x: Any) -> Any:
        if isinstance(x, list | tuple) and len(x) == 3 and isinstance(x[0], str) and isinstance(x[1], int):
            name, index, tensor_index = x
            if getattr(operations.get(name), "is_functional", False):
                index -= 1
            try:
                return tensor(name, index, tensor_index)
            except (NotYet, IndexError):
                raise SerializationError(
                    f"the model's end {x} is not an output of the layer {name}"
                ) from None
        if isinstance(x, Mapping):
            return {k: end(v) for k, v in x.items()}
        return [end(v) for v in x]

    return end(config["input_layers"]), end(config["output_layers"])


def _arguments(call: Any, revive: Callable, tensor: Callable) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(call, Mapping):
        return revive(call["args"]), revive(call["kwargs"])
    # Keras 2: a list of [layer, call, output(, kwargs)].
    tensors: list[Any] = []
    kwargs: dict[str, Any] = {}
    for item in call:
        tensors.append(tensor(*item[:3]))
        kwargs = dict(item[3]) if len(item) > 3 else kwargs
    return [tensors[0] if len(tensors) == 1 else tensors], kwargs
