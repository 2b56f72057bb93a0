"""What there is to say about an ONNX file without running it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def opset_text(proto: onnx.ModelProto) -> str:
    """The versions of the operator sets: `25`, `25, com.microsoft 1`."""
    sets = sorted((entry.domain, entry.version) for entry in proto.opset_import)
    return ", ".join(
        f"{domain} {version}" if domain not in ("", "ai.onnx") else str(version) for domain, version in sets
    )


def value_text(value: onnx.ValueInfoProto) -> str:
    """An input or output: `image: float32[batch, 8, 8, 1]`."""
    return f"{value.name}: {dtype_text(value)}{shape_text(value)}"


def dtype_text(value: onnx.ValueInfoProto) -> str:
    """Its element type, by the name that numpy has for it."""
    from portable_layers import dtypes

    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return kind or "?"
    try:
        return dtypes.from_onnx(value.type.tensor_type.elem_type)
    except KeyError:
        return f"type {value.type.tensor_type.elem_type}"


def shape_text(value: onnx.ValueInfoProto) -> str:
    """Its shape with the names of symbolic sizes."""
    if not value.type.tensor_type.HasField("shape"):
        return "[...]"
    dims = value.type.tensor_type.shape.dim
    return (
        f"[{', '.join(d.dim_param or (str(d.dim_value) if d.HasField('dim_value') else '?') for d in dims)}]"
    )


def op_counts(proto: onnx.ModelProto) -> Counter[str]:
    """How often each operator occurs, with its domain where that is not ONNX's own; bodies included."""
    counts: Counter[str] = Counter()
    pending = [proto.graph.node, *(function.node for function in proto.functions)]
    while pending:
        for node in pending.pop():
            domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
            counts[f"{domain}{node.op_type}"] += 1
            for attribute in node.attribute:
                pending += [graph.node for graph in (attribute.g, *attribute.graphs) if graph.node]
    return counts


def weights(proto: onnx.ModelProto) -> tuple[int, int]:
    """The number of initializers and of their elements."""
    return len(proto.graph.initializer), sum(math.prod(t.dims) for t in proto.graph.initializer)


def files_size(path: Path) -> int:
    """The bytes of a model, with the external data beside it that its own name stands on."""
    beside = path.with_name(f"{path.name}.data")
    return path.stat().st_size + (beside.stat().st_size if beside.is_file() else 0)


def shortened(values: Iterable[tuple[str, str]], width: int = 60) -> Iterator[tuple[str, str]]:
    """Pairs with long values cut; configs run to megabytes."""
    for name, value in values:
        yield name, value if len(value) <= width else f"{value[:width]}... ({len(value)} characters)"
