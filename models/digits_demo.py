"""The whole way, on real images: train in Keras, ship as ONNX, come back and train on.

    python -m models.digits_demo FOLDER

Each step does what a user would do, by the command line or the public API. The conversion runs in a
process of its own, which then proves that it loaded neither TensorFlow nor Keras.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from converters import Comparison, verify
from models.digits import build
from runtime import InferenceEngine
from runtime.commands.quiet import quiet_libraries

SEED = 0
BATCH_SIZES = (1, 32)

# What the process of the conversion runs. The seconds are those of the command, without the start of Python.
_EXPORT = """
import json, sys, time
started = time.perf_counter()
from runtime.cli import main
code = main(["export", *sys.argv[1:], "--no-verify"])
seconds = time.perf_counter() - started
loaded = sorted({"tensorflow", "keras"} & sys.modules.keys())
sys.exit(f"the export loaded {loaded}") if loaded else None
print(json.dumps({"seconds": seconds}))
sys.exit(code)
"""

console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)


class DemoError(Exception):
    """A claim of the demo that does not hold."""


def main(folder: Path, epochs: int = 12) -> None:
    """Go the whole way; everything that is made lies in `folder` afterwards.

    Args:
        folder: made where it is missing.
        epochs: of the training.

    Raises:
        DemoError: a step failed, or its result is not what was promised.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train, test = load_digits()
    images, labels = test
    np.savez(folder / "test.npz", image=images)
    with step("load TensorFlow and Keras"), quiet_libraries():
        import keras
        import tensorflow as tf

    with step(f"train on {len(train[0])} images of digits, {epochs} epochs"), quiet_libraries():
        keras.utils.set_random_seed(SEED)
        model = build(keras)
        fit(model, train, epochs)
        model.save(folder / "model.keras")
    with step("export model.keras to model.onnx, without TensorFlow and Keras"):
        seconds = export(folder / "model.keras", folder / "model.onnx")
    with step(f"compare with Keras on all {len(images)} test images"), quiet_libraries():
        comparison = verify(model, folder / "model.onnx", inputs={"image": images})
        check(comparison.passed, comparison.verdict)
    with step("run the test images on the engine"):
        command("run", folder / "model.onnx", "--input", folder / "test.npz", "--output", folder / "out.npz")
        digits = np.load(folder / "out.npz")["digit"]
    with step("measure latencies"), quiet_libraries():
        latencies = measure(model, tf, folder / "model.onnx", images)
        accuracy = score(model.predict(images, verbose=0), labels), score(digits, labels)
    with step("bring model.onnx back to Keras, weights bit for bit"), quiet_libraries():
        command("import", folder / "model.onnx", folder / "back.keras")
        back = keras.saving.load_model(folder / "back.keras")
        same = all(np.array_equal(a, b) for a, b in zip(model.get_weights(), back.get_weights(), strict=True))
        check(same and len(back.weights) == len(model.weights), "the weights changed on the way")
    with step("train it one more epoch and export it again"), quiet_libraries():
        fit(back, train, 1)
        back.save(folder / "retrained.keras")
        export(folder / "retrained.keras", folder / "retrained.onnx")
        again = verify(back, folder / "retrained.onnx", inputs={"image": images})
        check(again.passed, again.verdict)
        retrained = score(back.predict(images, verbose=0), labels), again_score(folder, images, labels)
    console.print()
    print_table(folder, accuracy, retrained, (comparison, again), seconds, latencies)


# The steps


def load_digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images `(n, 8, 8, 1)` and labels `(n,)` for training and for testing."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    images = (data.images[..., None] / 16).astype("float32")
    parts = train_test_split(images, data.target, test_size=0.2, random_state=SEED, stratify=data.target)
    return (parts[0], parts[2]), (parts[1], parts[3])


def fit(model: Any, data: tuple[np.ndarray, np.ndarray], epochs: int) -> None:
    """Compile and train."""
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*data, batch_size=32, epochs=epochs, verbose=0)


def export(source: Path, target: Path) -> float:
    """`portable-layers export` in a fresh process that must not load TensorFlow or Keras; its seconds."""
    lines = run_process([sys.executable, "-c", _EXPORT, str(source), str(target)])
    return json.loads(lines[-1])["seconds"]


def command(*arguments: object) -> None:
    """A command of `portable-layers`, in a process of its own."""
    run_process([sys.executable, "-m", "runtime.cli", *map(str, arguments)])


def run_process(arguments: list[str]) -> list[str]:
    """The lines that a process prints; an error if it fails."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    check(done.returncode == 0, (done.stderr or done.stdout).strip())
    return done.stdout.splitlines()


def measure(model: Any, tf: Any, path: Path, images: np.ndarray) -> dict[str, list[float]]:
    """Median seconds of one call, by what is called, for each batch size."""
    signature = [tf.TensorSpec((None, *images.shape[1:]), tf.float32)]
    function = tf.function(lambda x: model(x, training=False), input_signature=signature)
    with InferenceEngine(path, "cpu") as engine:
        calls: dict[str, Callable[[np.ndarray], Any]] = {
            "keras.predict": lambda x: model.predict(x, verbose=0),
            "tf.function": lambda x: function(x).numpy(),
            "engine": engine.run,
        }
        return {
            name: [median_seconds(call, images[:size]) for size in BATCH_SIZES]
            for name, call in calls.items()
        }


def median_seconds(call: Callable[[np.ndarray], Any], x: np.ndarray, budget: float = 1.0) -> float:
    """The median over as many calls as fit into the budget of seconds, after some to warm up."""
    for _ in range(3):
        call(x)
    times: list[float] = []
    while sum(times) < budget and len(times) < 1000:
        started = time.perf_counter()
        call(x)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def again_score(folder: Path, images: np.ndarray, labels: np.ndarray) -> float:
    with InferenceEngine(folder / "retrained.onnx", "cpu") as engine:
        return score(engine.run(images), labels)


def score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The share of images whose likeliest digit is the right one."""
    return float((probabilities.argmax(-1) == labels).mean())


# The output


@contextmanager
def step(text: str) -> Iterator[None]:
    """Print what is done, and how long it took."""
    started = time.perf_counter()
    with console.status(text):
        yield
    console.print(f"[green]✓[/green] {text} [dim]{time.perf_counter() - started:.1f} s[/dim]")


def print_table(
    folder: Path,
    accuracy: tuple[float, float],
    retrained: tuple[float, float],
    comparisons: tuple[Comparison, Comparison],
    export_seconds: float,
    latencies: dict[str, list[float]],
) -> None:
    """The result: everything that was measured, in one table."""
    table = Table(title="Digits: one network, in Keras and in ONNX", title_justify="left")
    for name in ("", "Keras", "tf.function", "ONNX"):
        table.add_column(name, justify="right" if name else "left")
    count = len(np.load(folder / "test.npz")["image"])
    for name, pair in ((f"accuracy on {count} test images", accuracy), ("  after one more epoch", retrained)):
        table.add_row(name, f"{pair[0]:.2%}", "", f"{pair[1]:.2%}")
    for name, comparison in zip(
        ("largest difference from Keras", "  after one more epoch"), comparisons, strict=True
    ):
        table.add_row(name, "", "", f"{comparison.outputs[0].largest_difference:.1e}")
    table.add_section()
    sizes = [f"{(folder / name).stat().st_size / 1000:.0f} kB" for name in ("model.keras", "model.onnx")]
    table.add_row("file (Keras's holds Adam's state too)", sizes[0], "", sizes[1])
    table.add_row("export, with the imports it needs", "", "", f"{export_seconds:.2f} s")
    table.add_section()
    for place, size in enumerate(BATCH_SIZES):
        cells = [f"{1000 * seconds[place]:.2f} ms" for seconds in latencies.values()]
        table.add_row(f"latency on the CPU, {size} image{'' if size == 1 else 's'}", *cells)
    console.print(table)
    console.print("Latencies are medians of one call: keras.predict, a tf.function, InferenceEngine.run.")


def check(holds: bool, message: str) -> None:
    if not holds:
        raise DemoError(message)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
    except DemoError as failure:
        sys.exit(f"the demo failed: {failure}")
