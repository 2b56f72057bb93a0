"""Discretization: which of several ranges a number lies in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from portable_layers import dtypes
from portable_layers.cases import Array, case
from portable_layers.layer import Layer
from portable_layers.layers.preprocessing.categories import (
    check_sparse,
    checked_output_mode,
    encode,
    sparse_reason,
)
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.ops.reduction import reduce
from portable_layers.ops.shaping import expand_dims

_BINS = "Unsqueeze Less Not Cast ReduceSum"


class Discretization(Layer):
    """The number of the range that each element lies in; as vectors in the other output modes.

    Args:
        bin_boundaries: rising; a boundary belongs to the range above it.
        num_bins: how many ranges `adapt` makes, instead of given boundaries.
        epsilon: how exact the quantiles are that `adapt` finds.
        output_mode: `int` (int32), `one_hot`, `multi_hot` or `count` (the layer's dtype).
        sparse: whether the output is sparse, which cannot be exported.

    Input shape:  any
    Output shape: that of the input (`int`), else see `CategoryEncoding`; there is one category more
        than boundaries
    """

    convert_inputs = False
    cases = (
        case((4,), bin_boundaries=[-1.0, 0.0, 0.5], ops=_BINS),
        case(
            (4, 2),
            bin_boundaries=[-1.0, 0.0, 0.5],
            output_mode="one_hot",
            ops=_BINS + " Cast Unsqueeze Equal Cast",
        ),
        case(Array((3,), "int32", -3, 4), bin_boundaries=[0.5, 2.0], ops="Cast " + _BINS),
    )

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ):
        super().__init__(dtype=dtype, name=name)
        self.output_mode = checked_output_mode(output_mode)
        check_sparse(sparse, self.output_mode)
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(
                "either num_bins or bin_boundaries must be given. "
                f"Received: num_bins={num_bins}, bin_boundaries={bin_boundaries}"
            )
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"num_bins must not be negative. Received: num_bins={num_bins}")

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Set the boundaries to quantiles of the data, so that the ranges are equally full.

        Args:
            data: an array, or an iterable of batches.
            steps: how many batches to take; all of them by default.
        """
        if self.num_bins is None:
            raise ValueError(f"layer {self.name} was given bin_boundaries; it cannot be adapted")
        whole = isinstance(data, np.ndarray) or hasattr(data, "__array__")
        batches: Iterable[Any] = [data] if whole else data
        summary = np.zeros((2, 0), np.float32)
        for number, batch in enumerate(batches):
            if steps is not None and not whole and number >= steps:
                break
            values = np.sort(np.asarray(batch).astype(np.float32).reshape(-1))
            summary = np.concatenate((_summary(values, self.epsilon), summary), axis=1)
            summary = _compressed(summary[:, np.argsort(summary[0])], self.epsilon)
        self.bin_boundaries = _compressed(summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(f"layer {self.name} has no bin_boundaries: give them, or call adapt")
        x = inputs
        if x.dtype != "float64" or self.autocast:
            x = cast_to(x, "float32")
        boundaries = np.asarray(self.bin_boundaries, np.float32).astype(dtypes.to_numpy(x.dtype))
        # Not "less or equal" the other way round: NaN lies above all boundaries.
        below = graph().add("Not", graph().add("Less", expand_dims(x, -1), boundaries))
        bins = reduce("ReduceSum", cast_to(below, "int32"), -1)
        dtype = "int32" if self.output_mode == "int" else self.compute_dtype
        return encode(bins, self.output_mode, len(self.bin_boundaries) + 1, dtype)

    def unsupported_reason(self) -> str | None:
        if self.bin_boundaries is None:
            return "it has no bin_boundaries: give them, or call adapt"
        return sparse_reason(self.sparse)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {k: v for k, v in config.items() if k != "trainable"} | {"dtype": self.dtype}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        config = dict(config)
        if config.get("num_bins") is None or config.get("bin_boundaries") is None:
            return super().from_config(config)
        # Adapted: the constructor takes only one of the two.
        boundaries = config.pop("bin_boundaries")
        layer = super().from_config(config)
        layer.bin_boundaries = [float(b) for b in boundaries]
        return layer


def _summary(values: np.ndarray, epsilon: float) -> np.ndarray:
    """About `1 / epsilon` of the sorted values, at equal distances, over how many each stands for."""
    # Not `size * epsilon`, which is rounded another way than in Keras.
    step = max(values.size / (1.0 / epsilon), 1)
    chosen = values[int(step - 1) :: int(step)]
    return np.stack([chosen, np.ones_like(chosen) * step])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary with `1 / epsilon` values, interpolated between those that it has."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    totals = summary[1].cumsum()
    places = totals / totals[-1]
    values = np.interp(shares, places, summary[0])
    weights = np.diff(np.interp(shares, places, totals), prepend=0)
    return np.stack((values, weights)).astype(np.float32)
