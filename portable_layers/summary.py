"""The summary of a model: its layers with output shapes and numbers of weights, as Keras prints it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from portable_layers import dtypes

if TYPE_CHECKING:
    from portable_layers.layer import Layer
    from portable_layers.model import Model
    from portable_layers.variable import Variable


def print_summary(
    model: Model,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    print_fn: Callable[[str], Any] | None = None,
) -> None:
    """Print the summary.

    Args:
        model: built or not; what is not built has no shapes and weights yet.
        line_length: the width of the table; by default that of the terminal.
        expand_nested: also list the layers inside of layers.
        show_trainable: a column that says which layers are trainable.
        print_fn: called with the whole text, in place of printing it.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for header in ("Layer (type)", "Output Shape", "Param #", *(["Trainable"] if show_trainable else [])):
        table.add_column(header, justify="right" if header == "Param #" else "left")
    for depth, layer in _rows(model, expand_nested):
        cells = [f"{'  ' * depth}{layer.name} ({type(layer).__name__})", output_shape_text(layer)]
        cells.append(f"{layer.count_params():,}" if layer.built else "0 (unbuilt)")
        if show_trainable:
            cells.append(("Y" if layer.trainable else "N") if layer.weights else "-")
        table.add_row(*map(Text, cells))
    console = Console(width=line_length, highlight=False)
    with console.capture() as capture:
        console.print(Text(f'Model: "{model.name}"'))
        console.print(table)
        for title, weights in (
            ("Total", model.weights),
            ("Trainable", model.trainable_weights),
            ("Non-trainable", model.non_trainable_weights),
        ):
            console.print(Text(f" {title} params: {_count(weights)}"))
    (print if print_fn is None else print_fn)(capture.get().rstrip("\n"))


def output_shape_text(layer: Layer) -> str:
    """What comes out of the layer's first recorded call, `(None, 8, 8, 32)`; `?` where none is."""
    if not layer._inbound_nodes:
        return "?"
    shapes = [tensor.shape for tensor in layer._inbound_nodes[0].outputs]
    return ", ".join(map(str, shapes))


def _rows(model: Layer, expand_nested: bool, depth: int = 0) -> Iterator[tuple[int, Layer]]:
    for layer in getattr(model, "layers", None) or model._layers:
        yield depth, layer
        if expand_nested:
            yield from _rows(layer, expand_nested, depth + 1)


def _count(weights: list[Variable]) -> str:
    elements = [math.prod(v.shape) for v in weights]
    size = float(sum(n * dtypes.to_numpy(v.dtype).itemsize for n, v in zip(elements, weights, strict=True)))
    unit = "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{sum(elements):,} ({size:.2f} {unit})"
