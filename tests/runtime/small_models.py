"""Small ONNX models for the tests of the runtime."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Value = tuple[str, int, Sequence[int | str | None] | None]


def make_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    initializers: dict[str, np.ndarray] | None = None,
    metadata: dict[str, str] | None = None,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(array, name) for name, array in (initializers or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    for key, value in (metadata or {}).items():
        model.metadata_props.add(key=key, value=value)
    if all(
        shape is not None for _, _, shape in (*inputs, *outputs)
    ):  # unknown ranks exist, against the rules
        onnx.checker.check_model(model)
    return model


def identity(element_type: int = TensorProto.FLOAT, shape=("batch", 2), **rest) -> onnx.ModelProto:
    """`y = x`."""
    node = helper.make_node("Identity", ["x"], ["y"], name="copy")
    return make_model([node], [("x", element_type, shape)], [("y", element_type, shape)], **rest)


def add_and_scale() -> onnx.ModelProto:
    """`sum = a + b`, `scaled = a * 2`, with a batch size that both inputs share."""
    return make_model(
        [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Mul", ["a", "two"], ["scaled"])],
        [("a", TensorProto.FLOAT, ["batch", 3]), ("b", TensorProto.FLOAT, ["batch", 3])],
        [("sum", TensorProto.FLOAT, ["batch", 3]), ("scaled", TensorProto.FLOAT, ["batch", 3])],
        {"two": np.float32(2)},
    )


def with_default() -> onnx.ModelProto:
    """`y = x + offset`, where `offset` may be left out and is then 10."""
    return make_model(
        [helper.make_node("Add", ["x", "offset"], ["y"])],
        [("offset", TensorProto.FLOAT, [1]), ("x", TensorProto.FLOAT, ["n"])],
        [("y", TensorProto.FLOAT, ["n"])],
        {"offset": np.array([10], np.float32)},
    )
