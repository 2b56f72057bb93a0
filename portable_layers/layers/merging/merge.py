"""What the merging layers share: the check of their inputs, equal ranks, masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from portable_layers import ops
from portable_layers.layer import Layer
from portable_layers.tensor import Tensor


class _Merge(Layer):
    """One tensor of several, element by element; sizes of 1 and missing axes are broadcast.

    An input of lower rank gets axes of size 1 behind the batch.

    Input shape:  a list of `(batch, ...)`
    Output shape: `(batch, ...)`, the shapes broadcast
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """The output, of inputs of one rank."""
        raise NotImplementedError(f"{type(self).__name__} does not define merge()")

    def build(self, input_shape: Any) -> None:
        self.check_list(input_shape)
        batches = {shape[0] for shape in input_shape if shape} - {None}
        if len(batches) > 1:
            raise ValueError(
                f"{type(self).__name__} takes inputs of one batch size. Received: shapes {input_shape}"
            )
        rank = max(len(shape) for shape in input_shape)
        for axis in range(1, rank):
            sizes = {shape[-axis] for shape in input_shape if len(shape) > axis} - {None, 1}
            if len(sizes) > 1:
                raise ValueError(
                    f"{type(self).__name__} takes inputs whose shapes broadcast. Received: shapes {input_shape}"
                )

    def check_list(self, shapes: Any, count: int | None = None) -> None:
        """Check that the layer was called on a list, of `count` inputs.

        Raises:
            ValueError: for one tensor, or another number of inputs.
        """
        listed = isinstance(shapes, list | tuple) and shapes and isinstance(shapes[0], list | tuple)
        if not listed or (count is not None and len(shapes) != count):
            wanted = "at least 1 input" if count is None else f"{count} inputs"
            raise ValueError(
                f"{type(self).__name__} takes a list of {wanted}. Received: input_shape={shapes}"
            )

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple):
            raise ValueError(f"{type(self).__name__} takes a list of inputs. Received: inputs={inputs}")
        rank = max(x.ndim for x in inputs)
        return self.merge([_of_rank(x, rank) for x in inputs])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """What any mask keeps; none where an input has none."""
        if mask is None:
            return None
        if not isinstance(mask, list | tuple) or len(mask) != len(inputs):
            raise ValueError(f"mask must be a list with one for each input. Received: mask={mask}")
        if any(m is None for m in mask):
            return None
        kept = mask[0]
        for m in mask[1:]:
            kept = ops.logical_or(kept, m)
        return kept


def _of_rank(x: Tensor, rank: int) -> Tensor:
    return x if x.ndim == rank else ops.expand_dims(x, list(range(1, rank - x.ndim + 1)))


def full_mask(x: Tensor) -> Tensor | None:
    """The mask of x, one that broadcasts with x; None where it has none."""
    if x._keras_mask is None:
        return None
    mask = ops.expand_dims(x._keras_mask, -1)
    return mask if mask.ndim == x.ndim else ops.broadcast_to(mask, x.shape)


def reduce_masked(function: Callable[[Any, Any], Any], inputs: Sequence[Tensor]) -> Tensor:
    """Combine inputs where their masks keep them (Maximum, Minimum: nothing is neutral).

    The mask of the result keeps what all masks together keep, if all inputs have one.
    """
    output, kept = inputs[0], full_mask(inputs[0])
    for x in inputs[1:]:
        mask = full_mask(x)
        if mask is not None:
            x = ops.where(mask, x, output)
        if kept is not None:
            output = ops.where(kept, output, x)
        kept = ops.logical_or(kept, mask) if mask is not None and kept is not None else None
        output = function(output, x)
    if kept is not None:
        set_mask(output, kept)
    return output


def set_mask(x: Tensor, kept: Tensor) -> None:
    """Give x a mask, from one with an axis for the features."""
    x._keras_mask = ops.squeeze(kept, -1) if kept.shape[-1] == 1 else ops.any(kept, axis=-1)
