"""LoRA: a kernel with a trainable update of low rank, as Keras's layers have it."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import initializers, ops
from portable_layers.layer import Layer
from portable_layers.ops.kernels import LowRank
from portable_layers.variable import Variable


class _LoraLayer(Layer):
    """A layer whose kernel, in `_kernel`, can get an update `lora_alpha / lora_rank * a @ b`.

    A `.keras` file holds the sum in the kernel's place, and a layer that is read from one starts
    with an update of zero.
    """

    def _set_lora(self, lora_rank: int | None, lora_alpha: float | None) -> None:
        self.lora_rank: Any = lora_rank
        self.lora_alpha: Any = lora_alpha if lora_alpha is not None else lora_rank
        self.lora_enabled = False

    @property
    def kernel(self) -> Any:
        """The kernel as it is applied: the variable, or with LoRA the sum."""
        if not self.built:
            raise AttributeError(f"layer {self.name} has a kernel once it is built")
        return self._merged_kernel() if self.lora_enabled else self._kernel

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the kernel and add the update, with factors `(*kernel.shape[:-1], rank)` and
        `(rank, kernel.shape[-1])` in float32.

        Raises:
            ValueError: before the layer is built, with a constraint of the kernel, or a second time.
        """
        if self.kernel_constraint:
            raise ValueError(
                f"LoRA and kernel_constraint exclude each other. Received: {self.kernel_constraint!r}"
            )
        if not self.built:
            raise ValueError(f"layer {self.name} must be built before LoRA is enabled")
        if self.lora_enabled:
            raise ValueError(f"layer {self.name} has LoRA already, of rank {self.lora_rank}")
        shape = self._kernel.shape
        self.lora_kernel_a = self._add_factor("lora_kernel_a", (*shape[:-1], rank), a_initializer)
        self.lora_kernel_b = self._add_factor("lora_kernel_b", (rank, shape[-1]), b_initializer)
        self._kernel.trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = lora_alpha if lora_alpha is not None else rank

    def _add_factor(self, name: str, shape: tuple[int, ...], initializer: Any) -> Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializers.get(initializer),
            dtype="float32",
            regularizer=self.kernel_regularizer,
        )

    def _applied_kernel(self) -> Variable | LowRank:
        """The kernel for `ops`, which rearrange it before the sum is made."""
        if not self.lora_enabled:
            return self._kernel
        return LowRank(self._kernel, self.lora_kernel_a, self.lora_kernel_b, self.lora_alpha / self.lora_rank)

    def _merged_kernel(self) -> Any:
        update = ops.matmul(self.lora_kernel_a, self.lora_kernel_b)
        return ops.cast(
            ops.add(self._kernel, (self.lora_alpha / self.lora_rank) * update), self.compute_dtype
        )

    def own_variables(self) -> dict[str, Variable]:
        if not self.lora_enabled:
            return super().own_variables()
        stored = [self._kernel] if self.bias is None else [self._kernel, self.bias]
        return {str(i): v for i, v in enumerate(stored)}

    def stored_values(self) -> dict[str, np.ndarray]:
        values = super().stored_values()
        if self.lora_enabled:
            values["0"] = np.asarray(self._merged_kernel())
        return values

    def weights_loaded(self) -> None:
        if self.lora_enabled:
            for factor in (self.lora_kernel_a, self.lora_kernel_b):
                factor.assign(np.zeros(factor.shape, np.float32))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if not self.lora_rank:
            config.pop("lora_alpha", None)  # of no meaning by itself; Keras leaves it out too
        return config
