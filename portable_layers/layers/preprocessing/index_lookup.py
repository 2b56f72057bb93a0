"""What IntegerLookup and StringLookup share: terms of a vocabulary as indices, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from portable_layers.errors import SerializationError, WeightsError
from portable_layers.layer import Layer
from portable_layers.layers.preprocessing.categories import (
    OUTPUT_MODES,
    check_sparse,
    checked_output_mode,
    encode,
    sparse_reason,
)
from portable_layers.layers.preprocessing.fingerprints import HASHED_STRINGS, bucket
from portable_layers.layers.preprocessing.hashing import checked_salt
from portable_layers.layers.preprocessing.idf_weights import IdfWeights
from portable_layers.layers.preprocessing.lookup_table import look_up
from portable_layers.layers.preprocessing.vocabulary import (
    TermCounts,
    as_list,
    batches_of,
    parse_asset,
    read_lines,
    terms_of,
    without_special,
)
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.tensor import Tensor
from portable_layers.variable import Variable

MODES = (*OUTPUT_MODES, "tf_idf")
_DROPPED = np.iinfo(np.int64).max
_ASSET = "vocabulary.txt"


class _IndexLookup(Layer):
    """The place of each term in a vocabulary; its subclasses say of which dtype the terms are.

    The indices are: the mask (0, mode `int` only), the out-of-vocabulary indices, then the terms.

    Input shape:  any
    Output shape: that of the input (`int`), else see `CategoryEncoding`
    """

    convert_inputs = False
    # Of the terms.
    term_dtype = "string"
    # Whether it is no part of another layer, which keeps the vocabulary.
    keeps_vocabulary = True

    def __init__(
        self,
        *,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str,
        salt: Any,
        name: str | None,
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        trainable: bool = True,
        dtype: Any = None,
    ):
        super().__init__(name=name)  # trainable and dtype are of no meaning, as in Keras
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"max_tokens must be greater than 1. Received: max_tokens={max_tokens}")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError("pad_to_max_tokens needs max_tokens. Received: max_tokens=None")
        if num_oov_indices < 0:
            raise ValueError(f"num_oov_indices must not be negative. Received: {num_oov_indices}")
        if oov_method not in ("floormod", "farmhash"):
            raise ValueError(f"oov_method must be floormod or farmhash. Received: oov_method={oov_method!r}")
        if salt is not None and self.term_dtype != "string" and oov_method != "farmhash":
            raise ValueError(f"salt needs oov_method='farmhash'. Received: oov_method={oov_method!r}")
        self.output_mode = checked_output_mode(output_mode, MODES)
        check_sparse(sparse, self.output_mode)
        if invert and self.output_mode != "int":
            raise ValueError(f"output_mode must be int where invert is True. Received: {output_mode!r}")
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(f"idf_weights are for output_mode tf_idf. Received: {output_mode!r}")
        given = vocabulary is not None
        if given and self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError("output_mode tf_idf needs idf_weights beside the vocabulary. Received: None")
        self.salt = checked_salt(salt)
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token, self.oov_method = mask_token, oov_token, oov_method
        self.invert, self.sparse, self.pad_to_max_tokens = invert, sparse, pad_to_max_tokens
        self.vocabulary = None if isinstance(vocabulary, str) else as_list(vocabulary)
        self.idf_weights = as_list(idf_weights)
        self._given = given if has_input_vocabulary is None else has_input_vocabulary
        self._tokens: np.ndarray | None = None
        self._known_size = vocabulary_size
        # Not a weight in Keras's eyes either, though a file stores it.
        self._idf = IdfWeights()
        if isinstance(vocabulary, str):
            lines = read_lines(vocabulary)
            terms: list[Any] = lines[:-1] if lines[-1] == "" else lines
            self.set_vocabulary(terms if self.term_dtype == "string" else [int(t) for t in terms])
        elif given:
            self.set_vocabulary(self.vocabulary, self.idf_weights)
        self._learned = isinstance(vocabulary, str)

    # The vocabulary

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the terms, with or without the special ones at the start.

        Args:
            vocabulary: a sequence of terms.
            idf_weights: one weight a term, in mode `tf_idf` only.
        """
        terms = as_list(vocabulary) or []
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            raise ValueError(
                f"idf_weights go with output_mode tf_idf. Received: idf_weights={idf_weights}, "
                f"output_mode={self.output_mode!r}"
            )
        tokens = without_special(terms, self._special(), self)
        size = self._token_start() + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(f"a vocabulary of {size} terms exceeds max_tokens={self.max_tokens}")
        if idf_weights is not None:
            weights = np.asarray(as_list(idf_weights), np.float64)
            if weights.shape != (len(terms),):
                raise ValueError(f"idf_weights must be {len(terms)} numbers. Received: shape {weights.shape}")
            if len(tokens) == len(terms):
                # The special tokens count as much as the others on average.
                front = np.full(self._token_start(), weights.mean())
                weights = np.concatenate((front, weights))
            self._idf.set(self._padded(weights.astype(np.float32)))
        self._set_tokens(tokens)

    def _set_tokens(self, tokens: list[Any]) -> None:
        self._tokens = np.array(tokens, object if self.term_dtype == "string" else np.int64)
        self._known_size = self._token_start() + len(tokens)
        self._learned = True

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The terms by their index."""
        tokens = [] if self._tokens is None else self._tokens.tolist()
        return [*self._special(), *tokens] if include_special_tokens and tokens else tokens

    def vocabulary_size(self) -> int:
        """The number of indices: of the terms, the mask and out-of-vocabulary tokens."""
        return self._token_start() + (0 if self._tokens is None else len(self._tokens))

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Make the vocabulary of the terms in the data, the most frequent first.

        Args:
            data: an array or list of terms, or an iterable of batches.
            steps: how many batches to take; all of them by default.
        """
        counts = TermCounts()
        for batch in batches_of(data, steps):
            counts.add(np.atleast_2d(terms_of(batch, self.term_dtype)).reshape(-1, batch.shape[-1]).tolist())
        self.adapt_to(counts)

    def adapt_to(self, counts: TermCounts) -> None:
        """Make the vocabulary of terms that have been counted."""
        if self._given:
            raise ValueError(f"layer {self.name} was given its vocabulary; it cannot be adapted")
        most = None if self.max_tokens is None else self.max_tokens - self._token_start()
        tokens = counts.most_common(most, (self.mask_token, self.oov_token))
        if self.output_mode == "tf_idf":
            weights = counts.inverse_frequencies(tokens)
            front = np.full(self._token_start(), weights.mean() if tokens else 0, np.float32)
            self._idf.set(self._padded(np.concatenate((front, weights))))
        self._set_tokens(tokens)

    def learned(self) -> dict[str, Any] | None:
        return self.learned_values() if self.keeps_vocabulary else None

    def learned_values(self) -> dict[str, Any] | None:
        """The vocabulary that the config does not hold, and its weights."""
        if not self._learned or self._tokens is None:
            return None
        weights = self._idf.values()
        found: dict[str, Any] = {"vocabulary": self.get_vocabulary()}
        return found if weights is None else {**found, "idf_weights": weights.tolist()}

    def relearn(self, values: Mapping[str, Any]) -> None:
        tokens = list(values["vocabulary"])[self._token_start() :]
        if "idf_weights" in values:
            self._idf.set(np.asarray(values["idf_weights"], np.float32))
        self._set_tokens(tokens)

    # Keras files

    def own_variables(self) -> dict[str, Variable]:
        if self.output_mode != "tf_idf":
            return {}
        return {"idf_weights": self._idf.variable(self._depth() or 0)}

    def save_assets(self) -> dict[str, bytes]:
        if self.vocabulary is not None or self._tokens is None:
            return {}
        return {_ASSET: "\n".join(str(t) for t in self.get_vocabulary()).encode()}

    def load_assets(self, files: Mapping[str, bytes]) -> None:
        if self.vocabulary is not None or _ASSET not in files:
            return
        terms = parse_asset(files[_ASSET], self.term_dtype, f"layer {self.name}")
        if terms:
            try:
                self._set_tokens(without_special(terms, self._special(), self))
            except ValueError as error:
                raise WeightsError(str(error)) from None

    def weights_loaded(self) -> None:
        self._idf.values()  # the file is closed later

    # The graph

    def call(self, inputs: Any) -> Any:
        keys = "int64" if self.invert else self.term_dtype
        x = inputs
        if (x.dtype == "string") != (keys == "string"):
            raise TypeError(f"layer {self.name} looks up {keys} values. Received: {x!r}")
        x = cast_to(x, keys)
        depth = self._depth()
        if self._tokens is None and not graph().scratch:
            raise ValueError(f"layer {self.name}: {self.unsupported_reason()}")
        if self.output_mode != "int" and depth is None:
            raise ValueError(f"layer {self.name} has no vocabulary: give one, or call adapt")
        found = self._inverted(x) if self.invert else self._indices(x)
        if self.output_mode == "int":
            return found
        assert depth is not None
        if self.output_mode != "tf_idf":
            return encode(found, self.output_mode, depth, "int64")
        weights = self._idf.variable(depth).numpy()
        return graph().add("Mul", encode(found, "count", depth, "float32"), weights)

    def _inverted(self, x: Tensor) -> Tensor:
        keys = np.arange(self._token_start(), self.vocabulary_size(), dtype=np.int64)
        values = self._entries()
        if self.mask_token is not None:
            keys, values = np.append(keys, 0), np.append(values, self._term(self.mask_token))
        return look_up(x, keys, values, self._term(self.oov_token))

    def _indices(self, x: Tensor) -> Tensor:
        g = graph()
        start, keys = self._oov_start(), self._entries()
        places = np.arange(len(keys), dtype=np.int64) + self._token_start()
        absent = start if self.num_oov_indices == 1 else -1
        if self.num_oov_indices == 0:
            # A term that is not there is an error, as in Keras: no table has its place.
            return self._strict_indices(x, keys, places)
        if self.mask_token is not None:
            masked = 0 if self.output_mode == "int" else _DROPPED
            keys, places = np.append(keys, self._term(self.mask_token)), np.append(places, masked)
        found = look_up(x, keys, places, absent)
        if self.num_oov_indices == 1:
            return found
        if self.term_dtype == "string" or self.oov_method == "farmhash":
            others = bucket(x, self.num_oov_indices, self.salt)
        else:
            others = g.add("Mod", x, np.asarray(self.num_oov_indices, np.int64))
        if start:
            others = g.add("Add", others, np.asarray(start, np.int64))
        return g.add("Where", g.add("Equal", found, np.asarray(-1, np.int64)), others, found)

    def _strict_indices(self, x: Tensor, keys: np.ndarray, places: np.ndarray) -> Tensor:
        if self.mask_token is not None:
            masked = 0 if self.output_mode == "int" else _DROPPED
            keys, places = np.append(keys, self._term(self.mask_token)), np.append(places, masked)
        rows = np.arange(len(keys), dtype=np.int64)
        return graph().add("Gather", places, look_up(x, keys, rows, len(keys)))

    def unsupported_reason(self) -> str | None:
        if self._tokens is None:
            return "it has no vocabulary: give one, or call adapt"
        if self.term_dtype == "string" and self.num_oov_indices > 1 and not self.invert:
            return HASHED_STRINGS
        return sparse_reason(self.sparse)

    # Inside

    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    def _token_start(self) -> int:
        return self._oov_start() + self.num_oov_indices

    def _special(self) -> list[Any]:
        return [self.mask_token] * self._oov_start() + [self.oov_token] * self.num_oov_indices

    def _depth(self) -> int | None:
        return self.max_tokens if self.pad_to_max_tokens else self._known_size

    def _padded(self, weights: np.ndarray) -> np.ndarray:
        behind = self.max_tokens - len(weights) if self.pad_to_max_tokens and self.max_tokens else 0
        return np.pad(weights, (0, behind))

    def _entries(self) -> np.ndarray:
        return (
            np.array([], object if self.term_dtype == "string" else np.int64)
            if self._tokens is None
            else self._tokens
        )

    def _term(self, token: Any) -> Any:
        if token is None:
            raise ValueError(f"layer {self.name} needs an oov_token to put in place of unknown indices")
        return str(token) if self.term_dtype == "string" else int(token)

    # Shapes and config

    def compute_output_shape(self, input_shape: Any) -> Any:
        # A shape says nothing of the dtype, by which `call` tells terms from indices.
        return tuple(input_shape) if self.output_mode == "int" else super().compute_output_shape(input_shape)

    def get_build_config(self) -> dict[str, Any]:
        return {}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        self.build(None)

    @property
    def compute_dtype(self) -> str:
        return self.term_dtype

    @property
    def variable_dtype(self) -> str:
        return self.term_dtype

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_size": self._known_size}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        if isinstance(config.get("vocabulary"), str):
            raise SerializationError(
                f"layer {config.get('name', cls.__name__)} ({cls.__name__}): its vocabulary is the file "
                f"{config['vocabulary']!r}; a model file must not read other files"
            )
        return super().from_config(config)
