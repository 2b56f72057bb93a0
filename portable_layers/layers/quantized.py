"""What quantized layers share: which variables a mode has, and what a `.keras` file holds of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from portable_layers import dtype_policies, quantizers
from portable_layers.layers.lora import _LoraLayer
from portable_layers.variable import Variable

# For each quantization mode the names of the stored variables, in the order of their keys.
StoredNames: TypeAlias = Mapping[str | None, tuple[str, ...]]
_FLOAT8_NAMES = tuple(
    f"{of}_{kind}" for of in ("inputs", "kernel", "outputs_grad") for kind in ("scale", "amax_history")
)
KERNEL_NAMES: StoredNames = {
    None: ("kernel", "bias"),
    "int8": ("kernel", "bias", "kernel_scale"),
    "int4": ("kernel", "bias", "kernel_scale", "kernel_zero", "g_idx"),
    "float8": ("kernel", "bias", *_FLOAT8_NAMES),
    "gptq": ("bias", "quantized_kernel", "kernel_scale", "kernel_zero", "g_idx"),
    "awq": ("bias", "quantized_kernel", "kernel_scale", "kernel_zero", "awq_scales", "g_idx"),
}


class _QuantizedLayer(_LoraLayer):
    """A layer that may hold its weight in few bits, as its dtype policy says."""

    stored_names: ClassVar[StoredNames] = {}

    def _set_quantization(self, config: Any) -> None:
        self.quantization_config: Any = quantizers.get(config)
        if self.quantization_mode not in self.stored_names:
            known = ", ".join(n for n in self.stored_names if n)
            raise ValueError(
                f"{type(self).__name__} can be quantized as {known}. Received: dtype={self.dtype_policy.name}"
            )

    @property
    def _block_size(self) -> int | None:
        """How many inputs share a scale in int4; None for all of a channel."""
        size: int | None = None
        if isinstance(self.quantization_config, quantizers.Int4QuantizationConfig):
            size = self.quantization_config.block_size
        elif isinstance(self.dtype_policy, dtype_policies.Int4DTypePolicy):
            size = self.dtype_policy.block_size
        return None if size == -1 else size

    def _activation_quantizer(self, default: Any) -> Any:
        config = self.quantization_config
        return default if config is None else config.activation_quantizer

    def _add_integers(self, name: str, shape: tuple[int, ...], dtype: str = "int8") -> Variable:
        return self.add_weight(name=name, shape=shape, initializer="zeros", dtype=dtype, trainable=False)

    def _add_scale(self, name: str, shape: tuple[int, ...]) -> Variable:
        return self.add_weight(name=name, shape=shape, initializer="ones", trainable=False)

    def _add_blocks(self, places: int, block_size: int) -> Variable:
        """The number of each place's block, as Keras keeps it."""

        def numbers(shape: Any, dtype: Any = None) -> np.ndarray:
            return np.arange(places, dtype=np.float32) // block_size

        return self.add_weight(
            name="g_idx", shape=(places,), initializer=numbers, dtype="float32", trainable=False
        )

    def _stored(self) -> dict[str, Variable]:
        """The stored variables by name, in the order of their keys."""
        found = {
            name: getattr(self, f"_{name}" if name == self.lora_target else name, None)
            for name in self.stored_names[self.quantization_mode]
        }
        return {name: v for name, v in found.items() if v is not None}

    def own_variables(self) -> dict[str, Variable]:
        return {str(i): v for i, v in enumerate(self._stored().values())}

    def stored_values(self) -> dict[str, np.ndarray]:
        values = {name: v.numpy() for name, v in self._stored().items()}
        if self.lora_enabled:
            if self.quantization_mode in ("int8", "int4"):
                values |= self._requantized()
            else:
                values[self.lora_target] = np.asarray(self._merged())
        return {str(i): v for i, v in enumerate(values.values())}

    def _requantized(self) -> dict[str, np.ndarray]:
        """The weight with LoRA's update in it, quantized anew, and its scales, by name."""
        raise NotImplementedError

    def _update(self) -> np.ndarray:
        """LoRA's update of the weight."""
        a, b = self._factors
        return self._lora_scale * np.matmul(a.numpy(), b.numpy())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "quantization_config": quantizers.serialize(self.quantization_config)}
