"""Rows of linear algebra."""

import numpy as np
from rows import X, floats, ints, row

_A = X(floats(2, 4, 4).array + 3 * np.eye(4, dtype="float32"))
_A64 = X(_A.array.astype("float64"))
_POSITIVE = X((_A.array @ _A.array.swapaxes(1, 2)).astype("float32"))
_POSITIVE64 = X(_POSITIVE.array.astype("float64"))
_LOWER = X(np.tril(_A.array))
_UPPER = X(np.triu(_A.array))
_TALL, _WIDE = floats(2, 5, 3), floats(2, 3, 5)
_RANK2 = X((floats(5, 2).array @ floats(2, 4, seed=1).array).astype("float32"))
_INF = float("inf")

ROWS = [
    *[row(name, x, note=str(x.array.dtype), tolerance=1e-5) for name in ("det", "inv", "slogdet") for x in (_A, _A64)],
    row("det", X(_A.array[0]), static=True, note="one"),
    row("logdet", _POSITIVE, tolerance=1e-5),
    row("cholesky", _POSITIVE),
    row("cholesky", _POSITIVE64, upper=True, note="upper"),
    row("cholesky_inverse", _LOWER, tolerance=1e-4),
    row("cholesky_inverse", _UPPER, upper=True, note="upper", tolerance=1e-4),
    row("solve", _A, floats(2, 4, 2), tolerance=1e-5),
    row("solve", _A, floats(2, 4), note="vector", tolerance=1e-5),
    row("solve_triangular", _LOWER, floats(2, 4, 2), lower=True, tolerance=1e-5),
    row("solve_triangular", _UPPER, floats(2, 4), note="upper", tolerance=1e-5),
    row("lu_factor", X(_A.array[0]), static=True),
    *[row("qr", x, note=f"{x.array.shape[-2]}x{x.array.shape[-1]}", tolerance=1e-5) for x in (_TALL, _WIDE, _A)],
    row("qr", _TALL, mode="complete", note="complete", tolerance=1e-5),
    row("svd", _TALL, compute_uv=False, note="values"),
    row("svd", _WIDE, compute_uv=False, note="wide values"),
    row("svd", floats(2, 5, 4), compute_uv=False, note="even"),
    *[row("pinv", x, note=f"{x.array.shape[-2]}x{x.array.shape[-1]}", tolerance=1e-5) for x in (_TALL, _WIDE)],
    row("pinv", _RANK2, static=True, note="rank 2", tolerance=1e-5),
    row("matrix_rank", _TALL),
    row("matrix_rank", _RANK2, static=True, note="rank 2"),
    row("matrix_rank", _TALL, tol=2.5, note="tolerance"),
    row("lstsq", floats(6, 3), floats(6, 2, seed=1), static=True, tolerance=1e-5),
    row("lstsq", floats(6, 3), floats(6, seed=1), static=True, note="vector", tolerance=1e-5),
    *[row("norm", _TALL, ord=o, axis=1, note=f"vector {o}") for o in (None, 1, 2, 3, 0, _INF, -_INF)],
    *[row("norm", _TALL, ord=o, axis=(1, 2), note=f"matrix {o}") for o in (None, "fro", 1, -1, 2, -2, "nuc", _INF, -_INF)],
    row("norm", _TALL, ord=2, axis=(1, 2), keepdims=True, note="keepdims"),
    row("norm", ints(2, 3), axis=-1, keepdims=True, note="int"),
    row("norm", floats(2, 3), note="all"),
]  # fmt: skip
