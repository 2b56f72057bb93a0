"""Every function of `ops` against `keras.ops` on TensorFlow: values, shapes and dtypes.

At once on arrays; in functional models that Keras saves and we read, a group of rows in one model,
with a dynamic batch, the config compared too; and exported to older opsets.
"""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path
from types import ModuleType

import pytest
from rows import Row, eager_difference, functional_difference

from portable_layers.ops.dispatch import FUNCTIONS

GROUPS = ("elementwise", "reduction", "shape", "nn", "linalg", "image")
ROWS: dict[str, list[Row]] = {g: importlib.import_module(f"rows_{g}").ROWS for g in GROUPS}
# Rows in one model: with more of them Keras takes longer to build it, with fewer to start.
AT_ONCE = 32
# Random, or with signs that no definition tells: see test_decompositions.py and test_random_images.py.
ELSEWHERE = {"elastic_transform", "eigh"}
OPSETS = (17, 20)
# What an older opset says in another way.
DECOMPOSED = {
    "gelu", "mish", "rms_normalization", "layer_normalization", "bitwise_and", "bitwise_or", "bitwise_xor",
    "cumprod", "scatter_update", "segment_max", "segment_min", "rfft", "irfft", "isinf", "isfinite",
    "isposinf", "isneginf", "nan_to_num", "max", "mean", "prod", "any", "logsumexp", "ldexp", "sum",
}  # fmt: skip


def _chunks() -> list[tuple[str, list[Row]]]:
    """Rows that share a batch, so many at once; those without one go with any."""
    found = []
    for group, rows in ROWS.items():
        recorded = sorted((r for r in rows if r.functional and r.arrays()), key=lambda r: r.batch or 0)
        for batch, some in itertools.groupby(recorded, key=lambda r: r.batch):
            same = list(some)
            for start in range(0, len(same), AT_ONCE):
                name = f"{group}-batch{batch or ''}-{start // AT_ONCE}"
                found.append((name, same[start : start + AT_ONCE]))
    return found


@pytest.mark.parametrize("group", GROUPS)
def test_eager(keras: ModuleType, group: str) -> None:
    # Every function once, and what a functional model cannot record; models run the other rows.
    first = {row.name: row for row in reversed(ROWS[group])}
    rows = [row for row in ROWS[group] if first[row.name] is row or not row.functional]
    found = {str(row): eager_difference(keras, row) for row in rows}
    assert not {name: text for name, text in found.items() if text}


@pytest.mark.parametrize(("name", "rows"), _chunks(), ids=lambda x: x if isinstance(x, str) else "")
def test_functional(keras: ModuleType, tmp_path: Path, name: str, rows: list[Row]) -> None:
    assert functional_difference(keras, rows, tmp_path) == ""


@pytest.mark.parametrize("opset", OPSETS)
def test_older_opsets(keras: ModuleType, tmp_path: Path, opset: int) -> None:
    rows = [
        row
        for group in ROWS.values()
        for row in group
        if row.name in DECOMPOSED and row.functional and row.arrays() and row.batch in (None, 2)
    ]
    assert functional_difference(keras, rows, tmp_path, opset) == ""


def test_every_function_has_a_row() -> None:
    tested = {row.name.split(".")[-1] for rows in ROWS.values() for row in rows}
    # The layers' own tests call what keras.ops has not.
    ours = {"prelu", "dropout", "_rank"} | {n for n, f in FUNCTIONS.items() if "activations" in f.__module__}
    assert set(FUNCTIONS) - tested - ours - ELSEWHERE == set()
