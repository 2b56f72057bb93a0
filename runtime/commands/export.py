"""`portable-layers export`: a Keras model becomes an ONNX file that has been checked."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from converters import Comparison


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = subparsers.add_parser(
        "export",
        help="convert a Keras model to ONNX",
        description=(
            "Convert a .keras or .h5 file to ONNX. The conversion needs neither Keras nor TensorFlow; where "
            "they are installed, the result is then compared with Keras on random inputs. A file that "
            "differs is not written (exit code 1)."
        ),
    )
    parser.add_argument("model", metavar="MODEL", help="a .keras or whole-model .h5 file")
    parser.add_argument(
        "output", metavar="OUT.onnx", nargs="?", help="where to write; by default beside MODEL, as .onnx"
    )
    parser.add_argument("--opset", type=int, metavar="N", help="version of ONNX's operator set, from 17 on")
    parser.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        help="compare with Keras; by default wherever Keras is installed",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Export the model.

    Raises:
        PortableLayersError: the model cannot be read or exported, or Keras is asked for and missing.
        OSError: the file cannot be written.
    """
    from portable_layers.errors import InputError, MissingDependencyError
    from runtime.commands.progress import stages
    from runtime.commands.quiet import quiet_libraries
    from runtime.files import atomic_write

    output = Path(args.output) if args.output else Path(args.model).with_suffix(".onnx")
    if output.suffix != ".onnx":
        raise InputError(f"the output's name must end in .onnx. Received: {output}")
    if args.verify and not _keras_is_installed():
        raise MissingDependencyError("keras", "tensorflow", "--verify")
    wanted = _keras_is_installed() if args.verify is None else args.verify
    comparison = None
    try:
        with stages() as stage, quiet_libraries("debug" in args), atomic_write(output) as temporary:
            stage("converting")
            started = time.perf_counter()
            facts = _convert(args.model, temporary, args.opset)
            seconds = time.perf_counter() - started
            if wanted:
                stage("comparing with Keras")
                comparison = _compare(args.model, temporary)
    except _DifferentError as error:
        print(f"{output} was not written: {args.model} and its export are {error.comparison.verdict}")
        return 1
    _print_summary(output, facts, seconds, comparison)
    return 0


class _DifferentError(Exception):
    """Raised where the file must not take its place."""

    def __init__(self, comparison: Comparison):
        super().__init__(comparison.verdict)
        self.comparison = comparison


def _keras_is_installed() -> bool:
    """Whether Keras and a backend are there; nothing is imported for the answer."""
    from importlib.util import find_spec

    return find_spec("keras") is not None and any(map(find_spec, ("tensorflow", "jax", "torch")))


def _convert(source: str, target: Path, opset: int | None) -> list[tuple[str, str]]:
    """Write the file; what there is to say about it comes back."""
    import onnx

    from converters import from_keras

    from_keras(source).save(target, opset=opset)
    proto = onnx.load(str(target), load_external_data=False)
    ops = Counter(node.op_type for node in proto.graph.node)
    common = ", ".join(f"{count} {name}" for name, count in ops.most_common(5))
    from runtime.commands.onnx_facts import opset_text, value_text

    return [
        ("opset", opset_text(proto)),
        ("nodes", f"{len(proto.graph.node)} ({common}{', ...' if len(ops) > 5 else ''})"),
        *(("input", value_text(value)) for value in proto.graph.input),
        *(("output", value_text(value)) for value in proto.graph.output),
    ]


def _compare(source: str, target: Path) -> Comparison:
    from converters import verify

    comparison = verify(source, target)
    if not comparison.passed:
        raise _DifferentError(comparison)
    return comparison


def _print_summary(
    output: Path, facts: list[tuple[str, str]], seconds: float, comparison: Comparison | None
) -> None:
    from runtime.commands.onnx_facts import files_size
    from runtime.commands.tables import print_facts, size_text

    verdict = (
        "not verified: use --verify where Keras is installed" if comparison is None else comparison.verdict
    )
    print_facts(
        [
            ("file", f"{output}, {size_text(files_size(output))}"),
            *facts,
            ("time", f"{seconds:.2f} s"),
            ("verified", verdict),
        ]
    )
