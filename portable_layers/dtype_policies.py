"""DType policies: in which dtype a layer computes and in which it keeps its variables.

The definitions are Keras's (`keras.dtype_policies`).
"""

from __future__ import annotations

from typing import Any

from portable_layers import dtypes
from portable_layers.serialization import Configurable, deserialize_object, serialize_object


class DTypePolicy(Configurable):
    """A compute dtype and a variable dtype.

    Args:
        name: a dtype (`float32`, `bfloat16`, ...), `mixed_float16` or `mixed_bfloat16`; the global
            policy by default.
    """

    keras_module = "keras"
    name: str
    quantization_mode: str | None = None

    def __init__(self, name: str | None = None):
        self.name = name if name is not None else dtype_policy().name
        self.compute_dtype, self.variable_dtype = _parse(self.name)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """Keras's older name for `DTypePolicy`."""

    keras_module = "keras"


class QuantizedDTypePolicy(DTypePolicy):
    """A policy of a quantized layer: `int8_from_float32`.

    Args:
        mode: `int8`, `int4` or `float8`.
        source_name: the policy that the layer had before.
    """

    keras_module = "keras.dtype_policies"

    def __init__(self, mode: str, source_name: str | None = None):
        self.source_name = source_name if source_name is not None else dtype_policy().name
        self.mode = mode
        self.quantization_mode = mode.split("/")[0]
        self.name = f"{mode}_from_{self.source_name}"
        self.compute_dtype, self.variable_dtype = _parse(self.source_name)

    def get_config(self) -> dict[str, Any]:
        return {"mode": self.mode, "source_name": self.source_name}


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The policy of a float8 layer, with the length of the history of absolute maxima."""

    keras_module = "keras.dtype_policies"

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024):
        super().__init__(mode, source_name)
        self.amax_history_length = amax_history_length

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amax_history_length": self.amax_history_length}


class Int4DTypePolicy(QuantizedDTypePolicy):
    """The policy of an int4 layer: mode `int4/<block_size>`, -1 for one scale a channel."""

    keras_module = "keras.dtype_policies"

    def __init__(self, mode: str, source_name: str | None = None):
        super().__init__(mode, source_name)
        kind, _, size = mode.partition("/")
        if kind != "int4" or not size.lstrip("-").isdigit() or int(size) < -1 or int(size) == 0:
            raise ValueError(
                f"mode must be 'int4/<block_size>', block_size -1 or positive. Received: {mode!r}"
            )
        self.block_size = int(size)


class _OnlyWeightsDTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer whose weights alone are quantized, after a calibration.

    Args:
        mode: `<method>/<weight_bits>/<group_size>`, -1 for one scale a channel.
    """

    method = ""
    bits: tuple[int, ...] = (4,)

    def __init__(self, mode: str, source_name: str | None = None):
        super().__init__(mode, source_name)
        method, *numbers = mode.split("/")
        try:
            self.weight_bits, self.group_size = (int(n) for n in numbers)
        except ValueError:
            method = ""
        if (
            method != self.method
            or self.weight_bits not in self.bits
            or not (self.group_size == -1 or self.group_size > 0)
        ):
            raise ValueError(
                f"mode must be '{self.method}/<weight_bits>/<group_size>', weight_bits one of {self.bits}, "
                f"group_size -1 or positive. Received: {mode!r}"
            )


class GPTQDTypePolicy(_OnlyWeightsDTypePolicy):
    """The policy of a layer that GPTQ quantized: `gptq/4/128`."""

    keras_module = "keras.dtype_policies"
    method = "gptq"
    bits = (2, 3, 4, 8)


class AWQDTypePolicy(_OnlyWeightsDTypePolicy):
    """The policy of a layer that AWQ quantized: `awq/4/128`."""

    keras_module = "keras.dtype_policies"
    method = "awq"


class DTypePolicyMap(Configurable):
    """A policy for each layer, by path; `default_policy` for the rest."""

    keras_module = "keras.dtype_policies"

    def __init__(self, default_policy: Any = None, policy_map: dict | None = None):
        self.default_policy = default_policy
        self.policy_map = policy_map


CLASSES = {
    c.__name__: c
    for c in (
        DTypePolicy,
        FloatDTypePolicy,
        QuantizedDTypePolicy,
        QuantizedFloat8DTypePolicy,
        Int4DTypePolicy,
        GPTQDTypePolicy,
        AWQDTypePolicy,
        DTypePolicyMap,
    )
}


def get(identifier: Any) -> DTypePolicy:
    """The policy of a name, a config, a dtype, or the global one for None."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize_object(identifier, CLASSES, "dtype policy")
    if isinstance(identifier, str) and "_from_" in identifier:
        mode, source = identifier.split("_from_")
        if mode.startswith("int4/"):
            return Int4DTypePolicy(mode, source)
        if mode.startswith("gptq/"):
            return GPTQDTypePolicy(mode, source)
        if mode.startswith("awq/"):
            return AWQDTypePolicy(mode, source)
        if mode == "float8":
            return QuantizedFloat8DTypePolicy(mode, source)
        return QuantizedDTypePolicy(mode, source)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    if hasattr(identifier, "get_config") and hasattr(identifier, "compute_dtype"):
        return get({"class_name": type(identifier).__name__, "config": identifier.get_config()})
    return DTypePolicy(dtypes.standardize(identifier))


def serialize(policy: DTypePolicy) -> Any:
    """Keras's config of a policy."""
    return serialize_object(policy)


_global = "float32"


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none."""
    return DTypePolicy(_global)


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers that are given none."""
    global _global
    _global = get(policy).name


def _parse(name: str) -> tuple[str, str]:
    if name == "mixed_float16":
        return "float16", "float32"
    if name == "mixed_bfloat16":
        return "bfloat16", "float32"
    dtype = dtypes.standardize(name)
    return dtype, dtype
