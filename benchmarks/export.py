"""Export of `keras.applications`: ours beside Keras's own exporter, in one process on one machine.

    python -m benchmarks.export                         # the fourteen networks of the parity test
    python -m benchmarks.export --models ResNet50 --json results.json
    python -m benchmarks.export --all                   # all networks of keras.applications

For each network, with seeded random weights and non-trivial batch-norm statistics at its full input
size: the time from a `.keras` file to a saved, checked and loaded `.onnx` file, against the time of
`model.export(format="onnx")` from the live model (imports count on neither side); nodes of both
graphs; latency of both in ONNX Runtime, run in turns; the largest difference to Keras of both,
relative to the output's largest magnitude; and the peak of extra memory of our export over the size
of the weights, in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import onnx
import onnxruntime

from converters import from_keras
from models.applications import NETWORKS, all_networks, build

# In a process of its own, of Linux: other systems have no high-water mark that can be reset.
_MEMORY_PROBE = """
import re, sys
import onnx, onnxruntime
from converters import from_keras
from portable_layers import Input, Model, layers
def status(key):
    return int(re.search(key + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
x = Input((4,)); Model(x, layers.Dense(2)(x)).save(sys.argv[2])
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark starts anew
before = status("VmRSS")
from_keras(sys.argv[1]).save(sys.argv[2])
print(status("VmHWM") - before)
"""


def measure(name: str, folder: Path, runs: int, ours_only: bool = False) -> dict[str, Any]:
    """All figures of one network."""
    model = build(name)
    archive, ours, theirs = folder / f"{name}.keras", folder / "ours.onnx", folder / "theirs.onnx"
    model.save(archive)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        from_keras(archive).save(ours)
        times.append(time.perf_counter() - start)
    row: dict[str, Any] = {
        "model": name,
        "weights_mb": model.count_params() * 4 / 1e6,
        "export_s": min(times),
    }
    shape = [224 if n is None else n for n in model.input_shape[1:]]  # some take images of any size
    image = np.random.default_rng(1).uniform(-1, 1, (1, *shape)).astype("float32")
    want = np.asarray(model(image, training=False))
    sessions = {"ours": _session(ours)}
    try:
        if ours_only:
            raise RuntimeError("left out")
        start = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):
            model.export(str(theirs), format="onnx", verbose=False)
        row["keras_export_s"] = time.perf_counter() - start
        sessions["theirs"] = _session(theirs)
    except Exception as error:  # the other exporter may fail in any way; that is a result
        row["keras_error"] = f"{type(error).__name__}: {error}"[:200]
    for side, session in sessions.items():
        feed = {session.get_inputs()[0].name: image}
        got = session.run(None, feed)[0]
        row[f"{side}_difference"] = float(np.abs(got - want).max() / np.abs(want).max())
        row[f"{side}_nodes"] = len(
            onnx.load(str(folder / f"{side}.onnx"), load_external_data=False).graph.node
        )
    row |= _latency(sessions, image, runs)
    row["extra_memory_ratio"] = _memory(archive, ours) / (row["weights_mb"] * 1e6)
    return row


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _latency(sessions: dict[str, Any], image: np.ndarray, runs: int) -> dict[str, float]:
    """Median latencies in milliseconds of runs made in turns, and their ratio."""
    taken: dict[str, list[float]] = {side: [] for side in sessions}
    for i in range(runs + 3):
        for side in sorted(sessions, reverse=bool(i % 2)):
            feed = {sessions[side].get_inputs()[0].name: image}
            start = time.perf_counter()
            sessions[side].run(None, feed)
            if i >= 3:
                taken[side].append((time.perf_counter() - start) * 1e3)
    figures = {f"{side}_ms": statistics.median(values) for side, values in taken.items()}
    if len(figures) == 2:
        figures["latency_ratio"] = figures["ours_ms"] / figures["theirs_ms"]
    return figures


def _memory(archive: Path, out: Path) -> int:
    probe = [sys.executable, "-c", _MEMORY_PROBE, str(archive), str(out)]
    return int(subprocess.run(probe, check=True, capture_output=True, text=True).stdout)


def table(rows: list[dict[str, Any]]) -> str:
    """The results as a Markdown table."""
    head = (
        "model", "weights MB", "export s", "Keras s", "ratio", "nodes", "Keras nodes", "ORT ms", "Keras ORT ms",
        "latency ratio", "difference", "Keras difference", "extra memory / weights",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for r in rows:
        theirs = r.get("keras_export_s")
        ratio = r["export_s"] / theirs if theirs else None
        cells = (
            r["model"], _text(r["weights_mb"], 1), _text(r["export_s"], 2), _text(theirs, 2), _text(ratio, 3),
            r.get("ours_nodes"), r.get("theirs_nodes", "-"), _text(r.get("ours_ms"), 1), _text(r.get("theirs_ms"), 1),
            _text(r.get("latency_ratio"), 3), f"{r['ours_difference']:.1e}",
            f"{r['theirs_difference']:.1e}" if "theirs_difference" in r else "-", _text(r["extra_memory_ratio"], 2),
        )  # fmt: skip
        lines.append("| " + " | ".join(str(c) for c in cells) + " |")
    return "\n".join(lines)


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(NETWORKS), help="names, comma-separated")
    parser.add_argument("--all", action="store_true", help="all networks of keras.applications")
    parser.add_argument("--ours-only", action="store_true", help="leave Keras's exporter out")
    parser.add_argument("--runs", type=int, default=20, help="timed runs of each session")
    parser.add_argument("--json", help="write the figures to this file")
    args = parser.parse_args()
    rows = []
    for name in all_networks() if args.all else args.models.split(","):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(name, Path(folder), args.runs, args.ours_only))
        print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
        if args.json:
            Path(args.json).write_text(json.dumps(rows, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
