"""Masks of a functional model as they were when it was made.

Where a layer of a functional model is called on one tensor and nothing else, Keras records the mask that
the tensor had when the model was made, and hands that to the layer whenever the model runs. All other
calls take the masks that the tensors have then. The two differ behind MultiHeadAttention, which takes
masks off its inputs when it runs.
"""

from __future__ import annotations

from typing import Any

from portable_layers import tree
from portable_layers.graph import current_graph
from portable_layers.layer import Layer, mask_of
from portable_layers.tensor import Tensor


class RecordedMasks:
    """The masks of the tensors of one run of a functional model, by the tensor's `id`."""

    def __init__(self) -> None:
        self._masks: dict[int, Any] = {}

    def mask_of(self, x: Any) -> Any:
        """The mask that the tensor had when the model was made."""
        return self._masks.get(id(x), mask_of(x))

    def call(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Call an operation of the model with the masks that Keras calls it with."""
        if not isinstance(operation, Layer):
            return operation(*args, **kwargs)
        for x in tree.flatten((args, kwargs)):
            self._masks.setdefault(id(x), mask_of(x))
        first = operation.first_argument(args, kwargs)
        if _is_recorded(operation, args, kwargs):
            kwargs = operation.fill_masks(args, kwargs, self.mask_of)
        now, then = (tree.map_structure(f, first) for f in (mask_of, self.mask_of))
        same = all(a is b for a, b in zip(tree.flatten(now), tree.flatten(then), strict=True))
        outputs = operation(*args, **kwargs)
        if not same and operation.supports_masking and kwargs.get("mask") is None:
            graph = current_graph()
            assert graph is not None
            with graph.scope(operation.name):
                masks = operation.compute_mask(first, then)
            if masks is not None:
                for x, mask in zip(tree.flatten(outputs), tree.flatten(masks), strict=False):
                    self._masks[id(x)] = mask
        return outputs


def _is_recorded(layer: Layer, args: tuple, kwargs: dict[str, Any]) -> bool:
    """Whether Keras hands a call to the layer as it is, so that the mask becomes part of its record."""
    if not layer.convert_inputs:
        return True
    return (
        not kwargs and len(args) == 1 and isinstance(args[0], Tensor) and args[0].dtype == layer.input_dtype
    )
