"""GroupNormalization: groups of channels by their own mean and variance."""

from __future__ import annotations

from typing import Any

from portable_layers import dtypes, ops
from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.normalization import group_normalization


class GroupNormalization(Layer):
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, mean and variance over each group of
    channels and all other axes but the batch; gamma and beta a channel.

    Args:
        groups: how many; it divides the number of channels, and -1 makes each channel a group.
        axis: where the channels are.

    Input shape:  `(batch, ...)` with a known size along `axis`
    Output shape: that of the input
    """

    cases = (
        case(
            (5, 4, 6),
            groups=3,
            ops="Transpose Reshape InstanceNormalization Reshape Mul Add Transpose",
            dtypes=("float16", "bfloat16", "float64", "mixed_float16"),
        ),
        case((4, 5, 3), groups=2, axis=1, scale=False, ops="Reshape InstanceNormalization Reshape Add"),
        case((5, 4, 6), groups=-1, ops="Transpose InstanceNormalization Transpose", epsilon=1e-2),
        case(Array((4, None, None)), groups=-1, axis=1, center=False, ops="InstanceNormalization"),
        case((8,), groups=4, center=False, scale=False, ops="Reshape InstanceNormalization Reshape"),
        case(
            (5, 4, 6),
            groups=2,
            axis=-2,
            ops="Transpose Reshape InstanceNormalization Reshape Mul Add Transpose",
        ),
    )

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ValueError(f"groups must be a positive integer or -1. Received: groups={groups!r}")
        super().__init__(**kwargs)
        self.groups: int = groups
        self.supports_masking = True
        # Inputs are normalized as they come; only the result is cast.
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        size = input_shape[self.axis]
        if size is None:
            raise ValueError(
                f"the size along axis={self.axis} must be known. Received: input_shape={input_shape}"
            )
        if self.groups == -1:
            self.groups = size
        if size % self.groups:
            raise ValueError(
                f"groups must divide the number of channels, {size}. Received: groups={self.groups}"
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})
        self.gamma = self._add("gamma", size) if self.scale else None
        self.beta = self._add("beta", size) if self.center else None

    def _add(self, name: str, size: int) -> Any:
        made_by = (getattr(self, f"{name}_{kind}") for kind in ("initializer", "regularizer", "constraint"))
        initializer, regularizer, constraint = made_by
        return self.add_weight(
            (size,), initializer, autocast=False, regularizer=regularizer, constraint=constraint, name=name
        )

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, dtypes.result_type(inputs.dtype, "float32"))
        y = group_normalization(x, self.gamma, self.beta, self.axis, self.groups, self.epsilon)
        return ops.cast(ops.cast(y, inputs.dtype), self.compute_dtype)
