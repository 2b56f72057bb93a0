"""Writes docs/ops.md: every function of `keras.ops`, and whether it is mapped.

python -m docs.ops            # rewrites the table
python -m docs.ops --check    # exit code 1 if it is not up to date

The names are those of `ops` itself and of its table of reasons; a test compares them with Keras.
"""

from __future__ import annotations

import sys
from pathlib import Path

from portable_layers import ops
from portable_layers.ops.unsupported import REASONS

PAGE = Path(__file__).parent / "ops.md"

# What is no function of keras.ops.
_OURS = {"is_keras_tensor", "nn", "numpy", "prelu"}
_NOTES = {
    "argpartition": "compares as int32, as Keras on TensorFlow",
    "bincount": "dense results only",
    "cholesky": "gives what is not a number where Keras raises an error",
    "cond": "a file holds it only with functions that are registered under a name",
    "convert_to_numpy": "of what has a value",
    "ctc_decode": "greedy only",
    "custom_gradient": "the function without its gradient",
    "eigh": "of matrices of known size; the signs of vectors are free",
    "image.elastic_transform": "the random numbers are not TensorFlow's, their distribution is",
    "lstsq": "of matrices of known size",
    "matrix_rank": "of matrices of known size",
    "multi_hot": "dense results only",
    "one_hot": "dense results only",
    "pinv": "of matrices of known size",
    "qr": "of matrices of known size",
    "rot90": "a half turn mixes up what is not square, as Keras 3.15 on TensorFlow",
    "sparsemax": "with the threshold of Keras 3.15",
    "svd": "of matrices of known size; the signs of vectors are free",
    "vectorize": "without `excluded` and `signature`",
    "view": "dtypes of one width; from opset 26 on where one of them is not an integer",
    **dict.fromkeys(
        ("angle", "conj", "conjugate", "imag", "isreal", "real", "view_as_real"), "of real numbers"
    ),
    **dict.fromkeys(
        ("associative_scan", "fori_loop", "map", "scan", "switch", "vectorized_map", "while_loop"),
        "a file holds it only with functions that are registered under a name",
    ),
}
_HEAD = """# Functions of `keras.ops`

Of the {total} functions of `keras.ops` (those of `keras.ops.image` are written `image.` here), {mapped}
are mapped: called on arrays they run, called on the tensors of a functional model they are recorded,
and a recorded one in a `.keras` file is exported. Values, shapes and dtypes are compared with Keras on
TensorFlow for each of them.

| function | |
|---|---|
"""


def names() -> list[str]:
    """All functions of `keras.ops`, mapped or not."""
    mapped = [n for n in ops.__all__ if n not in _OURS]
    return sorted([*mapped, *(f"image.{n}" for n in ops.image.__all__), *REASONS])


def page() -> str:
    """The page in Markdown."""
    rows = []
    for name in names():
        if name in REASONS:
            rows.append(f"| `{name}` | not mapped: {REASONS[name]} |")
        else:
            rows.append(f"| `{name}` | {_NOTES.get(name, '')} |".replace("|  |", "| |"))
    total = len(rows)
    return _HEAD.format(total=total, mapped=total - len(REASONS)) + "\n".join(rows) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(PAGE.read_text() != page())
    PAGE.write_text(page())
