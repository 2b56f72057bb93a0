"""The minimum cut is the cheapest of all divisions."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from portable_layers.passes.min_cut import MinCut

COUNT = 4
EDGES = st.lists(
    st.tuples(st.integers(0, COUNT + 1), st.integers(0, COUNT + 1), st.integers(0, 9), st.integers(0, 9)),
    max_size=14,
)


def cost(edges: list[tuple[int, int, int, int]], side: set[int]) -> int:
    return sum((a in side and b not in side) * c + (b in side and a not in side) * d for a, b, c, d in edges)


@settings(max_examples=100, deadline=None)
@given(EDGES)
def test_no_division_is_cheaper(edges):
    cut = MinCut(COUNT)
    for edge in edges:
        cut.edge(*edge)
    inner = range(2, COUNT + 2)
    divisions = [{0, *s} for n in range(COUNT + 1) for s in itertools.combinations(inner, n)]
    found = cut.source_side()
    lowest = min(cost(edges, d) for d in divisions)
    assert cost(edges, found) == lowest
    assert all(found <= d for d in divisions if cost(edges, d) == lowest)
