"""`portable-layers import`: an exported ONNX file becomes a `.keras` file again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = subparsers.add_parser(
        "import",
        help="convert an exported ONNX model back to Keras",
        description=(
            "Make a .keras file of an ONNX file that portable-layers exported: the same layers and names, "
            "the weights bit for bit. Keras is not needed for it."
        ),
    )
    parser.add_argument("model", metavar="MODEL.onnx", help="a file that `export` wrote")
    parser.add_argument("output", metavar="OUT.keras", help="where to write")
    return parser


def run(args: argparse.Namespace) -> int:
    """Import the model.

    Raises:
        PortableLayersError: the file cannot be read, was not exported by portable-layers, or the output
            cannot be written.
    """
    from portable_layers.errors import InputError
    from runtime.commands.progress import stages
    from runtime.commands.tables import print_facts, size_text

    output = Path(args.output)
    if output.suffix != ".keras":
        raise InputError(f"the output's name must end in .keras. Received: {output}")
    with stages() as stage:
        stage("converting")
        from converters import from_onnx, to_keras_file

        model = from_onnx(args.model)
        to_keras_file(model, output)
    print_facts(
        [
            ("file", f"{output}, {size_text(output.stat().st_size)}"),
            ("model", f"{model.name}, {len(model.layers)} layers, {model.count_params():,} parameters"),
        ]
    )
    return 0
