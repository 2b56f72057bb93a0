"""Recurrent networks on ONNX Runtime: our graphs beside those of Keras's own exporter, in one run.

    python -m benchmarks.recurrent                    # all networks, batches of 1 and 32
    python -m benchmarks.recurrent --only lstm --batches 1 --json results.json

Both graphs are made of one Keras model with random weights and run in turns on the CPU with two
threads. The table shows nodes (those in bodies counted), the median time of a run, the median of the
ratios of runs that were made one after the other (how many times faster ours is), and the largest
difference to Keras relative to the largest magnitude of its output.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import onnx
import onnxruntime

from converters import from_keras

THREADS = 2


def gru() -> Any:
    """GRU(128), then GRU(64), over 100 steps of 64 features."""
    layers = [keras.layers.GRU(128, return_sequences=True), keras.layers.GRU(64)]
    return keras.Sequential([keras.Input((100, 64)), *layers])


def masked_bidirectional_lstm() -> Any:
    """Tokens, 0 for padding, through an embedding and a bidirectional LSTM."""
    return keras.Sequential(
        [
            keras.Input((100,), dtype="int32"),
            keras.layers.Embedding(1000, 64, mask_zero=True),
            keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True)),
        ]
    )


def lstm() -> Any:
    """LSTM(128) over 100 steps of 64 features, all outputs."""
    return keras.Sequential([keras.Input((100, 64)), keras.layers.LSTM(128, return_sequences=True)])


def conv_lstm() -> Any:
    """ConvLSTM2D over 10 images of 32 x 32, all outputs."""
    layer = keras.layers.ConvLSTM2D(16, 3, padding="same", return_sequences=True)
    return keras.Sequential([keras.Input((10, 32, 32, 3)), layer])


# Each network, and how many times faster than the other graph it is meant to be.
NETWORKS: dict[str, tuple[Callable[[], Any], float]] = {
    "gru": (gru, 4.0),
    "masked_bidirectional_lstm": (masked_bidirectional_lstm, 4.0),
    "lstm": (lstm, 1.0),
    "conv_lstm": (conv_lstm, 1.5),
}


def measure(name: str, batches: list[int], runs: int, folder: Path) -> list[dict[str, Any]]:
    """The figures of one network, a row for each batch."""
    build, target = NETWORKS[name]
    keras.utils.set_random_seed(0)
    model = build()
    model(random_input(model, 1))  # the exporter wants a model that was called
    paths = {"ours": folder / f"{name}.ours.onnx", "theirs": folder / f"{name}.theirs.onnx"}
    from_keras(model).save(paths["ours"])
    with contextlib.redirect_stdout(sys.stderr):
        model.export(str(paths["theirs"]), format="onnx", verbose=False)
    nodes = {f"{side}_nodes": count_nodes(onnx.load(path).graph) for side, path in paths.items()}
    sessions = {side: open_session(path) for side, path in paths.items()}
    rows = []
    for batch in batches:
        x = random_input(model, batch)
        expected = np.asarray(model(x))
        row = {"network": name, "batch": batch, "target": target, **nodes, **latency(sessions, x, runs)}
        for side, session in sessions.items():
            (found,) = session.run(None, {session.get_inputs()[0].name: x})
            row[f"{side}_difference"] = float(np.abs(found - expected).max() / np.abs(expected).max())
        rows.append(row)
    return rows


def random_input(model: Any, batch: int) -> np.ndarray:
    """Noise; or tokens of sequences of many lengths, padded with zeros."""
    rng = np.random.default_rng(1)
    shape = (batch, *model.input_shape[1:])
    if model.inputs[0].dtype.startswith("float"):
        return rng.normal(size=shape).astype("float32")
    tokens = rng.integers(1, 1000, shape).astype("int32")
    lengths = rng.integers(shape[1] // 2, shape[1] + 1, batch)
    return np.where(np.arange(shape[1]) < lengths[:, None], tokens, 0).astype("int32")


def count_nodes(graph: onnx.GraphProto) -> int:
    """Nodes of a graph and of the bodies in it."""
    bodies = [a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    return len(graph.node) + sum(map(count_nodes, bodies))


def open_session(path: Path) -> Any:
    """A session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def latency(sessions: dict[str, Any], x: np.ndarray, runs: int) -> dict[str, float]:
    """Median times in milliseconds, and the median ratio of runs that were made in turns."""
    taken: dict[str, list[float]] = {side: [] for side in sessions}
    for i in range(runs + 3):
        for side in sorted(sessions, reverse=bool(i % 2)):
            feed = {sessions[side].get_inputs()[0].name: x}
            start = time.perf_counter()
            sessions[side].run(None, feed)
            if i >= 3:
                taken[side].append((time.perf_counter() - start) * 1e3)
    pairs = zip(taken["theirs"], taken["ours"], strict=True)
    medians = {f"{side}_ms": statistics.median(values) for side, values in taken.items()}
    return {**medians, "times_faster": statistics.median(a / b for a, b in pairs)}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    head = "network | batch | nodes | Keras nodes | ms | Keras ms | times faster | target | difference | Keras difference"
    lines = [f"| {head} |", "|" + "---|" * len(head.split("|"))]
    for r in rows:
        cells = (
            r["network"], r["batch"], r["ours_nodes"], r["theirs_nodes"], f"{r['ours_ms']:.2f}",
            f"{r['theirs_ms']:.2f}", f"{r['times_faster']:.1f}", f"{r['target']:.1f}",
            f"{r['ours_difference']:.1e}", f"{r['theirs_difference']:.1e}",
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(NETWORKS), help="names, comma-separated")
    parser.add_argument("--batches", default="1,32", help="batch sizes, comma-separated")
    parser.add_argument("--runs", type=int, default=20, help="timed runs of each graph")
    parser.add_argument("--json", help="write the figures to this file")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in args.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(name, [int(n) for n in args.batches.split(",")], args.runs, Path(folder))
        if args.json:
            Path(args.json).write_text(json.dumps(rows, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
