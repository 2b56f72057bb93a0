"""Normalization: features shifted and scaled by a mean and variance of the data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from portable_layers import dtypes, ops
from portable_layers.cases import Array, case
from portable_layers.errors import WeightsError
from portable_layers.layer import Layer

_EPSILON = 1e-7  # keras.config.epsilon()


class Normalization(Layer):
    """`(x - mean) / sqrt(variance)`, or the inverse of it.

    Args:
        axis: the axes that have a mean and variance for each position; None or () for one of all.
        mean, variance: given here, or found by `adapt` and kept as weights.
        invert: undo the normalization.

    Input shape:  any, with known sizes along `axis`
    Output shape: that of the input
    """

    cases = (
        case((4,), ops="Sqrt Max Sub Div", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((3, 4), axis=(1, 2), invert=True, ops="Sqrt Max Mul Add"),
        case((3, 4), axis=None, mean=2.0, variance=3.0, ops="Sub Div"),
        case((3, 4), mean=[1.0, 2.0, 3.0, 4.0], variance=[0.0, 1.0, 4.0, 9.0], ops="Sub Div"),
        case((3, 4), axis=(1, 2), mean=[0.5] * 4, variance=[2.0] * 4, invert=True, ops="Mul Add"),
        case(Array((4,), "int32", 0, 9), ops="Cast Sqrt Max Sub Div"),
    )

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance = mean, variance
        self.supports_masking = True
        self.mean: Any = None
        self.variance: Any = None
        if (mean is None) != (variance is None):
            raise ValueError(
                f"mean and variance must be given together. Received: mean={mean}, variance={variance}"
            )
        if mean is not None and np.shape(mean) != np.shape(variance):
            raise ValueError(
                f"mean and variance must have one shape. Received: {np.shape(mean)} and {np.shape(variance)}"
            )
        if mean is not None and np.ndim(mean) > len(self.axis):
            raise ValueError(
                f"mean must have no more axes than axis={self.axis}. Received: shape {np.shape(mean)}"
            )

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(
                f"axis must lie in [-{rank}, {rank}) for inputs of rank {rank}. Received: axis={self.axis}"
            )
        # In the order of the input's axes, so that nothing is transposed.
        self._keep_axis = tuple(sorted(a % rank for a in self.axis))
        if any(input_shape[a] is None for a in self._keep_axis):
            raise ValueError(
                f"the sizes along axis={self.axis} must be known. Received: input_shape={input_shape}"
            )
        shape = tuple(input_shape[a] for a in self._keep_axis)
        self._broadcast_shape = tuple(n if a in self._keep_axis else 1 for a, n in enumerate(input_shape))
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", dtype="int", trainable=False, name="count")
        else:
            self.mean, self.variance = (self._given(v) for v in (self.input_mean, self.input_variance))

    def _given(self, value: Any) -> np.ndarray:
        """A given mean or variance along the kept axes, in the compute dtype."""
        array = np.asarray(value, np.float32)
        sizes = [1] * len(self._broadcast_shape)
        for axis, size in zip(self._keep_axis[::-1], array.shape[::-1], strict=False):
            sizes[axis] = size
        return np.broadcast_to(array.reshape(sizes), self._broadcast_shape).astype(
            dtypes.to_numpy(self.compute_dtype)
        )

    def adapt(self, data: Any) -> None:
        """Set mean and variance to those of the data.

        Args:
            data: an array, or an iterable of batches.
        """
        if self.input_mean is not None:
            raise ValueError(f"layer {self.name} was given mean and variance; it cannot be adapted")
        whole = isinstance(data, np.ndarray) or hasattr(data, "__array__")
        batches: Iterable[Any] = [np.asarray(data)] if whole else (np.asarray(b) for b in data)
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in batches:
            if not self.built:
                self.build((None, *batch.shape[1:]))
            reduced = tuple(a for a in range(batch.ndim) if a not in self._keep_axis)
            wrong = [
                a for a in self._keep_axis if a >= batch.ndim or batch.shape[a] != self._broadcast_shape[a]
            ]
            if batch.ndim != len(self._broadcast_shape) or wrong:
                raise WeightsError(
                    f"layer {self.name} was built for {self._broadcast_shape}. Received: data of {batch.shape}"
                )
            new = int(np.prod([batch.shape[a] for a in reduced], dtype=np.int64))
            share = new / (count + new)
            step = batch.mean(reduced, dtype=np.float64) - mean
            # Chan's rule for the variance of joined sets.
            variance = variance * (1 - share) + batch.var(reduced, dtype=np.float64) * share
            variance = variance + step**2 * share * (1 - share)
            mean, count = mean + step * share, count + new
        if count == 0:
            raise ValueError("adapt needs at least one batch")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.compute_dtype)
        if self.input_mean is None:
            mean, variance = (
                ops.reshape(ops.cast(v, self.compute_dtype), self._broadcast_shape)
                for v in (self.adapt_mean, self.adapt_variance)
            )
            scale = ops.maximum(ops.sqrt(variance), _EPSILON)
        else:
            mean = self.mean
            scale = np.maximum(np.sqrt(self.variance), self.variance.dtype.type(_EPSILON))
        return x * scale + mean if self.invert else (x - mean) / scale

    def get_config(self) -> dict[str, Any]:
        given = {"mean": self.input_mean, "variance": self.input_variance}
        return {**super().get_config(), **{k: np.asarray(v).tolist() for k, v in given.items()}}
