"""Type promotion against Keras's own, for all pairs."""

from __future__ import annotations

import itertools
from types import ModuleType

from portable_layers.dtypes import result_type

_SIGNED = ["int8", "int16", "int32", "int64"]
_UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
_FLOATS = ["bfloat16", "float16", "float32", "float64"]


def test_result_type(keras: ModuleType) -> None:
    kinds = ["bool", *_SIGNED, *_UNSIGNED, *_FLOATS, int, float]
    different = {
        pair: (result_type(*pair), keras.backend.result_type(*pair))
        for count in (1, 2)
        for pair in itertools.product(kinds, repeat=count)
        if result_type(*pair) != keras.backend.result_type(*pair)
    }
    assert not different
