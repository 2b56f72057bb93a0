"""Hashes of integers and strings, as TensorFlow's `to_hash_bucket_*` and `cross_hashed` compute them.

An integer is hashed as its decimal string, which has 20 characters at most: FarmHash64 and SipHash of
that are plain arithmetic on 64-bit numbers, in the graph. A string may be of any length, and standard
ONNX cannot look at its bytes; StringToHashBucketFast of onnxruntime-extensions gives other numbers than
TensorFlow (seen in 0.15.2). So hashed strings are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops import opset
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import expand_dims, squeeze
from portable_layers.tensor import Tensor

# The constants of FarmHash (farmhashna) and of TensorFlow's FingerprintCat64.
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CAT = 0xC6A4A7935BD1E995
_CROSS_KEY = 0xDECAFCAFFE
_SIP = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
# The longest decimal string, "-9223372036854775808", and that in whole words of 8 bytes.
_DIGITS, _BYTES = 20, 24
HASHED_STRINGS = (
    "no operator hashes strings as TensorFlow does: ONNX has none, and StringToHashBucketFast of "
    "onnxruntime-extensions gives other numbers; integers can be hashed"
)


def bucket(x: Tensor, count: int, salt: Sequence[int] | None = None) -> Tensor:
    """The hash of each integer's decimal string, or of each string, modulo `count`; int64.

    Args:
        salt: two numbers, the key of SipHash; FarmHash64 without them.

    Raises:
        NotImplementedError: for strings; a graph that only finds out shapes takes them.
    """
    g = graph()
    if x.dtype == "string":
        if not g.scratch:
            raise NotImplementedError(HASHED_STRINGS)
        return g.add("Expand", np.zeros((), np.int64), g.shape_tensor(x.shape), shape=x.shape)
    text, length = _decimal(x)
    hashed = _farm_hash(text, length) if salt is None else _sip_hash(text, length, salt)
    return cast_to(g.add("Mod", hashed, np.asarray(count, np.uint64)), "int64")


def crossed(xs: Sequence[Tensor], count: int) -> Tensor:
    """The hash of several features together, modulo `count`; int64. Integers count as they are."""
    hashed: Any = np.asarray(_CROSS_KEY, np.uint64)
    for x in xs:
        feature = cast_to(cast_to(bucket(x, 1) if x.dtype == "string" else x, "int64"), "uint64")
        mixed = _times(_shift_mixed(_times(feature, _CAT)), _CAT)
        start = _xor(graph().as_tensor(hashed), _constant(_CAT))
        hashed = _shift_mixed(_times(_shift_mixed(_times(_xor(start, mixed), _CAT)), _CAT))
    return cast_to(graph().add("Mod", hashed, np.asarray(count, np.uint64)), "int64")


# Bytes of decimal strings


def _decimal(x: Tensor) -> tuple[Tensor, Tensor]:
    """The bytes of each number's decimal string, zeros behind them, as uint64, and its length.

    Output shapes: `(*shape, 24)` and `(*shape, 1)`
    """
    g = graph()
    wide = expand_dims(cast_to(x, "int64"), -1)
    negative = g.add("Less", wide, np.asarray(0, np.int64))
    bits = cast_to(wide, "uint64")
    # Not Neg, for which the lowest int64 has no counterpart.
    magnitude = _chosen(negative, g.add("Sub", np.asarray(0, np.uint64), bits), bits)
    powers = np.array([10**i for i in range(_DIGITS)], np.uint64)
    digits = g.add("Mod", g.add("Div", magnitude, powers), np.asarray(10, np.uint64))
    above = cast_to(g.add("Div", magnitude, powers[1:]), "int64")
    reached = g.add("Greater", above, np.asarray(0, np.int64))
    count = reduce("ReduceSum", cast_to(reached, "int32"), -1, True)
    sign = cast_to(negative, "int64")
    length = g.add("Add", g.add("Add", cast_to(count, "int64"), sign), np.asarray(1, np.int64))
    # The digits stand from the last one on.
    place = g.add("Sub", g.add("Sub", length, np.asarray(1, np.int64)), np.arange(_BYTES))
    inside = g.add("GreaterOrEqual", place, np.asarray(0, np.int64))
    index = g.add("Clip", place, np.asarray(0, np.int64), np.asarray(_DIGITS - 1, np.int64))
    found = g.add("GatherElements", digits, index, axis=-1)
    text = _chosen(inside, _plus(found, ord("0")), _constant(0))
    first = np.arange(_BYTES) == 0
    minus = g.add("And", negative, first)
    return _chosen(minus, _constant(ord("-")), text), length


def _word(text: Tensor, start: Tensor | int, size: int = 8) -> Tensor:
    """The little-endian number in `size` bytes from `start` on (0 where that is before the text)."""
    g = graph()
    if isinstance(start, int):
        ends = (np.array([n], np.int64) for n in (start, start + size, text.ndim - 1))
        found = g.add("Slice", text, *ends, shape=(*text.shape[:-1], size))
    else:
        # What lies before the text is not used: those texts are hashed in another way.
        place = g.add("Add", start, np.arange(size))
        place = g.add("Clip", place, np.asarray(0, np.int64), np.asarray(_BYTES - 1, np.int64))
        found = g.add("GatherElements", text, place, axis=-1)
    halves = []
    for first in range(0, size, 4):
        # ONNX Runtime sums int64 exactly up to 53 bits.
        ends = (np.array([n], np.int64) for n in (first, first + 4, text.ndim - 1))
        part = cast_to(g.add("Slice", found, *ends, shape=(*text.shape[:-1], 4)), "int64")
        part = g.add("Mul", part, np.array([1, 2**8, 2**16, 2**24], np.int64))
        halves.append(cast_to(reduce("ReduceSum", part, -1, True), "uint64"))
    return halves[0] if size == 4 else _plus(halves[0], _times(halves[1], 2**32))


# Arithmetic modulo 2**64


def _constant(value: int) -> Tensor:
    return graph().constant(np.asarray(value % 2**64, np.uint64))


def _operand(x: Tensor | int) -> Tensor:
    return _constant(x) if isinstance(x, int) else x


def _plus(a: Tensor, b: Tensor | int) -> Tensor:
    return graph().add("Add", a, _operand(b))


def _times(a: Tensor, b: Tensor | int) -> Tensor:
    return graph().add("Mul", a, _operand(b))


def _chosen(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    # ONNX Runtime has no Where of uint64.
    return cast_to(graph().add("Where", condition, cast_to(a, "int64"), cast_to(b, "int64")), "uint64")


def _xor(a: Tensor, b: Tensor) -> Tensor:
    return opset.bitwise("BitwiseXor", a, b)


def _shifted(a: Tensor, places: int, direction: str) -> Tensor:
    return graph().add("BitShift", a, _constant(places), direction=direction)


def _shift_mixed(a: Tensor, places: int = 47) -> Tensor:
    return _xor(a, _shifted(a, places, "RIGHT"))


def _rotated(a: Tensor, right: int) -> Tensor:
    # The parts have no bit in common, so that their sum is their union.
    return _plus(_shifted(a, right, "RIGHT"), _shifted(a, 64 - right, "LEFT"))


# FarmHash64 (farmhashna) of up to 32 bytes


def _farm_hash(text: Tensor, length: Tensor) -> Tensor:
    hashed = _over_16(text, length)
    for most, shorter in ((16, _up_to_16), (7, _up_to_7), (3, _up_to_3)):
        fits = graph().add("LessOrEqual", length, np.asarray(most, np.int64))
        hashed = _chosen(fits, shorter(text, length), hashed)
    return squeeze(hashed, -1)


def _back(length: Tensor, count: int) -> Tensor:
    """The place `count` bytes before the end; negative in shorter texts."""
    return graph().add("Sub", length, np.asarray(count, np.int64))


def _up_to_3(text: Tensor, length: Tensor) -> Tensor:
    g = graph()
    half = g.add("Div", length, np.asarray(2, np.int64))
    middle = g.add("GatherElements", text, half, axis=-1)
    last = g.add("GatherElements", text, _back(length, 1), axis=-1)
    ends = (np.array([n], np.int64) for n in (0, 1, text.ndim - 1))
    first = g.add("Slice", text, *ends, shape=(*text.shape[:-1], 1))
    y = _plus(first, _times(middle, 2**8))
    z = _plus(cast_to(length, "uint64"), _times(last, 2**2))
    return _times(_shift_mixed(_xor(_times(y, _K2), _times(z, _K0))), _K2)


def _multiplier(length: Tensor) -> Tensor:
    return _plus(_times(cast_to(length, "uint64"), 2), _K2)


def _up_to_7(text: Tensor, length: Tensor) -> Tensor:
    u = _plus(cast_to(length, "uint64"), _times(_word(text, 0, 4), 2**3))
    return _hash_16(u, _word(text, _back(length, 4), 4), _multiplier(length))


def _up_to_16(text: Tensor, length: Tensor) -> Tensor:
    mul = _multiplier(length)
    a, b = _plus(_word(text, 0), _K2), _word(text, _back(length, 8))
    c = _plus(_times(_rotated(b, 37), mul), a)
    d = _times(_plus(_rotated(a, 25), b), mul)
    return _hash_16(c, d, mul)


def _over_16(text: Tensor, length: Tensor) -> Tensor:
    mul = _multiplier(length)
    a, b = _times(_word(text, 0), _K1), _word(text, 8)
    c, d = _times(_word(text, _back(length, 8)), mul), _times(_word(text, _back(length, 16)), _K2)
    u = _plus(_plus(_rotated(_plus(a, b), 43), _rotated(c, 30)), d)
    v = _plus(_plus(a, _rotated(_plus(b, _K2), 18)), c)
    return _hash_16(u, v, mul)


def _hash_16(u: Tensor, v: Tensor, mul: Tensor) -> Tensor:
    a = _shift_mixed(_times(_xor(u, v), mul))
    b = _shift_mixed(_times(_xor(v, a), mul))
    return _times(b, mul)


# SipHash-2-4 of up to 23 bytes


def _sip_hash(text: Tensor, length: Tensor, salt: Sequence[int]) -> Tensor:
    g = graph()
    keys = [k % 2**64 for k in salt]
    state = [_constant(keys[i % 2] ^ start) for i, start in enumerate(_SIP)]
    for block in range(_BYTES // 8):
        # The last block ends with the length; a text has `length // 8 + 1` blocks.
        ends_here = g.add("Equal", g.add("Div", length, np.asarray(8, np.int64)), np.asarray(block, np.int64))
        ending = _chosen(ends_here, _times(cast_to(length, "uint64"), 2**56), _constant(0))
        word = _plus(_word(text, 8 * block), ending)
        following = [*state[:3], _xor(state[3], word)]
        for _ in range(2):
            following = _sip_round(following)
        following[0] = _xor(following[0], word)
        if block == 0:
            state = following
        else:
            there = g.add("GreaterOrEqual", length, np.asarray(8 * block, np.int64))
            state = [_chosen(there, new, old) for new, old in zip(following, state, strict=True)]
    state[2] = _xor(state[2], _constant(0xFF))
    for _ in range(4):
        state = _sip_round(state)
    return squeeze(_xor(_xor(state[0], state[1]), _xor(state[2], state[3])), -1)


def _sip_round(v: list[Tensor]) -> list[Tensor]:
    a, b, c, d = v
    a, c = _plus(a, b), _plus(c, d)
    b, d = _xor(_rotated(b, 64 - 13), a), _xor(_rotated(d, 64 - 16), c)
    a = _rotated(a, 32)
    c, a = _plus(c, b), _plus(a, d)
    b, d = _xor(_rotated(b, 64 - 17), c), _xor(_rotated(d, 64 - 21), a)
    return [a, b, _rotated(c, 32), d]


def hashable(dtype: str) -> bool:
    """Whether elements of this dtype are hashed as integers or strings here."""
    return dtype == "string" or (dtypes.is_integer(dtype) and dtype != "uint64")
