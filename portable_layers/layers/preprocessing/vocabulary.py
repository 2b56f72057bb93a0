"""Vocabularies: given, read from a file's assets, or counted in data; what lookup layers know."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from portable_layers.errors import WeightsError


def as_list(value: Any) -> list[Any] | None:
    """A vocabulary or weights as a list of plain values; None stays None."""
    if value is None:
        return None
    if hasattr(value, "numpy"):
        value = value.numpy()
    items = value.tolist() if isinstance(value, np.ndarray) else list(value)
    return [
        x.decode() if isinstance(x, bytes) else x.item() if isinstance(x, np.generic) else x for x in items
    ]


def read_lines(path: str) -> list[str]:
    """The terms of a vocabulary file, one a line."""
    return Path(path).read_text(encoding="utf-8").split("\n")


def parse_asset(data: bytes, dtype: str, where: str) -> list[Any]:
    """The terms of Keras's asset `vocabulary.txt`.

    Raises:
        WeightsError: for a file that is not text, or holds no integers where it should.
    """
    try:
        # As Keras reads it: newlines of all kinds end a term, the last empty ones are dropped.
        lines = data.decode("utf-8").splitlines()
        while lines and lines[-1] == "":
            lines.pop()
        return lines if dtype == "string" else [int(line) for line in lines]
    except ValueError as error:
        raise WeightsError(f"{where}: its vocabulary cannot be read: {error}") from None


def without_special(terms: Sequence[Any], special: Sequence[Any], layer: Any) -> list[Any]:
    """The terms of a vocabulary without the mask and out-of-vocabulary tokens at its start.

    Raises:
        ValueError: for an empty vocabulary, repeated terms, and special tokens elsewhere.
    """
    if not terms:
        raise ValueError(f"the vocabulary of layer {layer.name} must not be empty")
    found = list(terms[: len(special)]) == list(special)
    tokens = list(terms[len(special) :]) if found else list(terms)
    counts = collections.Counter(tokens)
    if len(counts) < len(tokens):
        repeated = [t for t, n in counts.items() if n > 1]
        raise ValueError(f"the vocabulary of layer {layer.name} has repeated terms: {repeated}")
    reserved = [layer.mask_token, layer.oov_token if layer.invert else None]
    for token in reserved:
        if token is not None and token in counts:
            raise ValueError(
                f"the vocabulary of layer {layer.name} may hold the reserved token {token!r} only at its "
                f"start, as in {list(special)}"
            )
    return tokens


def batches_of(data: Any, steps: int | None) -> Iterable[np.ndarray]:
    """The batches of the data that a layer is adapted to: an array or list is one of them."""
    if isinstance(data, list | tuple | np.ndarray) or hasattr(data, "__array__"):
        whole = np.asarray(data)
        # One term a row is one document each.
        yield whole[:, None] if whole.ndim == 1 else whole
        return
    for number, batch in enumerate(data):
        if steps is not None and number >= steps:
            return
        yield np.asarray(batch)


def terms_of(batch: np.ndarray, dtype: str) -> np.ndarray:
    """Data as terms: strings, or int64."""
    if dtype != "string":
        return batch.astype(np.int64)
    flat = [x.decode() if isinstance(x, bytes) else str(x) for x in batch.ravel()]
    return np.array(flat, object).reshape(batch.shape)


class TermCounts:
    """How often each term occurs, and in how many documents.

    Attributes:
        documents: how many documents were counted.
    """

    def __init__(self) -> None:
        self.terms: collections.Counter[Any] = collections.Counter()
        self.containing: collections.Counter[Any] = collections.Counter()
        self.documents = 0

    def add(self, rows: Iterable[Iterable[Any]]) -> None:
        """Count documents, each an iterable of terms."""
        for row in rows:
            terms = list(row)
            self.terms.update(terms)
            self.containing.update(set(terms))
            self.documents += 1

    def most_common(self, most: int | None, special: Iterable[Any]) -> list[Any]:
        """The terms, the most frequent first, of equally frequent ones the last in order first."""
        left_out = set(special)
        kept = [t for t in self.terms if t not in left_out]
        # Strings as TensorFlow orders them: by their bytes.
        kept.sort(key=lambda t: (self.terms[t], t.encode() if isinstance(t, str) else t), reverse=True)
        return kept[:most]

    def inverse_frequencies(self, tokens: Sequence[Any]) -> np.ndarray:
        """`log(1 + documents / (1 + documents with the token))` of each token."""
        counts = np.array([self.containing[t] for t in tokens], np.float64)
        return np.log(1 + self.documents / (1 + counts)).astype(np.float32)
