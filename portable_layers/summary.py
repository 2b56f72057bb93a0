"""The summary of a model: a table of its layers and the totals of its weights, as Keras prints it.

The layout is Keras's (`keras.utils.summary_utils`): three columns for a chain of layers, a fourth one
with the connections for every other graph.
"""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from portable_layers import dtypes, tree
from portable_layers.errors import PortableLayersError
from portable_layers.tensor import keras_shape

if TYPE_CHECKING:
    from portable_layers.operation import Node, Operation
    from portable_layers.variable import Variable

# Length of the line, ends of the columns as parts of it, headers.
_Layout: TypeAlias = tuple[int, tuple[float, ...], tuple[str, ...]]
_CHAIN: _Layout = (88, (0.45, 0.80, 1.0), ("Layer (type)", "Output Shape", "Param #"))
_GRAPH: _Layout = (108, (0.3, 0.56, 0.74, 1.0), ("Layer (type)", "Output Shape", "Param #", "Connected to"))
_SMALLEST_COLUMN = 4
_BITS = {"bool": 1, "int4": 4, "uint4": 4}


def print_summary(
    model: Any,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    print_fn: Callable[[str], Any] | None = None,
) -> None:
    """Print the layers of a model with output shapes and numbers of weights.

    Args:
        model: any model, built or not.
        line_length: characters in a line of the table; what fits the terminal by default.
        expand_nested: also list the layers of models in the model.
        show_trainable: add a column that says which layers are trainable.
        print_fn: called with the whole text; printed in colour where there is none.

    Raises:
        ValueError: where the columns would be too narrow.
    """
    from rich.console import Console

    plain = print_fn is not None
    console = (
        Console(highlight=False, force_terminal=False, color_system=None)
        if plain
        else Console(highlight=False)
    )
    if plain:
        console.begin_capture()
    console.print(_bold(f'Model: "{_escape(model.name)}"'))
    console.print(_table(model, line_length, expand_nested, show_trainable))
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    for title, weights in (
        ("Total", [*trainable, *frozen]),
        ("Trainable", trainable),
        ("Non-trainable", frozen),
    ):
        count = _number(f"{sum(math.prod(v.shape) for v in weights):,}")
        console.print(f"{_bold(f' {title} params: ')}{count} ({_size_text(weights)})")
    if print_fn is not None:
        print_fn(console.end_capture())


def output_shape_text(layer: Operation) -> str:
    """What a layer gives: `(None, 8)`, a list of shapes, or `?` where nobody knows."""
    return _shape_text(layer, str)


def _table(model: Any, line_length: int | None, expand_nested: bool, show_trainable: bool) -> Any:
    from rich.table import Column, Table

    graph = getattr(model, "_graph", None)
    operations = model.layers if graph is None else graph.operations
    nodes = () if graph is None else graph.nodes
    chain = graph is None or _is_chain(nodes)
    width, ends, headers = _CHAIN if chain else _GRAPH
    if show_trainable:
        width, ends, headers = width + 12, (*(e * 0.90 for e in ends), 1.0), (*headers, "Trainable")
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)
    edges = [0, *(int(end * width) for end in ends)]
    widths = [b - a for a, b in itertools.pairwise(edges)]
    if min(widths) < _SMALLEST_COLUMN:
        raise ValueError(f"line_length is too small for {len(widths)} columns. Received: {width}")
    align: dict[str, Any] = {"Param #": "right", "Trainable": "center"}
    columns = [
        Column(header, justify=align.get(header, "left"), width=size)
        for header, size in zip(headers, widths, strict=True)
    ]
    table = Table(*columns, width=width, show_lines=True)
    for level, operation in _rows(operations, expand_nested):
        prefix = "   " * level + "└ " if level else ""
        cells = [
            f"{_escape(prefix + operation.name)} ([color(33)]{_escape(type(operation).__name__)}[/])",
            _shape_text(operation, _number),
            _parameters(operation),
        ]
        if not chain:
            cells.append(_connections(operation, nodes))
        if show_trainable:
            cells.append(_trainable(operation))
        table.add_row(*cells)
    return table


def _rows(operations: Sequence[Any], nested: bool, level: int = 0) -> Iterator[tuple[int, Any]]:
    for operation in operations:
        yield level, operation
        if nested:
            yield from _rows(getattr(operation, "layers", ()), nested, level + 1)


def _is_chain(nodes: Sequence[Node]) -> bool:
    """Whether each call follows the one before, and no operation is called twice."""
    starts = sum(node.is_input for node in nodes)
    parents = [id(parent) for node in nodes for parent in node.parents]
    operations = [id(node.operation) for node in nodes]
    return (
        starts == 1
        and len(set(parents)) == len(parents)
        and len(set(operations)) == len(operations)
        and all(len(node.input_tensors) <= 1 for node in nodes)
    )


def _shape_text(operation: Any, write: Callable[[Any], str]) -> str:
    def one(shape: Any) -> str:
        return f"({', '.join(write(n) for n in shape)})"

    shapes = [one(shape) for shape in _output_shapes(operation)]
    if not shapes:
        return "?"
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def _output_shapes(operation: Any) -> list[tuple]:
    """The shapes that come out of the last call, or of the shapes that it was built for."""
    if operation._inbound_nodes:
        return [t.shape for t in operation._inbound_nodes[-1].outputs]
    shapes = getattr(operation, "_build_shapes", None)
    if not shapes:
        return []
    try:
        if hasattr(operation, "output_shape"):
            found = operation.output_shape
        elif len(shapes) == 1:
            found = operation.compute_output_shape(*shapes.values())
        else:
            found = operation.compute_output_shape(**shapes)
    except (PortableLayersError, TypeError, ValueError):
        return []  # a summary is printed of what is half made, too
    is_shape = isinstance(found, tuple) and all(n is None or isinstance(n, int) for n in found)
    return [found] if is_shape else [keras_shape(shape) for shape in _shapes_in(found)]


def _shapes_in(found: Any) -> Iterator[tuple]:
    if isinstance(found, list | tuple) and all(n is None or isinstance(n, int) for n in found):
        yield tuple(found)
    elif tree.is_nested(found):
        for part in found.values() if isinstance(found, dict) else found:
            yield from _shapes_in(part)


def _parameters(operation: Any) -> str:
    if not hasattr(operation, "built"):
        return _number(0)
    if not operation.built:
        return f"{_number(0)} (unbuilt)"
    return _number(f"{operation.count_params():,}")


def _connections(operation: Any, nodes: Sequence[Node]) -> str:
    inside = set(map(id, nodes))
    histories = [
        tensor.history
        for node in operation._inbound_nodes
        if id(node) in inside
        for tensor in node.input_tensors
    ]
    shown = [f"{h.operation.name}[{_number(h.node_index)}][{_number(h.tensor_index)}]" for h in histories]
    return ", ".join(shown) or "-"


def _trainable(operation: Any) -> str:
    if not getattr(operation, "weights", ()):
        return _bold("-")
    return _bold("[color(34)]Y[/]") if operation.trainable else _bold("[color(9)]N[/]")


def _size_text(weights: Sequence[Variable]) -> str:
    """The memory that the weights take: `1.50 KB`."""
    unique = {id(v): v for v in weights}.values()
    bits = [_BITS.get(v.dtype) or 8 * dtypes.to_numpy(v.dtype).itemsize for v in unique]
    size = sum(math.prod(v.shape) * b for v, b in zip(unique, bits, strict=True)) / 8
    units = ["B", "KB", "MB", "GB", "TB", "PB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.2f} {units[0]}"


def _number(x: Any) -> str:
    return f"[color({45 if x is None else 34})]{x}[/]"


def _bold(text: str) -> str:
    return f"[bold]{text}[/]"


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
