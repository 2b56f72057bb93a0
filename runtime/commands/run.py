"""`portable-layers run`: run a model on arrays from a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

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
    parser.add_argument(
        "--provider",
        default="auto",
        help="auto (default), cpu, cuda, tensorrt, openvino, reference; or several in order: cuda,cpu",
    )
    parser.add_argument(
        "--batch-size", type=_positive, metavar="N", help="run N rows at a time; by default all at once"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the model.

    Raises:
        PortableLayersError: the model, the provider or the inputs cannot be used.
        OSError: a file cannot be read or written.
    """
    from runtime.array_files import write_arrays
    from runtime.engine import InferenceEngine

    providers = args.provider.split(",") if "," in args.provider else args.provider
    # onnxruntime logs what it also raises; here an error is one line.
    with InferenceEngine(args.model, providers, log_severity="fatal") as engine:
        feed = _read_inputs(args.input, engine)
        outputs = engine.run(feed) if args.batch_size is None else _run_batches(engine, feed, args.batch_size)
        if args.output:
            write_arrays(args.output, outputs)
        _print_table(f"{args.model} on {', '.join(engine.providers)}", outputs)
    return 0


def _read_inputs(path: str, engine: InferenceEngine) -> Arrays:
    from portable_layers.errors import InputError
    from runtime.array_files import read_arrays, restore_dtype

    loaded = read_arrays(path)
    if not isinstance(loaded, dict):
        required = [info.name for info in engine.inputs if info.required]
        if len(required) != 1:
            raise InputError(
                f"{path} holds one array, the model takes {len(required)} inputs: "
                f"save them by name with numpy.savez: {', '.join(required)}"
            )
        loaded = {required[0]: loaded}
    dtypes = {info.name: info.dtype for info in engine.inputs}
    return {
        name: restore_dtype(array, dtypes[name]) if name in dtypes else array
        for name, array in loaded.items()
    }


def _run_batches(engine: InferenceEngine, feed: Arrays, size: int) -> Arrays:
    """Run `size` rows at a time and put the outputs together again."""
    import numpy as np

    names, rows = _batched_inputs(engine, feed)
    parts: list[Arrays] = []
    for start in _progress(range(0, max(rows, 1), size)):
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


def _progress(steps: range) -> Iterable[int]:
    if not sys.stderr.isatty():
        return steps
    from rich.console import Console
    from rich.progress import track

    return track(steps, description="running", console=Console(stderr=True), transient=True)


def _print_table(title: str, outputs: Arrays) -> None:
    header = ("output", "shape", "dtype", "min", "mean", "max")
    rows = [header, *_rows(outputs)]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(title))
        for name in header:
            table.add_column(name, justify="left" if name in header[:3] else "right")
        for row in rows[1:]:
            table.add_row(*map(Text, row))
        Console().print(table)
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(title)
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


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


def _positive(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a positive number, received {text!r}")
    return value
