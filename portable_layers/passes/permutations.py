"""Permutations of axes: axis `i` of `transpose(x, p)` is axis `p[i]` of x, as in NumPy and ONNX."""

from __future__ import annotations

import functools
from typing import TypeAlias

from portable_layers.dims import Shape

Perm: TypeAlias = tuple[int, ...]


@functools.cache
def identity(rank: int) -> Perm:
    """The permutation that moves nothing."""
    return tuple(range(rank))


@functools.lru_cache(4096)
def compose(first: Perm, then: Perm) -> Perm:
    """The permutation of `transpose(transpose(x, first), then)`."""
    return tuple(first[p] for p in then)


@functools.lru_cache(4096)
def inverse(perm: Perm) -> Perm:
    """The permutation that moves everything back."""
    back = [0] * len(perm)
    for new, old in enumerate(perm):
        back[old] = new
    return tuple(back)


def permuted(shape: Shape, perm: Perm) -> Shape:
    """The shape of a transposed tensor."""
    return tuple(shape[p] for p in perm)


def is_free(shape: Shape, perm: Perm) -> bool:
    """Whether transposing a tensor of this shape leaves its elements in order in memory: only axes of
    size 1 move past others."""
    kept = [p for p in perm if shape[p] != 1]
    return kept == sorted(kept)
