"""Decompositions whose vectors have free signs: their factors are checked by what they make."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from portable_layers import ops


def _matrix(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("shape", [(2, 5, 3), (3, 5), (4, 4), (1, 3), (3, 1)])
def test_svd(keras: ModuleType, shape: tuple[int, ...], full: bool) -> None:
    x = _matrix(*shape)
    u, s, vt = ops.svd(x, full_matrices=full)
    theirs = keras.ops.svd(x, full_matrices=full)
    assert [t.shape for t in (u, s, vt)] == [tuple(t.shape) for t in theirs]
    np.testing.assert_allclose(s, theirs[1], rtol=1e-5, atol=1e-5)
    count = s.shape[-1]
    np.testing.assert_allclose((u[..., :count] * s[..., None, :]) @ vt[..., :count, :], x, atol=1e-5)
    np.testing.assert_allclose(
        np.swapaxes(u, -1, -2) @ u,
        np.broadcast_to(np.eye(u.shape[-1]), (*u.shape[:-2], *([u.shape[-1]] * 2))),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        vt @ np.swapaxes(vt, -1, -2),
        np.broadcast_to(np.eye(vt.shape[-2]), (*vt.shape[:-2], *([vt.shape[-2]] * 2))),
        atol=1e-5,
    )


def test_svd_of_a_singular_matrix() -> None:
    x = _matrix(5, 2) @ _matrix(2, 4, seed=1)
    u, s, vt = ops.svd(x, full_matrices=False)
    np.testing.assert_allclose((u * s) @ vt, x, atol=1e-5)
    np.testing.assert_allclose(u.T @ u, np.eye(4), atol=1e-5)
    np.testing.assert_allclose(s[2:], 0, atol=1e-5)


def test_svd_of_zero() -> None:
    u, s, vt = ops.svd(np.zeros((3, 2), "float32"))
    assert not s.any()
    np.testing.assert_allclose(u.T @ u, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(vt @ vt.T, np.eye(2), atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_eigh(keras: ModuleType, size: int) -> None:
    x = _matrix(2, size, size)
    x = x + np.swapaxes(x, 1, 2)
    values, vectors = ops.eigh(x)
    theirs = np.asarray(keras.ops.eigh(x)[0])
    np.testing.assert_allclose(values, theirs, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(x @ vectors, vectors * values[:, None, :], atol=2e-5)
    np.testing.assert_allclose(
        np.swapaxes(vectors, 1, 2) @ vectors, np.broadcast_to(np.eye(size), x.shape), atol=1e-5
    )


def test_unknown_sizes_are_refused() -> None:
    import portable_layers as pl

    x = pl.Input((None, 3))
    with pytest.raises(ValueError, match="known size"):
        ops.svd(x)
    with pytest.raises(ValueError, match="known size"):
        ops.qr(x)


def test_matrices_of_a_size_that_only_the_run_tells() -> None:
    import portable_layers as pl
    from runtime import InferenceEngine

    a = pl.Input((None, None), name="a")
    b = pl.Input((None,), name="b")
    proto = pl.Model([a, b], [ops.solve(a, b), ops.cholesky(a), ops.det(a)]).to_onnx()
    engine = InferenceEngine(proto, providers="cpu")
    for size in (2, 5):
        x = _matrix(3, size, size)
        x = x @ np.swapaxes(x, 1, 2) + np.eye(size, dtype="float32")
        y = _matrix(3, size, seed=1)
        solution, lower, determinant = engine.run({"a": x, "b": y}).values()
        np.testing.assert_allclose(solution, np.linalg.solve(x, y[..., None])[..., 0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(lower, np.linalg.cholesky(x), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(determinant, np.linalg.det(x), rtol=1e-4)
