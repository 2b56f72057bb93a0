"""LoRA: a weight with a trainable update of low rank, as Keras's layers have it."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import initializers, ops
from portable_layers.layer import Layer
from portable_layers.ops.convolution_kernels import LowRank
from portable_layers.variable import Variable


class _LoraLayer(Layer):
    """A layer whose kernel, in `_kernel`, can get an update `lora_alpha / lora_rank * a @ b`.

    A `.keras` file holds the sum in the kernel's place, and a layer that is read from one starts
    with an update of zero.
    """

    # What the layer calls the weight: `kernel` or `embeddings`.
    lora_target = "kernel"

    def _set_lora(self, lora_rank: int | None, lora_alpha: float | None) -> None:
        self.lora_rank: Any = lora_rank
        self.lora_alpha: Any = lora_alpha if lora_alpha is not None else lora_rank
        self.lora_enabled = False

    @property
    def kernel(self) -> Any:
        """The kernel as it is applied: the variable, or with LoRA the sum."""
        return self._target()

    def _target(self) -> Any:
        if not self.built:
            raise AttributeError(f"layer {self.name} has {self.lora_target} once it is built")
        return self._merged() if self.lora_enabled else self._base

    @property
    def _base(self) -> Variable:
        return getattr(self, f"_{self.lora_target}")

    @property
    def _factors(self) -> tuple[Variable, Variable]:
        return getattr(self, f"lora_{self.lora_target}_a"), getattr(self, f"lora_{self.lora_target}_b")

    @property
    def _lora_scale(self) -> float:
        return self.lora_alpha / self.lora_rank

    def _lora_shape(self) -> tuple[int, ...]:
        """The shape of the weight, as it is before it is packed."""
        return self._base.shape

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the weight and add the update, with factors `(*shape[:-1], rank)` and
        `(rank, shape[-1])` in float32.

        Raises:
            ValueError: before the layer is built, with a constraint of the weight, or a second time.
        """
        constraint = getattr(self, f"{self.lora_target}_constraint")
        if constraint:
            raise ValueError(
                f"LoRA and {self.lora_target}_constraint exclude each other. Received: {constraint!r}"
            )
        if not self.built:
            raise ValueError(f"layer {self.name} must be built before LoRA is enabled")
        if self.lora_enabled:
            raise ValueError(f"layer {self.name} has LoRA already, of rank {self.lora_rank}")
        *outer, last = self._lora_shape()
        for end, shape, initializer in (
            ("a", (*outer, rank), a_initializer),
            ("b", (rank, last), b_initializer),
        ):
            name = f"lora_{self.lora_target}_{end}"
            setattr(self, name, self._add_factor(name, shape, initializer))
        self._base.trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = lora_alpha if lora_alpha is not None else rank

    def _add_factor(self, name: str, shape: tuple[int, ...], initializer: Any) -> Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializers.get(initializer),
            dtype="float32",
            regularizer=getattr(self, f"{self.lora_target}_regularizer"),
        )

    def _applied_kernel(self) -> Variable | LowRank:
        """The weight for `ops`, which rearrange it before the sum is made."""
        return LowRank(self._base, *self._factors, self._lora_scale) if self.lora_enabled else self._base

    def _merged(self) -> Any:
        update = ops.matmul(*self._factors)
        return ops.cast(ops.add(self._base, self._lora_scale * update), self.compute_dtype)

    def own_variables(self) -> dict[str, Variable]:
        if not self.lora_enabled:
            return super().own_variables()
        bias = getattr(self, "bias", None)
        stored = [self._base] if bias is None else [self._base, bias]
        return {str(i): v for i, v in enumerate(stored)}

    def stored_values(self) -> dict[str, np.ndarray]:
        values = super().stored_values()
        if self.lora_enabled:
            values["0"] = np.asarray(self._merged())
        return values

    def weights_loaded(self) -> None:
        if self.lora_enabled:
            for factor in self._factors:
                factor.assign(np.zeros(factor.shape, np.float32))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if not self.lora_rank:
            config.pop("lora_alpha", None)  # of no meaning by itself; Keras leaves it out too
        return config
