"""`portable-layers verify`: whether two models give the same outputs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from runtime.commands.arguments import add_provider, positive, providers, tolerance

if TYPE_CHECKING:
    from converters import Comparison


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = subparsers.add_parser(
        "verify",
        help="compare two models on the same inputs",
        description=(
            "Run two models on the same inputs and compare the outputs. Exit code 0: the same within the "
            "tolerance; 1: different. Keras files run in Keras, ONNX files on the engine."
        ),
    )
    parser.add_argument("reference", metavar="REFERENCE", help="what is right: a .keras, .h5 or .onnx file")
    parser.add_argument("candidate", metavar="CANDIDATE", help="what is to be checked: a file of these kinds")
    parser.add_argument(
        "--inputs", metavar="X.npz", help="arrays by input name, or a .npy for one input; random by default"
    )
    parser.add_argument(
        "--samples", type=positive, default=8, metavar="N", help="random samples in a batch (default 8)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the random inputs (default 0)")
    parser.add_argument(
        "--tolerance",
        type=tolerance,
        metavar="T",
        help="largest difference that passes, relative to the largest magnitude of the output "
        "(default 1e-4, more for half precision)",
    )
    add_provider(parser, "cpu")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    return parser


def run(args: argparse.Namespace) -> int:
    """Compare the models.

    Returns:
        0 where they agree, 1 where they do not.

    Raises:
        PortableLayersError: a model or the inputs cannot be used.
        OSError: a file cannot be read.
    """
    from runtime.commands.progress import stages
    from runtime.commands.quiet import quiet_libraries

    with stages() as stage, quiet_libraries("debug" in args):
        stage("comparing")
        from converters import verify

        comparison = verify(
            args.reference,
            args.candidate,
            inputs=args.inputs,
            samples=args.samples,
            seed=args.seed,
            tolerance=args.tolerance,
            provider=providers(args.provider),
        )
    if args.json:
        import json

        print(json.dumps(comparison.to_json(), indent=2, allow_nan=False))
    else:
        _print_comparison(comparison)
    return 0 if comparison.passed else 1


def _print_comparison(comparison: Comparison) -> None:
    from runtime.commands.tables import print_table

    header = ("output", "shape", "dtype", "largest difference", "relative", "verdict")
    rows = [
        (
            output.name,
            "-" if output.shape is None else str(list(output.shape)),
            output.dtype,
            _number(output.largest_difference),
            _number(output.relative_difference),
            "different" if not output.passed else "equal" if output.equal else "close",
        )
        for output in comparison.outputs
    ]
    print_table(f"{comparison.reference} and {comparison.candidate}", header, rows, right=header[3:5])
    print(comparison.verdict)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
