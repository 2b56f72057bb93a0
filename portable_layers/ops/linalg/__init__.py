"""Linear algebra (`keras.ops.linalg`)."""

from portable_layers.ops.linalg.elimination import det, inv, lu_factor, slogdet, solve
from portable_layers.ops.linalg.norms import norm
from portable_layers.ops.linalg.orthogonal import eigh, lstsq, matrix_rank, pinv, qr, svd
from portable_layers.ops.linalg.triangular import cholesky, cholesky_inverse, logdet, solve_triangular

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eigh", "inv", "logdet", "lstsq", "lu_factor", "matrix_rank",
    "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
]  # fmt: skip
