"""TextVectorization: texts as the indices of their words, or as vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from portable_layers import eager
from portable_layers.cases import Array, case
from portable_layers.errors import SerializationError
from portable_layers.layer import Layer
from portable_layers.layers.preprocessing.categories import checked_output_mode, sparse_reason
from portable_layers.layers.preprocessing.index_lookup import MODES
from portable_layers.layers.preprocessing.string_lookup import StringLookup
from portable_layers.layers.preprocessing.text_splitting import (
    characters,
    fitted,
    lower,
    moved_to_front,
    ngrams,
    without_punctuation,
    words,
)
from portable_layers.layers.preprocessing.vocabulary import TermCounts, batches_of, terms_of
from portable_layers.ops.shaping import squeeze
from portable_layers.tensor import Tensor
from portable_layers.variable import Variable

_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation", None)
_SPLIT = ("whitespace", "character", None)
_TEXTS = Array((1,), "string", values=("a b", "b  a c!", "", "the Cat\tsat", "A"))
_INT = "Squeeze Tokenizer LabelEncoder"


class TextVectorization(Layer):
    """Texts are made even, split into tokens, put together as n-grams, and looked up in a vocabulary.

    The tokenizer is an operator of ONNX Runtime (`com.microsoft`). Taking out punctuation, and n-grams,
    need opset 20.

    Args:
        max_tokens: how many indices there are at most.
        standardize: `lower_and_strip_punctuation`, `lower` (A to Z), `strip_punctuation`, or None.
        split: at `whitespace`, into each `character`, or None.
        ngrams: None; an integer for runs of up to so many tokens; or a tuple of the numbers of tokens.
        output_mode: `int`, `multi_hot`, `count` (int64) or `tf_idf` (float32); `one_hot` without a split.
        output_sequence_length: the number of tokens of each text in mode `int`, cut off or filled up
            with 0; that of the longest by default.
        pad_to_max_tokens: whether vectors have `max_tokens` elements.
        vocabulary: the tokens, or the path of a file with one a line; `adapt` finds them otherwise.
        idf_weights: the weight of each token, for mode `tf_idf`.
        sparse, ragged: whether the output is sparse or ragged, which cannot be exported.
        encoding: of the texts; UTF-8.

    Input shape:  `(batch,)` or `(batch, 1)`; any without a split
    Output shape: `(batch, tokens)`, or `(batch, indices)` in the other modes
    """

    convert_inputs = False
    cases = (
        case(_TEXTS, vocabulary=["a", "b"], standardize=None, ops=_INT),
        case(_TEXTS, vocabulary=["a", "t"], standardize=None, split="character", ops=_INT),
        case(
            _TEXTS,
            vocabulary=["a", "b"],
            standardize=None,
            output_sequence_length=2,
            ops=_INT + " Shape Concat Expand Concat Slice",
        ),
        case(
            _TEXTS,
            vocabulary=["a b", "A"],
            standardize=None,
            split=None,
            output_mode="one_hot",
            ops="LabelEncoder Equal Cast",
        ),
    )

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | None = "lower_and_strip_punctuation",
        split: str | None = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        for what, value, known in (("standardize", standardize, _STANDARDIZE), ("split", split, _SPLIT)):
            if value not in known:
                raise ValueError(
                    f"{what} must be one of {', '.join(map(repr, known))}; a function of your own cannot be "
                    f"exported. Received: {what}={value!r}"
                )
        mode = checked_output_mode(output_mode, MODES)
        if isinstance(ngrams, list):
            ngrams = tuple(ngrams)
        if not (ngrams is None or isinstance(ngrams, int) or all(isinstance(n, int) for n in ngrams)):
            raise ValueError(
                f"ngrams must be None, an integer or a tuple of them. Received: ngrams={ngrams!r}"
            )
        if output_sequence_length is not None and (
            mode != "int" or not isinstance(output_sequence_length, int)
        ):
            raise ValueError(
                "output_sequence_length must be None, or an integer where output_mode is int. "
                f"Received: output_sequence_length={output_sequence_length!r}, output_mode={mode!r}"
            )
        if ragged and mode != "int":
            raise ValueError(f"ragged may only be True where output_mode is int. Received: {mode!r}")
        self.ngrams, self.output_mode = ngrams, mode
        self._widths = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=mode,
            sparse=sparse,
            encoding=encoding,
            has_input_vocabulary=has_input_vocabulary,
            vocabulary_size=vocabulary_size,
        )
        self._lookup_layer.keeps_vocabulary = False
        self.vocabulary = self._lookup_layer.vocabulary
        self.idf_weights = self._lookup_layer.idf_weights

    # The vocabulary

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens, with or without the padding and unknown token at the start."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens by their index."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of indices: of the tokens, the padding and the unknown token."""
        return self._lookup_layer.vocabulary_size()

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Make the vocabulary of the tokens in the texts, the most frequent first.

        Args:
            data: an array or list of texts, or an iterable of batches.
            batch_size: of no meaning, as in Keras.
            steps: how many batches to take; all of them by default.
        """
        counts = TermCounts()
        for batch in batches_of(data, steps):
            tokens, _ = eager.call(self, self._tokens, (terms_of(batch, "string"),), {})
            rows = tokens.reshape(-1, tokens.shape[-1]) if tokens.size else tokens.reshape(len(batch), 0)
            counts.add([[t for t in row if t] for row in rows.tolist()])
        self._lookup_layer.adapt_to(counts)

    # The graph

    def call(self, inputs: Any) -> Any:
        if inputs.dtype != "string":
            raise TypeError(f"layer {self.name} takes strings. Received: {inputs!r}")
        found = self._lookup_layer.call(self._tokens(inputs))
        if self.output_mode != "int":
            return found
        if self._widths is not None and self.split is not None:
            found = moved_to_front(found)
        length = self.output_sequence_length
        return found if length is None else fitted(found, length)

    def _tokens(self, x: Tensor) -> Tensor:
        if self.standardize in ("lower", "lower_and_strip_punctuation"):
            x = lower(x)
        if self.standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
            x = without_punctuation(x)
        if self.split is not None:
            if x.ndim > 1 and x.shape[-1] == 1:
                x = squeeze(x, -1)
            if x.ndim != 1:
                raise ValueError(
                    f"layer {self.name} splits texts of shape (batch,) or (batch, 1). Received: {x!r}"
                )
            x = words(x) if self.split == "whitespace" else characters(x)
        return x if self._widths is None else ngrams(x, self._widths, filled=self.split is not None)

    def unsupported_reason(self) -> str | None:
        if self.ragged:
            return (
                "ragged=True gives ragged tensors, which ONNX models do not have; make it with ragged=False"
            )
        if self.output_mode == "one_hot" and self.split is not None:
            return "output_mode one_hot of texts that are split gives tables of different lengths"
        return sparse_reason(self.sparse)

    # Files and config

    def learned(self) -> dict[str, Any] | None:
        return self._lookup_layer.learned_values()

    def relearn(self, values: Mapping[str, Any]) -> None:
        self._lookup_layer.relearn(values)

    def own_variables(self) -> dict[str, Variable]:
        return self._lookup_layer.own_variables()

    def save_assets(self) -> dict[str, bytes]:
        return self._lookup_layer.save_assets()

    @property
    def compute_dtype(self) -> str:
        return "string"

    @property
    def variable_dtype(self) -> str:
        return "string"

    def config_arguments(self) -> list[str]:
        return [n for n in super().config_arguments() if n not in ("vocabulary_size", "has_input_vocabulary")]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        if isinstance(config.get("vocabulary"), str):
            raise SerializationError(
                f"layer {config.get('name', cls.__name__)} ({cls.__name__}): its vocabulary is the file "
                f"{config['vocabulary']!r}; a model file must not read other files"
            )
        return super().from_config(config)
