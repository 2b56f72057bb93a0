"""PReLU: a rectified linear unit with learned slopes."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec, Layer


class PReLU(Layer):
    """x where positive, else `alpha * x`.

    Args:
        shared_axes: axes along which one alpha serves for all; the batch is axis 0.

    Input shape:  `(batch, ...)`, with known sizes but along `shared_axes`
    Output shape: the same
    """

    cases = (
        case((4,), alpha_initializer="uniform", ops="PRelu", dtypes=("float16", "bfloat16", "float64")),
        case((2, 3, 4), alpha_initializer="uniform", shared_axes=[1, 2], ops="PRelu"),
        case((3, 4), alpha_initializer="ones", shared_axes=1, alpha_regularizer="l1", ops="PRelu"),
        case(Array((None, 4), sizes=(3,)), alpha_initializer="uniform", shared_axes=(1,), ops="PRelu"),
    )

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        if shared_axes is not None:
            shared_axes = list(shared_axes) if isinstance(shared_axes, list | tuple) else [shared_axes]
        self.shared_axes = shared_axes

    def build(self, input_shape: Any) -> None:
        shared = self.shared_axes or []
        sizes = list(input_shape[1:])
        for axis in shared:
            sizes[axis - 1] = 1
        if any(n is None for n in sizes):
            raise ValueError(
                "PReLU needs known sizes along the axes that do not share alpha. "
                f"Received: input_shape={input_shape}, shared_axes={self.shared_axes}"
            )
        self.alpha = self.add_weight(
            name="alpha",
            shape=sizes,
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        axes = {i: n for i, n in enumerate(input_shape) if i and shared and i not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Any) -> Any:
        return ops.prelu(inputs, self.alpha)
