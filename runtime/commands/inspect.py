"""`portable-layers inspect`: what is in a Keras or an ONNX file, and what would not export."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

    from portable_layers import Model
    from portable_layers.errors import UnsupportedLayerError

Facts = list[tuple[str, str]]


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = subparsers.add_parser(
        "inspect",
        help="show what is in a model",
        description=(
            "Show inputs, outputs, layers, operators, parameters and sizes of a .keras, .h5 or .onnx file. For "
            "a Keras file also the layers that cannot be exported, and why; that is an answer, so the exit "
            "code is 0."
        ),
    )
    parser.add_argument("model", metavar="MODEL", help="a .keras, .h5 or .onnx file")
    return parser


def run(args: argparse.Namespace) -> int:
    """Show the model.

    Raises:
        PortableLayersError: the file cannot be read.
    """
    path = Path(args.model)
    if path.suffix in (".keras", ".h5", ".hdf5"):
        _show_keras(path)
    else:
        _show_onnx(path)
    return 0


def _show_keras(path: Path) -> None:
    from converters import from_keras
    from portable_layers.errors import UnsupportedLayerError
    from portable_layers.model import check_supported
    from runtime.commands.tables import print_facts, size_text

    facts = [("file", f"{path}, {size_text(path.stat().st_size) if path.is_file() else 'missing'}")]
    refusal: UnsupportedLayerError | None = None
    try:
        model = from_keras(path)
    except UnsupportedLayerError as error:
        # The model cannot be made; what it consists of is in its config.
        print_facts([*facts, ("exports", "no")])
        _print_refused(error)
        return
    proto = None
    try:
        check_supported(model)
        proto = model.to_onnx()
    except UnsupportedLayerError as error:
        refusal = error
    facts += _model_facts(model)
    if proto is not None:
        facts += _interface(proto)
    print_facts([*facts, ("exports", "yes" if refusal is None else "no")])
    _print_layers(model)
    if refusal is not None:
        _print_refused(refusal)
    if proto is not None:
        _print_ops(proto, "operators of its export")


def _show_onnx(path: Path) -> None:
    from converters import from_onnx
    from portable_layers.errors import ArchiveError, PortableLayersError
    from runtime.commands.onnx_facts import files_size, opset_text, shortened, weights
    from runtime.commands.tables import print_facts, size_text
    from runtime.model_source import ModelSource

    proto = ModelSource(path).proto(weights=False)
    if not proto.HasField("graph"):
        raise ArchiveError(f"{path} is not an ONNX model: it has no graph")
    count, elements = weights(proto)
    producer = f"{proto.producer_name} {proto.producer_version}".strip()
    facts = [
        ("file", f"{path}, {size_text(files_size(path))}"),
        ("producer", producer or "unknown"),
        ("opset", f"{opset_text(proto)} (IR version {proto.ir_version})"),
        ("weights", f"{count} initializers, {elements:,} elements"),
        *_interface(proto),
        *(
            (f"metadata {name}", value)
            for name, value in shortened((x.key, x.value) for x in proto.metadata_props)
        ),
    ]
    model = None
    try:
        model = from_onnx(path)
        facts += _model_facts(model)
    except PortableLayersError as error:
        facts.append(("to Keras", f"no: {' '.join(str(error).split())}"))
    print_facts(facts)
    if model is not None:
        _print_layers(model)
    _print_ops(proto, "operators")


def _interface(proto: onnx.ModelProto) -> Facts:
    from runtime.commands.onnx_facts import value_text

    return [
        *(("input", value_text(value)) for value in proto.graph.input),
        *(("output", value_text(value)) for value in proto.graph.output),
    ]


def _model_facts(model: Model) -> Facts:
    from runtime.commands.tables import size_text

    trainable = sum(_elements(v.shape) for v in model.trainable_weights)
    total = model.count_params()
    size = sum(v.numpy().nbytes for v in model.weights)
    return [
        ("model", f"{model.name} ({type(model).__name__})"),
        ("parameters", f"{total:,} ({trainable:,} trainable), {size_text(size)}"),
    ]


def _elements(shape: tuple[int, ...]) -> int:
    import math

    return math.prod(shape)


def _print_layers(model: Model) -> None:
    from portable_layers.model import layer_paths
    from portable_layers.summary import output_shape_text
    from runtime.commands.tables import print_table

    rows = []
    for path, layer in layer_paths(model):
        rows.append((path, type(layer).__name__, output_shape_text(layer), f"{layer.count_params():,}"))
    print()
    print_table("layers", ("layer", "class", "output shape", "parameters"), rows, right=("parameters",))


def _print_ops(proto: onnx.ModelProto, title: str) -> None:
    from runtime.commands.onnx_facts import op_counts
    from runtime.commands.tables import print_table

    counts: Counter[str] = op_counts(proto)
    rows = [(name, str(count)) for name, count in counts.most_common()]
    rows.append(("total", str(counts.total())))
    print()
    print_table(title, ("operator", "count"), rows, right=("count",))


def _print_refused(error: UnsupportedLayerError) -> None:
    from runtime.commands.tables import print_table

    rows = [(layer.path, layer.class_name, layer.reason) for layer in error.layers]
    print()
    print_table("cannot be exported", ("layer", "class", "reason"), rows)
