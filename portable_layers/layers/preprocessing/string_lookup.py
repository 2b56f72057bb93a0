"""StringLookup: strings of a vocabulary as indices, and back."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.index_lookup import _IndexLookup

_WORDS = Array((3,), "string", values=("a", "b", "c", "", "zebra", "[UNK]"))


class StringLookup(_IndexLookup):
    """The place of each string in a vocabulary, in Keras's order: mask, unknown, then the terms.

    Args:
        max_tokens: how many indices there are at most.
        num_oov_indices: how many indices unknown strings share; with 0 they are an error. More than
            1 cannot be exported: no operator gives TensorFlow's hashes of strings.
        mask_token: what stands for nothing: index 0 (mode `int`), or left out.
        oov_token: what unknown indices become where `invert`.
        vocabulary: the strings, or the path of a file with one a line; `adapt` finds them otherwise.
        idf_weights: the weight of each term, for mode `tf_idf`.
        invert: indices become strings.
        output_mode: `int`, `one_hot`, `multi_hot`, `count` (int64) or `tf_idf` (float32).
        pad_to_max_tokens: whether vectors have `max_tokens` elements.
        sparse: whether the output is sparse, which cannot be exported.
        encoding: of the strings; UTF-8.
        salt: one or two integers, the key of SipHash64 for unknown strings.

    Input shape:  any
    Output shape: that of the input (`int`), else see `CategoryEncoding`
    """

    cases = (
        case(_WORDS, vocabulary=["a", "b", "c"], ops="LabelEncoder"),
        case(_WORDS, vocabulary=["a", "b"], mask_token="", ops="LabelEncoder"),
        case(Array((3,), "int64", 0, 6), vocabulary=["a", "b"], invert=True, ops="LabelEncoder"),
        case(_WORDS, vocabulary=["a", "b"], output_mode="one_hot", ops="LabelEncoder Unsqueeze Equal Cast"),
    )

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        oov_method: str = "floormod",
        **kwargs: Any,
    ):
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method=oov_method,
            salt=salt,
            name=name,
            **kwargs,
        )
