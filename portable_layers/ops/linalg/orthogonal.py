"""Orthogonal decompositions: QR by Householder's reflections, SVD by Jacobi's rotations."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import scalar
from portable_layers.ops.linalg.matrices import column, identity_like, matrices, stacked
from portable_layers.ops.padding import pad
from portable_layers.ops.reduction import positions, reduce
from portable_layers.ops.shaping import broadcast_to, expand_dims, reshape, squeeze, swapaxes
from portable_layers.ops.slicing import slice_axis
from portable_layers.ops.sorting import ordered
from portable_layers.tensor import Tensor

# Sweeps over all pairs of columns; Jacobi's method converges quadratically, 6 to 10 are usual.
_SWEEPS = 14


@op("linalg.Qr", "x")
def qr(x: Any, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and an upper triangle R, `Q @ R == x`.

    Args:
        x: `(..., m, n)`.
        mode: `reduced` gives min(m, n) columns of Q, `complete` m.

    Raises:
        ValueError: for another mode, or matrices of unknown size.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode must be 'reduced' or 'complete'. Received: {mode!r}")
    x = matrices("qr", x, square=False)
    rows, columns = _known("qr", x)
    q, r = _reflected(stacked(x))
    if mode == "reduced" and rows > columns:
        q, r = slice_axis(q, 2, 0, columns), slice_axis(r, 1, 0, columns)
    return tuple(reshape(t, (*x.shape[:-2], *t.shape[1:])) for t in (q, r))


def _known(name: str, x: Tensor) -> tuple[int, int]:
    rows, columns = x.shape[-2:]
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise ValueError(f"{name} needs matrices of known size. Received: {x!r}")
    return rows, columns


def _reflected(x: Tensor) -> tuple[Tensor, Tensor]:
    """Complete Q and R of stacked matrices, with the signs of LAPACK and Eigen."""
    _, height, width = x.shape
    rows = positions(height)

    unit = identity_like(swapaxes(x, 1, 2))
    q = broadcast_to(cast_to(unit, x.dtype), (x.shape[0], height, height))

    def step(k: Tensor, q: Tensor, r: Tensor) -> tuple[None, list[Tensor]]:
        g = graph()
        zero = scalar(0, r)
        full = column(r, k)
        at_k, below = g.add("Equal", rows, k), g.add("Greater", rows, k)
        head = reduce("ReduceSum", g.add("Where", at_k, full, zero), 1, True)
        tail = g.add("Where", below, full, zero)
        rest = reduce("ReduceSum", g.add("Mul", tail, tail), 1, True)
        length = g.add("Sqrt", g.add("Add", g.add("Mul", head, head), rest))
        positive = g.add("GreaterOrEqual", head, zero)
        beta = g.add("Where", positive, g.add("Neg", length), length)
        # A column that is 0 below the diagonal already is left alone.
        flat = g.add("Equal", rest, zero)
        v = g.add("Add", tail, g.add("Where", at_k, g.add("Sub", head, beta), zero))
        square = reduce("ReduceSum", g.add("Mul", v, v), 1, True)
        scale = g.add("Div", scalar(2, r), g.add("Where", flat, scalar(1, r), square))
        scale = expand_dims(g.add("Where", flat, zero, scale), 2)
        tall, wide = expand_dims(v, 2), expand_dims(v, 1)
        r = g.add(
            "Sub", r, g.add("Mul", scale, g.add("MatMul", tall, g.add("MatMul", wide, r))), shape=r.shape
        )
        q = g.add(
            "Sub", q, g.add("Mul", scale, g.add("MatMul", g.add("MatMul", q, tall), wide)), shape=q.shape
        )
        return None, [q, r]

    turns = min(int(height), int(width))
    q, r = graph().loop(turns, None, step, [q, x])
    # What rounding left below the diagonal is 0.
    return q, graph().add("Trilu", r, upper=1)


@op("linalg.SVD", "x")
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, the singular values in falling order, and V transposed; or the singular values alone.

    The signs of the columns of U and V, which no definition tells, may differ from Keras's.

    Args:
        x: `(..., m, n)` of known size.
        full_matrices: give all m columns of U and n rows of V transposed, not only min(m, n).

    Raises:
        ValueError: for matrices of unknown size.
    """
    x = matrices("svd", x, square=False)
    rows, columns = _known("svd", x)
    dtype, outer = x.dtype, x.shape[:-2]
    wide = cast_to(stacked(x), "float64")
    if rows < columns:
        v, values, u = _jacobi(swapaxes(wide, 1, 2))
    else:
        u, values, v = _jacobi(wide)
    count = min(rows, columns)
    values = reshape(cast_to(values, dtype), (*outer, count))
    if not compute_uv:
        return values
    u, v = (_completed(t, full_matrices, count) for t in (u, v))
    turned = swapaxes(v, 1, 2)
    u, turned = (reshape(cast_to(t, dtype), (*outer, *t.shape[1:])) for t in (u, turned))
    return u, values, turned


def _completed(vectors: Tensor, full: bool, count: int) -> Tensor:
    """Orthonormal columns in place of those that are 0, and as many more as the space has if full."""
    q, r = _reflected(vectors)
    g = graph()
    diagonal = slice_axis(r, 1, 0, count)
    diagonal = reduce("ReduceSum", g.add("Where", identity_like(diagonal), diagonal, scalar(0, r)), 1, True)
    # A reflection may have turned a column round.
    signs = g.add("Where", g.add("Less", diagonal, scalar(0, r)), scalar(-1, r), scalar(1, r))
    own = g.add("Mul", slice_axis(q, 2, 0, count), signs)
    if not full or q.shape[2] == count:
        return own
    return g.add("Concat", own, slice_axis(q, 2, count, None), axis=2)


def _jacobi(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Singular values and vectors of `(batch, m, n)`, m >= n, float64.

    One-sided: pairs of columns are rotated until all are orthogonal. In each turn the columns form
    n / 2 pairs, as in a tournament of n players, so that a sweep takes n - 1 turns.

    Returns:
        `(batch, m, n)`, 0 where the singular value is; `(batch, n)`; `(batch, n, n)`.
    """
    count = int(x.shape[2])
    even = count + count % 2
    g = graph()
    a = pad(x, [(0, 0), (0, 0), (0, even - count)])
    v = broadcast_to(g.constant(np.eye(even)[None]), (x.shape[0], even, even))
    if even > 1:
        left, right, back = _tournament(even)
        turns = [g.constant(t) for t in (left, right, back)]

        def step(number: Tensor, a: Tensor, v: Tensor) -> tuple[None, list[Tensor]]:
            g = graph()
            turn = g.add("Mod", number, np.asarray(even - 1, np.int64))
            pairs = [g.add("Gather", t, turn, axis=0) for t in turns]
            sine, cosine = _rotation(*(g.add("Gather", a, p, axis=2) for p in pairs[:2]))
            rotated = []
            for t in (a, v):
                one, two = (g.add("Gather", t, p, axis=2) for p in pairs[:2])
                new_one = g.add("Sub", g.add("Mul", cosine, one), g.add("Mul", sine, two))
                new_two = g.add("Add", g.add("Mul", sine, one), g.add("Mul", cosine, two))
                both = g.add("Concat", new_one, new_two, axis=2)
                rotated.append(g.add("Gather", both, pairs[2], axis=2, shape=t.shape))
            return None, rotated

        a, v = g.loop(_SWEEPS * (even - 1), None, step, [a, v])
    values = g.add("Sqrt", reduce("ReduceSum", g.add("Mul", a, a), 1))
    values, order = ordered(values, 1, largest=True, count=count)
    places = expand_dims(cast_to(order, "int64"), 1)
    picked = []
    for t, height in ((a, x.shape[1]), (v, even)):
        index = broadcast_to(places, (x.shape[0], height, count))
        picked.append(g.add("GatherElements", t, index, axis=2, shape=(x.shape[0], height, count)))
    safe = g.add("Where", g.add("Equal", values, scalar(0, values)), scalar(1, values), values)
    u = g.add("Div", picked[0], expand_dims(safe, 1))
    return u, values, slice_axis(picked[1], 1, 0, count)


def _rotation(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """Sine and cosine, `(batch, 1, pairs)`, that make pairs of columns orthogonal."""
    g = graph()
    zero, unit = scalar(0, one), scalar(1, one)
    alpha, beta, gamma = (
        reduce("ReduceSum", g.add("Mul", p, q), 1, True) for p, q in ((one, one), (two, two), (one, two))
    )
    flat = g.add("Equal", gamma, zero)
    double = g.add("Mul", g.add("Where", flat, unit, gamma), scalar(2, one))
    zeta = g.add("Div", g.add("Sub", beta, alpha), double)
    root = g.add("Sqrt", g.add("Add", g.add("Mul", zeta, zeta), unit))
    sign = g.add("Where", g.add("Less", zeta, zero), scalar(-1, one), unit)
    tangent = g.add("Div", sign, g.add("Add", g.add("Abs", zeta), root))
    tangent = g.add("Where", flat, zero, tangent)
    cosine = g.add("Reciprocal", g.add("Sqrt", g.add("Add", g.add("Mul", tangent, tangent), unit)))
    return g.add("Mul", cosine, tangent), cosine


def _tournament(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each turn the left and the right partner of each pair, and where each number then stands."""
    ring = list(range(1, count))
    left, right = [], []
    for _ in range(count - 1):
        players = [0, *ring]
        half = count // 2
        left.append(players[:half])
        right.append(players[half:][::-1])
        ring = [ring[-1], *ring[:-1]]
    back = np.argsort(np.concatenate([left, right], 1), 1)
    return np.array(left), np.array(right), back


@op("linalg.Eigh", "x")
def eigh(x: Any) -> Any:
    """The eigenvalues of each symmetric matrix in rising order, and its eigenvectors as columns.

    Only the lower triangle counts. The signs of the vectors may differ from Keras's.

    Raises:
        ValueError: for matrices of unknown size.
    """
    x = matrices("eigh", x)
    size, _ = _known("eigh", x)
    dtype, shape = x.dtype, x.shape
    g = graph()
    lower = g.add("Trilu", cast_to(stacked(x), "float64"), upper=0)
    strict = g.add("Where", identity_like(lower), scalar(0, lower), lower)
    whole = g.add("Add", lower, swapaxes(strict, 1, 2))
    # Moved up by its norm it has no negative eigenvalue: its singular values are its eigenvalues.
    shift = g.add("Sqrt", reduce("ReduceSum", g.add("Mul", whole, whole), (1, 2), True))
    moved = g.add("Add", whole, g.add("Where", identity_like(whole), shift, scalar(0, whole)))
    _, values, vectors = _jacobi(moved)
    values = g.add("Sub", values, squeeze(shift, 2))
    values, vectors = slice_axis(values, 1, None, None, -1), slice_axis(vectors, 2, None, None, -1)
    return reshape(cast_to(values, dtype), shape[:-1]), reshape(cast_to(vectors, dtype), (*shape[:-1], size))


@op("linalg.Pinv", "x")
def pinv(x: Any, rcond: Any = None) -> Any:
    """The pseudo-inverse of each matrix.

    Args:
        rcond: singular values up to this share of the largest one count as 0; by default what
            rounding can make of 0.
    """
    x = matrices("pinv", x, square=False)
    share = 10.0 * max(_known("pinv", x)) * _epsilon(x.dtype) if rcond is None else float(rcond)
    u, values, vt = svd(x, full_matrices=False)
    g = graph()
    limit = g.add("Mul", slice_axis(values, values.ndim - 1, 0, 1), scalar(share, x))
    inverse = _inverted(values, g.add("Greater", values, limit))
    return g.add("MatMul", g.add("Mul", swapaxes(vt, -1, -2), expand_dims(inverse, -2)), swapaxes(u, -1, -2))


def _inverted(values: Tensor, kept: Tensor) -> Tensor:
    """`1 / values` where they count, else 0."""
    g = graph()
    safe = g.add("Where", kept, values, scalar(1, values))
    return g.add("Where", kept, g.add("Reciprocal", safe), scalar(0, values))


def _epsilon(dtype: str) -> float:
    import ml_dtypes

    return float(ml_dtypes.finfo(dtypes.to_numpy(dtype)).eps)


@op("linalg.MatrixRank", "x")
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """How many singular values of each matrix are above a tolerance, as int32."""
    x = matrices("matrix_rank", x, square=False)
    values = svd(x, compute_uv=False)
    if tol is None:
        share = _epsilon(x.dtype) * max(_known("matrix_rank", x))
        largest = slice_axis(values, values.ndim - 1, 0, 1)
        limit = graph().add("Mul", largest, scalar(share, x))
    else:
        limit = scalar(tol, x)
    return reduce("ReduceSum", cast_to(graph().add("Greater", values, limit), "int32"), -1)


@op("linalg.Lstsq", "a", "b")
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The X with the smallest `|a @ X - b|`, and of those the shortest.

    Args:
        a: `(m, n)`.
        b: `(m, k)`, or `(m,)`.
        rcond: singular values below this share of the largest one count as 0.

    Raises:
        ValueError: for other ranks.
    """
    a, b = matrices("lstsq", a, square=False), convert(b)
    b = cast_to(b, a.dtype)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ValueError(f"lstsq needs (m, n), and (m, k) or (m,). Received: {a!r} and {b!r}")
    eps = _epsilon(a.dtype)
    share = eps * max(_known("lstsq", a)) if rcond is None else eps if rcond < 0 else float(rcond)
    u, values, vt = svd(a, full_matrices=False)
    g = graph()
    limit = g.add("Mul", slice_axis(values, 0, 0, 1), scalar(share, a))
    inverse = _inverted(values, g.add("GreaterOrEqual", values, limit))
    columns = expand_dims(b, -1) if b.ndim == 1 else b
    turned = g.add("Mul", expand_dims(inverse, -1), g.add("MatMul", swapaxes(u, 0, 1), columns))
    found = g.add("MatMul", swapaxes(vt, 0, 1), turned)
    return squeeze(found, -1) if b.ndim == 1 else found
