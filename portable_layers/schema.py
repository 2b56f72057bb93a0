"""ONNX operator schemas as strict checks: names, attributes, input counts, types and shapes.

Everything comes from the schemas that the `onnx` package ships; nothing about an operator is written
by hand here. One call costs tens of microseconds, and equal calls are answered from a cache.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TypeProto
from onnx.defs import OpSchema
from onnx.shape_inference import infer_node_outputs

from portable_layers.errors import GraphError

# A size as inference sees it: a number, a dim's text, or None where nothing is known.
InferredSize = int | str | None
# Versions of the operator sets beside ONNX's own one.
DOMAIN_VERSIONS = {"ai.onnx.ml": 4, "com.microsoft": 1, "ai.onnx.contrib": 1}


@dataclass(frozen=True)
class TypeKey:
    """A tensor type as inference sees it: ONNX's number of the dtype, and the sizes."""

    dtype: int
    shape: tuple[InferredSize, ...] | None


@dataclass(frozen=True)
class DataKey:
    """A small constant operand, known to inference (axes, target shapes, pads)."""

    dtype: int
    shape: tuple[int, ...]
    data: bytes


@functools.cache
def schema_of(op_type: str, domain: str, version: int) -> OpSchema:
    """The operator's schema at an opset version.

    Raises:
        GraphError: where the operator does not exist there, with names that are close.
    """
    try:
        found = onnx.defs.get_schema(op_type, version, domain)
    except onnx.defs.SchemaError:
        names = sorted({s.name for s in onnx.defs.get_all_schemas() if s.domain == domain})
        where = f"opset {version}" if not domain else f"{domain} version {version}"
        newer = [
            s for s in onnx.defs.get_all_schemas_with_history() if (s.name, s.domain) == (op_type, domain)
        ]
        if newer:
            first = min(s.since_version for s in newer)
            raise GraphError(f"{op_type} is new in opset {first}; this graph has {where}") from None
        close = difflib.get_close_matches(op_type, names, 3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise GraphError(f"ONNX has no operator {op_type} in {where}{hint}") from None
    if found.deprecated:
        raise GraphError(f"{op_type} is deprecated since opset {found.since_version}")
    return found


def check_counts(schema: OpSchema, present: Sequence[bool], outputs: int) -> None:
    """Check the number of inputs and outputs, and that no required input is left out."""
    if not schema.min_input <= len(present) <= schema.max_input:
        expected = (
            f"{schema.min_input}"
            if schema.min_input == schema.max_input
            else f"{schema.min_input} to {schema.max_input}"
        )
        raise GraphError(f"takes {expected} inputs. Received: {len(present)}")
    for index, is_there in enumerate(present):
        if not is_there and index < len(schema.inputs):
            formal = schema.inputs[index]
            if formal.option == OpSchema.FormalParameterOption.Single:
                raise GraphError(f"input {formal.name} is required")
    if not max(schema.min_output, 1) <= outputs <= schema.max_output:
        raise GraphError(f"gives {schema.min_output} to {schema.max_output} outputs. Asked for: {outputs}")


_CONVERTERS = {
    OpSchema.AttrType.INT: lambda v: _int(v),
    OpSchema.AttrType.FLOAT: lambda v: _float(v),
    OpSchema.AttrType.STRING: lambda v: _string(v),
    OpSchema.AttrType.INTS: lambda v: [_int(x) for x in v],
    OpSchema.AttrType.FLOATS: lambda v: [_float(x) for x in v],
    OpSchema.AttrType.STRINGS: lambda v: [_string(x) for x in v],
}


def convert_attributes(schema: OpSchema, attributes: Mapping[str, Any]) -> dict[str, tuple[int, Any]]:
    """Each attribute as `(AttributeProto type, value)`; attributes that are None are left out.

    Raises:
        GraphError: for an unknown attribute, a value of the wrong type, a missing required one.
    """
    converted: dict[str, tuple[int, Any]] = {}
    for name, value in attributes.items():
        if value is None:
            continue
        formal = schema.attributes.get(name)
        if formal is None:
            close = difflib.get_close_matches(name, list(schema.attributes), 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            known = ", ".join(sorted(schema.attributes)) or "none"
            raise GraphError(f"has no attribute {name} (it has: {known}){hint}")
        convert = _CONVERTERS.get(formal.type, lambda v: v)
        try:
            converted[name] = _kind_of(formal), convert(value)
        except (TypeError, ValueError):
            kind = str(formal.type).rsplit(".", 1)[-1]
            raise GraphError(f"attribute {name} must be {kind}. Received: {value!r}") from None
    for name, formal in schema.attributes.items():
        if formal.required and name not in converted:
            raise GraphError(f"needs the attribute {name}")
    return converted


def _kind_of(formal: Any) -> int:
    """The attribute's type by its number in AttributeProto."""
    return int(formal.type.value)


def guess_attributes(attributes: Mapping[str, Any]) -> dict[str, tuple[int, Any]]:
    """Attributes of an operator whose schema is not at hand: the types follow the Python values."""
    converted = {}
    for name, value in attributes.items():
        if value is not None:
            proto = onnx.helper.make_attribute(name, value)
            converted[name] = int(proto.type), _text(onnx.helper.get_attribute_value(proto))
    return converted


def _text(value: Any) -> Any:
    """Strings, which protobuf keeps as bytes, as strings."""
    if isinstance(value, list):
        return [_text(x) for x in value]
    return value.decode() if isinstance(value, bytes) else value


def _int(value: Any) -> int:
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, int | np.integer):
        return int(value)
    raise TypeError(value)


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(value)
    return float(value)


def _string(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def infer(
    op_type: str,
    domain: str,
    version: int,
    inputs: tuple[TypeKey | None, ...],
    data: tuple[tuple[int, DataKey], ...],
    attributes: Mapping[str, tuple[int, Any]],
    outputs: int,
    ir_version: int,
) -> tuple[TypeKey | None, ...]:
    """The types of a node's outputs, by ONNX's own type and shape inference.

    Raises:
        GraphError: with ONNX's reason, when the node is not valid.
    """
    frozen = tuple((n, t, tuple(v) if isinstance(v, list) else v) for n, (t, v) in attributes.items())
    try:
        return _infer(op_type, domain, version, inputs, data, frozen, outputs, ir_version)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, RuntimeError) as error:
        # ONNX repeats its own names of things before and after the one sentence that matters.
        text = str(error).replace("[ShapeInferenceError]", "").replace("[TypeInferenceError]", "")
        raise GraphError(" ".join(text.split("==> Context")[0].split())) from None


@functools.lru_cache(maxsize=16384)
def _infer(
    op_type: str,
    domain: str,
    version: int,
    inputs: tuple[TypeKey | None, ...],
    data: tuple[tuple[int, DataKey], ...],
    attributes: tuple[tuple[str, int, Any], ...],
    outputs: int,
    ir_version: int,
) -> tuple[TypeKey | None, ...]:
    node = NodeProto(op_type=op_type, domain=domain)
    node.input.extend("" if key is None else f"i{i}" for i, key in enumerate(inputs))
    node.output.extend(f"o{i}" for i in range(outputs))
    for name, kind, value in attributes:
        node.attribute.append(onnx.helper.make_attribute(name, value, attr_type=kind))
    types = {f"i{i}": _type_proto(key) for i, key in enumerate(inputs) if key is not None}
    tensors = {
        f"i{i}": onnx.TensorProto(data_type=key.dtype, dims=key.shape, raw_data=key.data) for i, key in data
    }
    found = infer_node_outputs(
        schema_of(op_type, domain, version),
        node,
        types,
        tensors,
        opset_imports=[onnx.helper.make_opsetid(domain, version)],
        ir_version=ir_version,
    )
    return tuple(_type_key(found.get(f"o{i}")) for i in range(outputs))


def _type_proto(key: TypeKey) -> TypeProto:
    proto = TypeProto()
    proto.tensor_type.elem_type = key.dtype
    if key.shape is not None:
        shape = proto.tensor_type.shape
        shape.SetInParent()  # a scalar has a shape too, without dims
        for size in key.shape:
            dim = shape.dim.add()
            if isinstance(size, int):
                dim.dim_value = size
            elif size is not None:
                dim.dim_param = size
    return proto


def _type_key(proto: TypeProto | None) -> TypeKey | None:
    if proto is None or not proto.HasField("tensor_type"):
        return None
    kind = proto.tensor_type
    if not kind.HasField("shape"):
        return TypeKey(kind.elem_type, None)
    sizes: list[InferredSize] = []
    for dim in kind.shape.dim:
        which = dim.WhichOneof("value")
        sizes.append(
            dim.dim_value if which == "dim_value" else dim.dim_param if which and dim.dim_param else None
        )
    return TypeKey(kind.elem_type, tuple(sizes))
