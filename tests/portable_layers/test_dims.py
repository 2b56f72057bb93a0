"""Symbolic sizes compute what integers compute, and are equal exactly when they should be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portable_layers.dims import Dim, is_static, names_of, product

A, B = Dim.named("a"), Dim.named("b")
LEAVES = st.sampled_from(["a", "b"]) | st.integers(-4, 4)


def expressions() -> st.SearchStrategy[str]:
    """Python expressions over the names a and b; a divisor is a positive number or a name."""
    divisor = st.sampled_from(["1", "2", "3", "4", "a", "b", "(a + 1)"])
    return st.recursive(
        LEAVES.map(lambda x: f"({x})"),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            st.tuples(inner, st.sampled_from(["//", "%"]), divisor).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        ),
        max_leaves=6,
    )


@given(expressions(), st.integers(1, 30), st.integers(1, 30))
def test_an_expression_gives_what_integers_give(expression, a, b):
    expected = eval(expression, {"a": a, "b": b})
    size = eval(expression, {"a": A, "b": B})
    assert (size.substitute({"a": a, "b": b}) if isinstance(size, Dim) else size) == expected


@given(expressions(), st.integers(1, 30), st.integers(1, 30))
def test_substitution_one_name_at_a_time_gives_the_same(expression, a, b):
    size = eval(expression, {"a": A, "b": B})
    for name, number in (("a", a), ("b", b)):
        size = size.substitute({name: number}) if isinstance(size, Dim) else size
    assert size == eval(expression, {"a": a, "b": b})


@given(expressions(), st.integers(1, 30), st.integers(1, 30))
def test_the_text_says_the_same_as_the_dim(expression, a, b):
    """Shape inference tells dims apart by their text."""
    size = eval(expression, {"a": A, "b": B})
    assert eval(str(size), {"a": a, "b": b}) == eval(expression, {"a": a, "b": b})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (A + B, B + A),
        (A * B, B * A),
        ((A + 1) * (A - 1), A * A - 1),
        (2 * (A + B) - A - A, 2 * B),
        ((2 * A + 1) // 2, A),
        ((A * B) // B, A),
        ((A // 2) // 2, A // 4),
        (((A - 1) // 2 + 1 - 1) // 2 + 1, (A - 1) // 4 + 1),
        ((4 * A) % 2, 0),
        (A - A, 0),
        (A // A, 1),
        (3 - (3 - A), A),
    ],
)
def test_equal_sizes_are_equal(one, other):
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("size", [A - A + 3, 0 * A, (A + 3) - A, A // A])
def test_a_size_without_a_name_is_an_int(size):
    assert type(size) is int


def test_different_sizes_are_different():
    sizes = [A, B, A + 1, 2 * A, A * A, A // 2, (A + 1) // 2, A // B, B // A, A * B]
    sizes += [2 * A // 3, 2 * (A // 3), A // (B * B), A // B * B, A - A // 2, A - 2 * (A // 2)]
    assert len({str(s) for s in sizes}) == len(set(sizes)) == len(sizes)
    assert A != 1


def test_only_a_bare_name_has_a_name():
    assert A.name == "a"
    assert (A + 0).name == "a"
    assert (A + 1).name is None
    assert (2 * A).name is None
    assert ((A + 1) // 2 * B).names() == {"a", "b"}
    assert names_of(3) == set()


def test_a_size_cannot_be_taken_for_a_number():
    with pytest.raises(TypeError, match=r"the size a \+ 1 is known only when the model runs"):
        int(A + 1)
    with pytest.raises(TypeError, match="known only when the model runs"):
        range(A)
    with pytest.raises(TypeError):
        A + 0.5
    with pytest.raises(ZeroDivisionError):
        A // 0


def test_products_and_static_shapes():
    assert product([]) == 1
    assert product([2, A, 3]) == 6 * A
    assert is_static((1, 2))
    assert not is_static((1, A))
