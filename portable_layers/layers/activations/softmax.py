"""Softmax: numbers as probabilities, with a mask."""

from __future__ import annotations

from typing import Any

from portable_layers import activations, ops
from portable_layers.cases import Array, case
from portable_layers.layer import Layer
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.tensor import Tensor


class Softmax(Layer):
    """`exp(x) / sum(exp(x))` over an axis or several, of what a mask keeps; the rest is 0.

    Input shape:  any; the mask broadcasts to it
    Output shape: the same
    """

    cases = (
        case((3, 4), ops="Softmax", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((3, 4), axis=1, ops="Softmax"),
        case((2, 3, 4), axis=[1, 3], ops="Transpose Reshape Softmax Reshape Transpose"),
        case((3, 4), axis=[-1], ops="Softmax"),
        case(Array((None, 4), sizes=(3,)), axis=[1, 2], ops="Reshape Softmax Reshape"),
    )

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        x = inputs
        if mask is not None:
            _check_mask(inputs, mask)
            if mask.dtype != "bool":
                mask = ops.greater(mask, ops.cast(0.5, mask.dtype))
            x = _where(mask, x, -3e4 if x.dtype == "float16" else -1e9)
        x = activations.softmax(x, axis=self.axis)
        # Where all is masked, softmax alone would be uniform.
        return x if mask is None else _where(mask, x, 0.0)


def _where(mask: Tensor, x: Tensor, otherwise: float) -> Tensor:
    """x where the mask holds; the mask broadcasts to x, so the shape is that of x."""
    return graph().add("Where", mask, x, cast_to(otherwise, x.dtype), shape=x.shape)


def _check_mask(x: Tensor, mask: Tensor) -> None:
    sizes = zip(mask.shape[::-1], x.shape[::-1], strict=False)
    fits = all(m == n or m == 1 for m, n in sizes if isinstance(m, int) and isinstance(n, int))
    if mask.ndim > x.ndim or not fits:
        raise ValueError(
            f"mask must broadcast to the inputs. Received: inputs {tuple(x.shape)}, mask {tuple(mask.shape)}"
        )
