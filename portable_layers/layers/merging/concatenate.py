"""Concatenate: inputs joined along an axis."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.merging.merge import _Merge
from portable_layers.tensor import Tensor


class Concatenate(_Merge):
    """The inputs one after the other along `axis`.

    Input shape:  a list of `(batch, ...)` with equal sizes but for `axis`
    Output shape: `(batch, ...)`, the sizes along `axis` added
    """

    cases = (
        case((3, 4), (3, 2), ops="Concat", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((3, 4), (1, 4), (2, 4), axis=1, ops="Concat"),
        case((3, 4), (1, 4), axis=-2, ops="Concat"),
        case(Array((None, 4), sizes=(3,)), Array((None, 4), sizes=(2,)), axis=1, ops="Concat"),
        case(Array((3, 4), dtype="int64", low=-9, high=9), (3, 2), ops="Cast Concat"),
        case(Array((3, 4), dtype="bool"), Array((3, 2), dtype="bool"), ops="Concat"),
    )

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)

    def build(self, input_shape: Any) -> None:
        self.check_list(input_shape)
        ranks = {len(shape) for shape in input_shape}
        axis = self.axis % max(ranks)
        sizes = [{shape[i] for shape in input_shape} - {None} for i in range(min(ranks)) if i != axis]
        if len(ranks) > 1 or any(len(found) > 1 for found in sizes):
            raise ValueError(
                f"Concatenate takes inputs of one shape but for axis {self.axis}. "
                f"Received: shapes {input_shape}"
            )

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks joined; an input without one is kept whole. None where no input has one."""
        if mask is None:
            return None
        if not isinstance(mask, list | tuple) or len(mask) != len(inputs):
            raise ValueError(f"mask must be a list with one for each input. Received: mask={mask}")
        if all(m is None for m in mask):
            return None
        masks = [_without_features(x, m) for x, m in zip(inputs, mask, strict=True)]
        axis = self.axis % inputs[0].ndim
        if axis < inputs[0].ndim - 1:
            return ops.concatenate(masks, axis=axis)
        # Features are joined: a place is kept if one of the inputs keeps it.
        kept = masks[0]
        for m in masks[1:]:
            kept = ops.logical_or(kept, m)
        return kept


def _without_features(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mask of x with all axes of x but the last."""
    if mask is None:
        return ops.broadcast_to(ops.ones((1,) * (x.ndim - 1), "bool"), x.shape[:-1])
    if mask.ndim == x.ndim:
        return ops.any(mask, axis=-1)
    return ops.broadcast_to(mask, x.shape[:-1])


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis=axis, **kwargs)(inputs)
