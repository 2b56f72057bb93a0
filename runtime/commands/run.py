"""`portable-layers run`: run a model on arrays from a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runtime.commands.arguments import add_provider, positive, providers

if TYPE_CHECKING:
    import numpy as np

    from runtime.engine import InferenceEngine

Arrays = dict[str, "np.ndarray"]


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = subparsers.add_parser(
        "run",
        help="run an ONNX model on arrays from a file",
        description="Run a model on arrays from a file; print what comes out and, with --output, keep it.",
    )
    parser.add_argument("model", metavar="MODEL.onnx", help="the model")
    parser.add_argument(
        "--input",
        required=True,
        metavar="X.npz",
        help="arrays by input name; or a .npy for a model with one input",
    )
    parser.add_argument("--output", metavar="OUT.npz", help="where to write the outputs, by output name")
    add_provider(parser, "auto")
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="run N rows at a time; by default all at once"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the model.

    Raises:
        PortableLayersError: the model, the provider or the inputs cannot be used.
        OSError: a file cannot be read or written.
    """
    from runtime.array_files import read_inputs, write_arrays
    from runtime.engine import InferenceEngine

    # onnxruntime logs what it also raises; here an error is one line.
    with InferenceEngine(args.model, providers(args.provider), log_severity="fatal") as engine:
        feed = read_inputs(args.input, engine.inputs)
        outputs = engine.run(feed) if args.batch_size is None else _run_batches(engine, feed, args.batch_size)
        if args.output:
            write_arrays(args.output, outputs)
        _print_outputs(f"{args.model} on {', '.join(engine.providers)}", outputs)
    return 0


def _run_batches(engine: InferenceEngine, feed: Arrays, size: int) -> Arrays:
    """Run `size` rows at a time and put the outputs together again."""
    import numpy as np

    from runtime.commands.progress import track_steps

    names, rows = _batched_inputs(engine, feed)
    parts: list[Arrays] = []
    for start in track_steps(range(0, max(rows, 1), size), "running"):
        batch = {
            name: array[start : start + size] if name in names else array for name, array in feed.items()
        }
        parts.append(engine.run(batch))
        _check_rows(parts[-1], min(size, rows - start))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _batched_inputs(engine: InferenceEngine, feed: Arrays) -> tuple[set[str], int]:
    """The inputs that are cut into batches, and how many rows they have.

    These are the ones whose first axis has the same symbolic size as that of the first such input.
    """
    from portable_layers.errors import InputError

    engine.check(feed)
    leading = {info.name: info.shape[0] for info in engine.inputs if info.name in feed and info.shape}
    symbols = [dim for dim in leading.values() if not isinstance(dim, int)]
    if not symbols:
        raise InputError(
            "--batch-size needs an input whose first axis has a symbolic size; this model has none"
        )
    names = {name for name, dim in leading.items() if dim == symbols[0]}
    counts = {name: len(feed[name]) for name in names}
    if len(set(counts.values())) != 1:
        raise InputError(f"--batch-size needs inputs with as many rows as each other. Received: {counts}")
    return names, next(iter(counts.values()))


def _check_rows(outputs: Arrays, rows: int) -> None:
    from portable_layers.errors import InputError

    for name, array in outputs.items():
        if array.shape[:1] != (rows,):
            raise InputError(
                f"output {name!r} has shape {array.shape} for a batch of {rows} rows, so batches of it "
                "cannot be put together; run without --batch-size"
            )


def _print_outputs(title: str, outputs: Arrays) -> None:
    from runtime.commands.tables import print_table

    header = ("output", "shape", "dtype", "min", "mean", "max")
    print_table(title, header, list(_rows(outputs)), right=header[3:])


def _rows(outputs: Arrays) -> Iterator[tuple[str, ...]]:
    import numpy as np

    from runtime.conversion import dtype_name

    for name, array in outputs.items():
        statistics = ["-", "-", "-"]
        if array.size and array.dtype.kind not in "Oc":
            # Of float64: sums of float16 overflow, and the extended floats have no mean.
            values = array.astype(np.float64)
            with np.errstate(all="ignore"):  # infinities and NaN are shown, not warned about
                statistics = [f"{value:.6g}" for value in (values.min(), values.mean(), values.max())]
        yield name, str(list(array.shape)), dtype_name(array.dtype), *statistics
