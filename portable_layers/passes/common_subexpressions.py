"""Equal nodes become one: the same Transpose of one input in several branches, the same Shape; and
equal moves of one weight, as a layer that is called twice makes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.graph import Graph
from portable_layers.packing import Packing
from portable_layers.passes.operators import RANDOM
from portable_layers.tensor import Tensor


def run(graph: Graph) -> bool:
    """Merge equal nodes of a graph, and within each of its bodies; whether there were any."""
    changed = False
    weights: dict[Any, Tensor] = {}
    moved: dict[Any, Tensor] = {}
    for one in list(graph.graphs()):
        changed |= _merge(one, weights, moved)
    return changed


def _merge(graph: Graph, weights: dict[Any, Tensor], moved: dict[Any, Tensor]) -> bool:
    changed = False
    seen: dict[Any, list[Any]] = {}
    for node in list(graph.nodes):
        for index, value in enumerate(node.inputs):
            # Weights are what no node makes; looking there first spares most look-ups.
            if value is None or value.producer() is not None:
                continue
            same = moved.get(value)
            if same is None:
                tensor = same = graph.tensor_of(value)
                if tensor.packing is not None:
                    same = weights.setdefault(_packing_key(tensor.packing), tensor)
                moved[value] = same
            if same.value is not value:
                graph.set_input(node, index, same)
                changed = True
        others = seen.setdefault((node.op_type, node.inputs), [])
        first = next((n for n in others if _equal(graph, n, node)), None) if others else None
        # An output of the graph keeps its name: it can stand for others, and no other for it.
        if first is None or any(v.is_graph_output() for v in node.outputs):
            others.append(node)
            continue
        for old, new in zip(node.outputs, first.outputs, strict=True):
            graph.replace_uses(graph.tensor_of(old), graph.tensor_of(new))
        graph.remove(node)
        changed = True
    return changed


def _equal(graph: Graph, a: Any, b: Any) -> bool:
    """Whether two nodes of one operator and with the same inputs give the same."""
    if a.op_type in RANDOM or a.domain != b.domain or len(a.outputs) != len(b.outputs) or graph.bodies_of(a):
        return False
    one, two = ({n: _content(x.value) for n, x in node.attributes.items()} for node in (a, b))
    return one == two


def _content(value: Any) -> Any:
    """An attribute's value as something that can be compared and hashed."""
    if isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(value, int | float | str | bytes):
        return value
    try:
        array = value.numpy()
    except AttributeError:
        return f"{id(value)}"
    return f"{array.dtype}{array.shape}{np.ascontiguousarray(array).tobytes()!r}"


def _packing_key(packing: Packing) -> Any:
    if packing.variable is not None:
        return id(packing.variable)
    arguments = tuple(tuple(a) if isinstance(a, list) else a for a in packing.arguments)
    return packing.move, arguments, tuple(_packing_key(s) for s in packing.sources)
