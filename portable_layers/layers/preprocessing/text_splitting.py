"""Text made even, cut into tokens and put together as n-grams, with ONNX's and ONNX Runtime's operators.

Tokens are rows of one length, filled up with empty strings, which are no tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers.errors import GraphError
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import reshape
from portable_layers.tensor import Tensor

# What TensorFlow's `TextVectorization` takes out of texts.
_PUNCTUATION = r"""!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~'"""
# What `tf.strings.split` splits at; RE2's \s lacks \v.
_SPACE = r" \t\n\v\f\r"
# StringConcat is an operator since then.
_CONCAT_OPSET = 20


def lower(x: Tensor) -> Tensor:
    """A to Z as small letters; others stay as they are, as in TensorFlow.

    Output shape: that of x
    """
    # Its locale "C" knows no other letters, and the operator takes vectors only.
    flat = reshape(x, -1)
    small = graph().add("StringNormalizer", flat, case_change_action="LOWER", locale="C", shape=flat.shape)
    return reshape(small, x.shape)


def without_punctuation(x: Tensor) -> Tensor:
    """The texts without ASCII punctuation.

    Output shape: that of x

    Raises:
        GraphError: for an opset that cannot put strings together.
    """
    g = graph()
    check_concat("standardize without punctuation")
    flat = reshape(x, -1)
    pieces = _cut(flat, tokenexp=f"[^{_PUNCTUATION}]+")
    count = g.add("Gather", g.add("Shape", pieces), np.asarray(1, np.int64))
    start = g.add("Expand", np.asarray("", object), g.shape_tensor(flat.shape), shape=flat.shape)

    def join(number: Tensor, states: Tensor) -> tuple[None, Sequence[Tensor]]:
        from portable_layers.graph import current_graph

        body = current_graph()
        assert body is not None
        piece = body.add("Gather", pieces, number, axis=1)
        return None, [body.add("StringConcat", states, piece, shape=flat.shape)]

    (joined,) = g.loop(count, None, join, [start])
    return reshape(joined, x.shape)


def words(x: Tensor) -> Tensor:
    """The words between white space.

    Input shape:  `(batch,)`
    Output shape: `(batch, tokens)`
    """
    return _cut(x, tokenexp=f"[^{_SPACE}]+")


def characters(x: Tensor) -> Tensor:
    """The Unicode characters.

    Input shape:  `(batch,)`
    Output shape: `(batch, tokens)`
    """
    return _cut(x, separators=[""])


def _cut(x: Tensor, **how: Any) -> Tensor:
    g = graph()
    tokens = g.fresh_dim("tokens")
    return g.add(
        "Tokenizer",
        x,
        domain="com.microsoft",
        mark=0,
        pad_value="",
        mincharnum=1,
        spec=[("string", (*x.shape, tokens))],
        **how,
    )


def ngrams(x: Tensor, widths: Sequence[int], filled: bool) -> Tensor:
    """All runs of so many tokens, joined by spaces; for each width in turn, those of a row.

    Args:
        x: `(..., tokens)`
        filled: whether empty strings at the end of a row are no tokens, and so no part of a run; the
            places of such runs hold empty strings then.

    Output shape: `(..., runs)`

    Raises:
        GraphError: for an opset that cannot put strings together.
    """
    g = graph()
    check_concat("ngrams")
    found = []
    for width in widths:
        if not filled:
            size = x.shape[-1]
            if not isinstance(size, int):
                raise GraphError(f"{g.path}: ngrams without a split need a known number of tokens in a row")
            count = max(size - width + 1, 0)
            parts = [_part(x, i, i + count) for i in range(width)]
        else:
            shape = (*x.shape[:-1], width - 1)
            more = g.add("Expand", np.asarray("", object), g.shape_tensor(shape), shape=shape)
            longer = g.add("Concat", x, more, axis=x.ndim - 1) if width > 1 else x
            last = width - 1
            parts = [_part(longer, i, i - last if i < last else None, x.shape[-1]) for i in range(width)]
        run = parts[0]
        for part in parts[1:]:
            run = g.add("StringConcat", run, np.asarray(" ", object), shape=run.shape)
            run = g.add("StringConcat", run, part, shape=run.shape)
        if filled and width > 1:
            none = np.asarray("", object)
            run = g.add("Where", g.add("Equal", parts[-1], none), none, run, shape=run.shape)
        found.append(run)
    return found[0] if len(found) == 1 else g.add("Concat", *found, axis=x.ndim - 1)


def moved_to_front(x: Tensor) -> Tensor:
    """Rows with their zeros behind all else, as long as the longest of them needs to be.

    Input shape:  `(batch, n)`, integers
    Output shape: `(batch, m)`
    """
    g = graph()
    zero = np.asarray(0, np.int64)
    empty = cast_to(g.add("Equal", x, zero), "int64")
    size = g.size(x.shape[-1])
    scalar = reshape(size, ())
    place = g.add("Range", zero, scalar, np.asarray(1, np.int64), shape=(x.shape[-1],))
    order = g.add("Add", g.add("Mul", empty, scalar), place)
    _, first = g.add(
        "TopK", order, size, largest=0, axis=-1, outputs=2, spec=[("int64", x.shape), ("int64", x.shape)]
    )
    rows = g.add("GatherElements", x, first, axis=-1)
    used = reduce("ReduceSum", g.add("Sub", np.asarray(1, np.int64), empty), -1)
    longest = reshape(reduce("ReduceMax", used), (1,))
    sizes = (*x.shape[:-1], g.fresh_dim("runs"))
    return g.add("Slice", rows, np.array([0]), longest, np.array([x.ndim - 1]), shape=sizes)


def fitted(x: Tensor, length: int) -> Tensor:
    """The first `length` elements of each row, filled up with zeros.

    Output shape: `(..., length)`
    """
    g = graph()
    shape = (*x.shape[:-1], length)
    zeros = g.add("Expand", np.asarray(0, np.int64), g.shape_tensor(shape), shape=shape)
    return _part(g.add("Concat", x, zeros, axis=x.ndim - 1), 0, length, length)


def _part(x: Tensor, start: int, end: int | None, size: object = None) -> Tensor:
    last = np.iinfo(np.int64).max if end is None else end
    ends = (np.array([n], np.int64) for n in (start, last, x.ndim - 1))
    known = (*x.shape[:-1], size) if size is not None else None
    return graph().add("Slice", x, *ends, shape=known)


def check_concat(what: str) -> None:
    """Raises GraphError where the opset has no StringConcat."""
    g = graph()
    if g.opset < _CONCAT_OPSET:
        raise GraphError(
            f"{g.path}: {what} needs opset {_CONCAT_OPSET} or newer (StringConcat). Received: {g.opset}"
        )
