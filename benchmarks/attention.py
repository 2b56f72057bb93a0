"""The transformer encoder: ours in ONNX Runtime beside a compiled `tf.function`, in one process, in turns.

    python -m benchmarks.attention                      # batches of 1 and 32, 2 threads
    python -m benchmarks.attention --batches 1 --runs 100 --json results.json

The network is `models.transformer` without padding: 4 blocks of width 256 with 8 heads, 128 tokens, and
with padding, where attention takes a mask. For each: the nodes of our graph and of the one without the
Attention operator (opset 22), latencies of both and of `tf.function`, with and without XLA, and the
largest difference to Keras, relative to the largest output.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import onnx
import onnxruntime

from converters import from_keras
from models import transformer

# The newest opset without the Attention operator.
_WITHOUT_OPERATOR = 22


def measure(batch: int, mask_zero: bool, runs: int, threads: int) -> dict[str, Any]:
    """All figures for one size of batch."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = transformer.build(keras, mask_zero=mask_zero)
    portable = from_keras(model)
    protos = {"operator": portable.to_onnx(), "parts": portable.to_onnx(_WITHOUT_OPERATOR)}
    rng = np.random.default_rng(1)
    tokens = rng.integers(1, 1000, (batch, 128)).astype("int32")
    if mask_zero:
        tokens[:, 100:] = 0
    sides: dict[str, Callable[[], Any]] = {
        name: _session_call(proto, tokens, threads) for name, proto in protos.items()
    }
    for name, compile_ in (("tf", False), ("tf_xla", True)):
        sides[name] = _function_call(tf, model, tokens, compile_)
    row: dict[str, Any] = {"batch": batch, "padding": mask_zero}
    row |= {f"{name}_nodes": len(proto.graph.node) for name, proto in protos.items()}
    want = sides["tf"]()
    row["difference"] = float(np.abs(sides["operator"]() - want).max() / np.abs(want).max())
    return row | _latencies(sides, runs)


def _session_call(proto: onnx.ModelProto, tokens: np.ndarray, threads: int) -> Callable[[], Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # The sides take turns: a side's threads must not wait busily while the other one runs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"tokens": tokens})[0]


def _function_call(tf: Any, model: Any, tokens: np.ndarray, xla: bool) -> Callable[[], Any]:
    signature = [tf.TensorSpec(tokens.shape, tf.int32)]
    function = tf.function(lambda x: model(x, training=False), input_signature=signature, jit_compile=xla)
    return lambda: function(tokens).numpy()


def _latencies(sides: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Median latencies in milliseconds, and our medians over those of TensorFlow."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for i in range(runs + 3):
        for name in names if i % 2 else reversed(names):
            start = time.perf_counter()
            sides[name]()
            if i >= 3:
                taken[name].append((time.perf_counter() - start) * 1e3)
    figures = {f"{name}_ms": statistics.median(values) for name, values in taken.items()}
    # Of runs made one after the other, so that what else the machine does counts on both sides.
    for name in ("tf", "tf_xla", "parts"):
        pairs = zip(taken["operator"], taken[name], strict=True)
        figures[f"ratio_to_{name}"] = statistics.median(a / b for a, b in pairs)
    return figures


def table(rows: list[dict[str, Any]]) -> str:
    """The results as a Markdown table."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    for row in rows:
        cells = (f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values())
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", default="1,32", help="sizes of batch, comma-separated")
    parser.add_argument("--runs", type=int, default=30, help="timed runs of each side")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", help="write the figures to this file")
    args = parser.parse_args()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    rows = [
        measure(int(batch), mask_zero, args.runs, args.threads)
        for batch in args.batches.split(",")
        for mask_zero in (False, True)
    ]
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
