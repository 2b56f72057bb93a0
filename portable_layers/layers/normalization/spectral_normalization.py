"""SpectralNormalization: a layer whose kernel is kept at spectral norm 1 while it is trained."""

from __future__ import annotations

from typing import Any

from portable_layers import initializers, ops
from portable_layers.cases import case
from portable_layers.layer import InputSpec, Layer
from portable_layers.layers.core.dense import Dense
from portable_layers.layers.core.wrapper import Wrapper
from portable_layers.ops.dispatch import graph


class SpectralNormalization(Wrapper):
    """The layer inside; in training its kernel (or embeddings) is divided by its largest singular
    value, which power iteration finds. The graph does not keep what it found.

    Args:
        layer: with a weight `kernel` or `embeddings`.
        power_iterations: how many.

    Input shape, output shape: those of the layer inside
    """

    cases = (
        case((4,), layer=Dense(3, name="inner"), ops="MatMul Add"),
        case((5, 4), layer=Dense(3, use_bias=False), power_iterations=3, ops="MatMul"),
    )

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(
                f"power_iterations must be positive. Received: power_iterations={power_iterations}"
            )

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", None)
        if kernel is None:
            kernel = getattr(self.layer, "embeddings", None)
        if kernel is None:
            raise ValueError(f"layer {self.layer.name} has neither a kernel nor embeddings")
        self.kernel = kernel
        self.vector_u = self.add_weight(
            (1, kernel.shape[-1]),
            initializers.TruncatedNormal(stddev=0.02),
            kernel.dtype,
            trainable=False,
            name="vector_u",
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if training:
            with graph().replacing(self.kernel, self._normalized()):
                outputs = self.layer(inputs)
        else:
            outputs = self.layer(inputs)
        return ops.cast(outputs, inputs.dtype)

    def _normalized(self) -> Any:
        """The kernel at spectral norm 1; itself where it is all zeros."""
        kernel, u = ops.convert_to_tensor(self.kernel), ops.convert_to_tensor(self.vector_u)
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(matrix)), axis=None)
            u = ops.normalize(ops.matmul(v, matrix), axis=None)
        sigma = ops.reshape(ops.matmul(ops.matmul(v, matrix), ops.transpose(u)), ())
        return ops.where(ops.all(ops.equal(kernel, 0)), kernel, kernel / sigma)
