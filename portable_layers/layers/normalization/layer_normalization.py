"""LayerNormalization: each element of the batch by its own mean and variance."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import case
from portable_layers.layer import Layer


class LayerNormalization(Layer):
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, mean and variance over `axis`.

    Input shape:  any, with known sizes along `axis`
    Output shape: that of the input
    """

    cases = (
        case((4,), ops="LayerNormalization", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((3, 5, 4), axis=[2, 3], ops="LayerNormalization", epsilon=1e-6),
        case((3, 5, 4), axis=[-1, -3], ops="ReduceMean Sub Mul ReduceMean Add Sqrt Div Mul Add"),
        case((5, 4), axis=1, center=False, ops="ReduceMean Sub Mul ReduceMean Add Sqrt Div Mul"),
        case((5, 4), center=False, scale=False, ops="LayerNormalization"),
        case((5, 4), rms_scaling=True, ops="ReduceMean Sub Mul ReduceMean Add Sqrt Div Mul"),
    )

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(axis, int | list | tuple):
            raise TypeError(f"axis must be an int or a list of ints. Received: axis={axis!r}")
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.supports_masking = True
        # Inputs are normalized as they come; only the result is cast.
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        self.axis = [self.axis] if isinstance(self.axis, int) else sorted(self.axis)
        shape = tuple(input_shape[a] for a in self.axis)
        self.gamma = self.beta = None
        if self.scale or self.rms_scaling:
            self.gamma = self._add("gamma", shape)
        if self.center and not self.rms_scaling:
            self.beta = self._add("beta", shape)

    def _add(self, name: str, shape: tuple) -> Any:
        made_by = (getattr(self, f"{name}_{kind}") for kind in ("initializer", "regularizer", "constraint"))
        initializer, regularizer, constraint = made_by
        return self.add_weight(
            shape, initializer, autocast=False, regularizer=regularizer, constraint=constraint, name=name
        )

    def call(self, inputs: Any) -> Any:
        outputs = ops.layer_normalization(
            inputs, self.gamma, self.beta, self.axis, self.epsilon, rms_scaling=self.rms_scaling
        )
        return ops.cast(outputs, self.compute_dtype)
