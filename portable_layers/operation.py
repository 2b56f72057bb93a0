"""Operations and the calls that a functional model records: what layers and `ops` functions share.

An operation is called in one of three ways, told apart by its arguments: on `KerasTensor`s the call
is recorded as a `Node` of a functional model; while a graph is being built it emits ONNX nodes; on
arrays it runs at once and gives arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portable_layers import scope, tree
from portable_layers.graph import Graph, current_graph
from portable_layers.serialization import Configurable
from portable_layers.tensor import KerasHistory, KerasTensor, Tensor


class Node:
    """One call of an operation in a functional model.

    Attributes:
        operation: what was called.
        args, kwargs: with what; the `KerasTensor`s among them are the node's inputs.
        outputs: the flat list of `KerasTensor`s that came out.
    """

    def __init__(self, operation: Operation, args: tuple, kwargs: dict, outputs: Any):
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.outputs: list[KerasTensor] = tree.flatten(outputs)
        self.input_tensors: list[KerasTensor] = [
            x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)
        ]
        operation._inbound_nodes.append(self)
        index = len(operation._inbound_nodes) - 1
        for i, tensor in enumerate(self.outputs):
            tensor._keras_history = KerasHistory(operation, index, i)

    @property
    def is_input(self) -> bool:
        return not self.input_tensors

    @property
    def parents(self) -> list[Node]:
        histories = [x._keras_history for x in self.input_tensors]
        return [h.operation._inbound_nodes[h.node_index] for h in histories if h is not None]


class Operation(Configurable):
    """Something with a name that is called on tensors: a layer, or a function of `ops`."""

    # How it emits itself into the graph that is being built; subclasses say it.
    call: Callable[..., Any]

    def __init__(self, name: str | None = None):
        if name is None:
            name = scope.auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"name must be a string without '/'. Received: name={name!r}")
        self.name = name
        self._inbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_symbolic(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        if current_graph() is not None:
            return self.emit(*args, **kwargs)
        return self.eager_call(*args, **kwargs)

    def emit(self, *args: Any, **kwargs: Any) -> Any:
        """Emit the operation into the graph that is being built."""
        return self.call(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Record the call and give `KerasTensor`s of the shapes and dtypes that come out."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def eager_call(self, *args: Any, **kwargs: Any) -> Any:
        """Run on arrays."""
        from portable_layers import eager

        return eager.run(self, args, kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The `KerasTensor`s that a call gives, found by emitting it into a graph that is thrown away."""
        return spec_of(self.emit, args, kwargs)

    @property
    def input(self) -> Any:
        """What the operation was first called on, in a functional model."""
        return _only(self._first_node().input_tensors)

    @property
    def output(self) -> Any:
        """What the operation gave when it was first called, in a functional model."""
        return _only(self._first_node().outputs)

    def _first_node(self) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(f"{self.name} has no input and output: it was never called in a model")
        return self._inbound_nodes[0]


def is_symbolic(args: Any, kwargs: Any = None) -> bool:
    """Whether a `KerasTensor` is among the arguments."""
    return any(isinstance(x, KerasTensor) for x in tree.flatten((args, kwargs)))


def spec_of(function: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
    """What `function` gives for `KerasTensor` arguments, as `KerasTensor`s with dims and masks."""
    graph = Graph(name="scratch", scratch=True)
    placeholders: dict[int, Tensor] = {}

    def placeholder(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        if id(x) not in placeholders:
            tensor = graph.input(x.name, x.dtype, x.dims)
            if x.mask_dims is not None:
                tensor._keras_mask = graph.input(f"{x.name}/mask", "bool", x.mask_dims)
            placeholders[id(x)] = tensor
        return placeholders[id(x)]

    with graph:
        outputs = function(*tree.map_structure(placeholder, args), **tree.map_structure(placeholder, kwargs))
        return tree.map_structure(lambda t: _keras_tensor(graph.as_tensor(t)), outputs)


def _keras_tensor(tensor: Tensor) -> KerasTensor:
    mask = tensor._keras_mask
    return KerasTensor(tensor.shape, tensor.dtype, mask_dims=None if mask is None else mask.shape)


def _only(items: list) -> Any:
    return items[0] if len(items) == 1 else items
