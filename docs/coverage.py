"""Writes docs/coverage.md: every public name of Keras's modules, and whether it is here.

python -m docs.coverage            # rewrites the table; needs Keras
python -m docs.coverage --check    # exit code 1 if it is not up to date
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PAGE = Path(__file__).parent / "coverage.md"
MODULES = ("layers", "activations", "initializers", "regularizers", "constraints")

# Names that stay out, with the reason.
REFUSED = {
    "layers.Lambda": "refused: its config is Python code, and a model file must not run code",
    "layers.FlaxLayer": "refused: the layer is code of another framework, which no config describes",
    "layers.JaxLayer": "refused: the layer is code of another framework, which no config describes",
    "layers.TFSMLayer": "refused: a TensorFlow SavedModel, which no config describes",
    "layers.TorchModuleWrapper": "refused: the layer is code of another framework, which no config describes",
}
# Options of supported layers that ONNX cannot say, or that Keras itself gives no meaning at inference.
NOTES = {
    "layers.Input": "sparse and ragged inputs are refused",
    "layers.InputLayer": "sparse and ragged inputs are refused",
    "layers.Conv1D": "channels_first: Keras on TensorFlow adds a bias along the last axis where that is as "
    "long as there are filters; so does the export",
}


def rows() -> Iterator[tuple[str, str, str]]:
    """Module, name and state of every public name of the installed Keras."""
    import keras

    import portable_layers as pl

    for module in MODULES:
        theirs, ours = getattr(keras, module), getattr(pl, module)
        for name in sorted(n for n in dir(theirs) if not n.startswith("_")):
            key = f"{module}.{name}"
            if hasattr(ours, name):
                yield module, name, f"yes; {NOTES[key]}" if key in NOTES else "yes"
            else:
                yield module, name, REFUSED.get(key, "not yet")


def page() -> str:
    """The page in Markdown."""
    import keras

    found = list(rows())
    lines = [
        "# What is covered",
        "",
        f"Every public name of Keras {keras.__version__}, written by `python -m docs.coverage`. A layer that is",
        "here is here with all its options; what an option cannot do is said beside it. The functions of",
        "`keras.ops` have a page of their own, [ops.md](ops.md).",
    ]
    for module in MODULES:
        own = [(name, state) for m, name, state in found if m == module]
        count = sum(state.startswith("yes") for _, state in own)
        lines += ["", f"## keras.{module}: {count} of {len(own)}", "", "| name | |", "|---|---|"]
        lines += [f"| {name} | {state} |" for name, state in own]
    return "\n".join(lines) + "\n"


def main(check: bool) -> int:
    """Rewrite the page, or say whether that would change it."""
    text = page()
    if check:
        return int(not PAGE.exists() or PAGE.read_text() != text)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
