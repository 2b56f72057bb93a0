"""The names by which execution providers are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portable_layers.errors import ProviderError

# Our name: ONNX Runtime's.
EXECUTION_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
NAMES = ("auto", *EXECUTION_PROVIDERS, "reference")

Providers = str | Sequence[str | tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Provider:
    """One provider that was asked for, with the options that ONNX Runtime documents for it."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def execution_provider(self) -> str:
        return EXECUTION_PROVIDERS[self.name]


def parse_providers(providers: Providers) -> tuple[Provider, ...]:
    """Read the `providers` argument of an engine.

    Args:
        providers: a name, or names in the order of preference; in a sequence a name can come with
            options: `[("cuda", {"device_id": 1}), "cpu"]`.

    Raises:
        ProviderError: a name is unknown or given twice, the sequence is empty, or "auto" or
            "reference" is not alone.
    """
    entries = [providers] if isinstance(providers, str) else list(providers)
    parsed = tuple(_parse(entry) for entry in entries)
    names = [provider.name for provider in parsed]
    if not names or len(set(names)) != len(names):
        raise ProviderError(f"providers must name one or more providers, each once. Received: {providers!r}")
    for alone in ("auto", "reference"):
        if alone in names and len(names) > 1:
            raise ProviderError(f"provider {alone!r} cannot be combined with others. Received: {providers!r}")
    return parsed


def _parse(entry: Any) -> Provider:
    name, options = (entry, {}) if isinstance(entry, str) else _pair(entry)
    short = {full: short for short, full in EXECUTION_PROVIDERS.items()}.get(name, name)
    if short not in NAMES:
        raise ProviderError(f"unknown provider {name!r}, expected one of: {', '.join(NAMES)}")
    return Provider(short, options)


def _pair(entry: Any) -> tuple[str, Mapping[str, Any]]:
    if (
        isinstance(entry, tuple)
        and len(entry) == 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], Mapping)
    ):
        return entry
    raise ProviderError(f"a provider is a name or (name, options). Received: {entry!r}")
