"""Symbolic dimensions: named sizes that are known only when the model runs, and arithmetic on them.

A shape is a tuple of `int` and `Dim`. A `Dim` is a polynomial with integer coefficients over atoms;
an atom is a name (`batch`) or a floor division of two polynomials. Polynomials are kept in one
normal form, so two dims are equal exactly when they are the same polynomial. (sympy can say all of
this too, in milliseconds an operation where a network makes thousands.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, Union

Atom: TypeAlias = Union[str, "FloorDiv"]
Monomial: TypeAlias = tuple[Atom, ...]
Size: TypeAlias = Union[int, "Dim"]
Shape: TypeAlias = tuple[Size, ...]
# A shape in which some sizes are left to shape inference.
PartialShape: TypeAlias = tuple[Union[int, "Dim", None], ...]
T = TypeVar("T")


@dataclass(frozen=True)
class FloorDiv:
    """`floor(numerator / denominator)`, an atom of a polynomial."""

    numerator: Dim
    denominator: Size

    def __str__(self) -> str:
        bottom = self.denominator
        plain = isinstance(bottom, int) or bottom.name is not None
        return f"({self.numerator})//{bottom if plain else f'({bottom})'}"


class Dim:
    """A size that is known only when the model runs.

    >>> time = Dim.named("time")
    >>> (3 * time + 1) // 2
    Dim('(3*time + 1)//2')
    >>> (2 * time + 1) // 2
    Dim('time')
    >>> (time + 3) - time
    3
    """

    __slots__ = ("_hash", "_text", "terms")

    def __init__(self, terms: Mapping[Monomial, int]):
        self.terms: dict[Monomial, int] = dict(terms)
        self._text: str | None = None
        self._hash: int | None = None

    @staticmethod
    def named(name: str) -> Dim:
        return Dim({(name,): 1})

    @property
    def name(self) -> str | None:
        """The name, when this dim is a bare name; None for an expression."""
        if len(self.terms) == 1:
            ((monomial, coefficient),) = self.terms.items()
            if coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], str):
                return monomial[0]
        return None

    def names(self) -> set[str]:
        """All names that the expression depends on."""
        found: set[str] = set()
        for monomial in self.terms:
            for atom in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    found |= names_of(atom.numerator) | names_of(atom.denominator)
        return found

    def evaluate(self, sizes: Mapping[str, T], constant: Callable[[int], T], floordiv: Callable) -> T:
        """Compute the dim from the values of its names.

        Args:
            sizes: the value of each name; numbers, or tensors that know `+` and `*`.
            constant: turns an int into such a value.
            floordiv: divides two such values, rounding down.
        """

        def of_size(size: Size) -> T:
            return size.evaluate(sizes, constant, floordiv) if isinstance(size, Dim) else constant(size)

        def of_atom(atom: Atom) -> T:
            if isinstance(atom, str):
                return sizes[atom]
            return floordiv(of_size(atom.numerator), of_size(atom.denominator))

        total = None
        for monomial, coefficient in self.terms.items():
            term = None if coefficient == 1 and monomial else constant(coefficient)
            for atom in monomial:
                value = of_atom(atom)
                term = value if term is None else term * value  # type: ignore[operator]
            total = term if total is None else total + term  # type: ignore[operator]
        assert total is not None
        return total

    def substitute(self, sizes: Mapping[str, int]) -> Size:
        """The dim with some names replaced by numbers; an int when none is left."""
        if not self.names() <= sizes.keys():
            values: dict[str, Size] = {n: sizes.get(n, Dim.named(n)) for n in self.names()}
            return self.evaluate(values, lambda n: n, lambda a, b: a // b)
        return self.evaluate(sizes, lambda n: n, lambda a, b: a // b)

    # Arithmetic. Results without a name left are plain ints.

    def __add__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim):
            return NotImplemented
        terms = dict(self.terms)
        for monomial, coefficient in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return _normal(terms)

    __radd__ = __add__

    def __neg__(self) -> Size:
        return _normal({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim):
            return NotImplemented
        return self + (-other)

    def __rsub__(self, other: Size) -> Size:
        return -self + other

    def __mul__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim):
            return NotImplemented
        terms: dict[Monomial, int] = {}
        for m1, c1 in self.terms.items():
            for m2, c2 in _terms(other).items():
                monomial = tuple(sorted(m1 + m2, key=str))
                terms[monomial] = terms.get(monomial, 0) + c1 * c2
        return _normal(terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Size:
        if not isinstance(other, int | Dim):
            return NotImplemented
        return _floordiv(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return _floordiv(other, self)

    def __mod__(self, other: Size) -> Size:
        return self - (self // other) * other

    def __rmod__(self, other: Size) -> Size:
        return other - (other // self) * self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __index__(self) -> int:
        raise TypeError(
            f"the size {self} is known only when the model runs; it cannot be used as a Python number"
        )

    __int__ = __index__

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        if self._text is None:
            parts: list[str] = []
            # Names first, the constant last: `2*time + 1`.
            for monomial, coefficient in sorted(
                self.terms.items(), key=lambda t: (not t[0], str([str(a) for a in t[0]]))
            ):
                alone = coefficient == 1 and len(monomial) == 1
                product = "*".join(str(a) if alone or isinstance(a, str) else f"({a})" for a in monomial)
                if not monomial:
                    text = str(abs(coefficient))
                else:
                    text = product if abs(coefficient) == 1 else f"{abs(coefficient)}*{product}"
                sign = "-" if coefficient < 0 else "+"
                parts.append(f"{sign} {text}" if parts else (f"-{text}" if coefficient < 0 else text))
            self._text = " ".join(parts)
        return self._text

    def __repr__(self) -> str:
        return f"Dim({str(self)!r})"


def names_of(size: Size) -> set[str]:
    """The names that a size depends on; none for an int."""
    return size.names() if isinstance(size, Dim) else set()


def is_static(shape: Shape) -> bool:
    """Whether every size of the shape is known."""
    return all(isinstance(d, int) for d in shape)


def product(sizes) -> Size:
    """The product of sizes, 1 for none."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def _terms(size: Size) -> Mapping[Monomial, int]:
    return size.terms if isinstance(size, Dim) else {(): size}


def _normal(terms: Mapping[Monomial, int]) -> Size:
    kept = {m: c for m, c in terms.items() if c}
    if not kept:
        return 0
    if kept.keys() == {()}:
        return kept[()]
    return Dim(kept)


def _floordiv(a: Size, b: Size) -> Size:
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    if b == 0:
        raise ZeroDivisionError(f"{a} // 0")
    if b == 1 or a == 0:
        return a
    if a == b:
        return 1
    exact = _exact_quotient(a, b)
    if exact is not None:
        return exact
    assert isinstance(a, Dim) or isinstance(b, Dim)
    if isinstance(b, int) and isinstance(a, Dim):
        # floor((n*x + r) / n) = x + floor(r / n): the multiples of b come out whole.
        whole = {m: c // b for m, c in a.terms.items() if c % b == 0 and m}
        rest = {m: c for m, c in a.terms.items() if not (c % b == 0 and m)}
        if whole and (not rest or rest.keys() == {()}):
            return _normal(whole) + rest.get((), 0) // b
        # floor((floor(x / k) + c) / b) = floor((x + c*k) / (k*b)): strides of stacked layers stay short.
        atoms = [m for m in a.terms if m]
        if len(atoms) == 1 and len(atoms[0]) == 1 and a.terms[atoms[0]] == 1:
            atom = atoms[0][0]
            if isinstance(atom, FloorDiv) and isinstance(atom.denominator, int):
                inner = atom.numerator + a.terms.get((), 0) * atom.denominator
                return _floordiv(inner, atom.denominator * b)
    numerator = a if isinstance(a, Dim) else Dim({(): a})
    return Dim({(FloorDiv(numerator, b),): 1})


def _exact_quotient(a: Size, b: Size) -> Size | None:
    """`a / b` when b is a single term that divides every term of a."""
    divisor = _terms(b)
    if len(divisor) != 1:
        return None
    ((monomial, coefficient),) = divisor.items()
    quotient: dict[Monomial, int] = {}
    for m, c in _terms(a).items():
        rest = list(m)
        for atom in monomial:
            if atom not in rest:
                return None
            rest.remove(atom)
        if c % coefficient:
            return None
        quotient[tuple(rest)] = c // coefficient
    return _normal(quotient)
