"""IntegerLookup: integers of a vocabulary as indices, and back."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layers.preprocessing.index_lookup import _IndexLookup

_VALUES = Array((3,), "int64", values=(12, 36, 1138, 42, 7, -5, 0))


class IntegerLookup(_IndexLookup):
    """The place of each integer in a vocabulary, in Keras's order: mask, unknown, then the terms.

    Args:
        max_tokens: how many indices there are at most.
        num_oov_indices: how many indices unknown integers share; with 0 they are an error.
        mask_token: what stands for nothing: index 0 (mode `int`), or left out.
        oov_token: what unknown indices become where `invert`.
        vocabulary: the integers, or the path of a file with one a line; `adapt` finds them otherwise.
        vocabulary_dtype: int64.
        idf_weights: the weight of each term, for mode `tf_idf`.
        invert: indices become integers.
        output_mode: `int`, `one_hot`, `multi_hot`, `count` (int64) or `tf_idf` (float32).
        sparse: whether the output is sparse, which cannot be exported.
        pad_to_max_tokens: whether vectors have `max_tokens` elements.
        oov_method, salt: which of several indices an unknown integer gets: by its remainder
            (`floormod`), or by the hash of its decimal string (`farmhash`; SipHash with a salt).

    Input shape:  any
    Output shape: that of the input (`int`), else see `CategoryEncoding`
    """

    term_dtype = "int64"
    cases = (
        case(_VALUES, vocabulary=[12, 36, 1138, 42], ops="LabelEncoder"),
        case(
            _VALUES,
            vocabulary=[12, 36, 1138],
            mask_token=0,
            num_oov_indices=3,
            ops="LabelEncoder Mod Add Equal Where",
        ),
        case(
            Array((3,), "int32", 0, 6),
            vocabulary=[12, 36, 1138],
            invert=True,
            mask_token=0,
            ops="Cast LabelEncoder",
        ),
    )

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if vocabulary_dtype != "int64":
            raise ValueError(
                f"vocabulary_dtype must be int64. Received: vocabulary_dtype={vocabulary_dtype!r}"
            )
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
