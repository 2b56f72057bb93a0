"""The graph builder: what it refuses when a node is made, and what the finished graph computes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from built_graphs import BATCH, run

from portable_layers import dtypes
from portable_layers.dims import Dim
from portable_layers.errors import GraphError
from portable_layers.graph import DEFAULT_OPSET, NEWEST_OPSET, OLDEST_OPSET, Graph
from portable_layers.model_file import to_proto
from portable_layers.packing import Packing
from portable_layers.variable import Variable
from runtime import InferenceEngine

# What is refused, and how the error reads


def test_a_misspelt_operator_is_refused_with_the_name_that_was_meant(graph, x):
    with pytest.raises(GraphError, match=r"no operator Reluu in opset \d+; did you mean .*Relu\b"):
        graph.add("Reluu", x)


def test_a_misspelt_attribute_is_refused_with_the_name_that_was_meant(graph, x):
    with pytest.raises(GraphError, match=r"no attribute axes \(it has: axis\); did you mean axis\?"):
        graph.add("Softmax", x, axes=1)


@pytest.mark.parametrize(
    ("op_type", "attributes", "message"),
    [
        ("Softmax", {"axis": 1.5}, "attribute axis must be INT. Received: 1.5"),
        ("Softmax", {"axis": "1"}, "attribute axis must be INT. Received: '1'"),
        ("LeakyRelu", {"alpha": "0.1"}, "attribute alpha must be FLOAT. Received: '0.1'"),
        ("LeakyRelu", {"alpha": True}, "attribute alpha must be FLOAT. Received: True"),
        ("Transpose", {"perm": 1}, "attribute perm must be INTS. Received: 1"),
        ("Gelu", {"approximate": 1}, "attribute approximate must be STRING. Received: 1"),
        ("Cast", {}, "needs the attribute to"),
    ],
)
def test_a_wrong_attribute_is_refused(graph, x, op_type, attributes, message):
    with pytest.raises(GraphError) as caught:
        graph.add(op_type, x, **attributes)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("op_type", "operands", "outputs", "message"),
    [
        ("Relu", 0, 1, "takes 1 inputs. Received: 0"),
        ("Relu", 2, 1, "takes 1 inputs. Received: 2"),
        ("MatMul", 1, 1, "takes 2 inputs. Received: 1"),
        ("Relu", 1, 2, "gives 1 to 1 outputs. Asked for: 2"),
    ],
)
def test_a_wrong_number_of_operands_is_refused(graph, x, op_type, operands, outputs, message):
    with pytest.raises(GraphError) as caught:
        graph.add(op_type, *[x] * operands, outputs=outputs)
    assert message in str(caught.value)


def test_a_missing_required_operand_is_refused(graph, x):
    with pytest.raises(GraphError, match="input A is required"):
        graph.add("MatMul", None, x)


def test_the_error_names_the_layer_the_operator_and_its_operands(graph, x):
    kernel = graph.variable(Variable(np.zeros((5, 3), np.float32), name="kernel"))
    with pytest.raises(GraphError) as caught, graph.scope("encoder"), graph.scope("dense"):
        graph.add("MatMul", x, kernel)
    assert str(caught.value).startswith("encoder/dense: MatMul(float32(batch, 4), float32(5, 3)): ")
    assert "ncompatible dimensions" in str(caught.value)


def test_the_error_shows_the_attributes(graph, x):
    with pytest.raises(GraphError, match=r"\(model\): Softmax\(float32\(batch, 4\), axis=2\): "):
        graph.add("Softmax", x, axis=2)


def test_operands_of_two_dtypes_are_refused(graph, x):
    with pytest.raises(GraphError, match=r"Add\(float32\(batch, 4\), int64\(4,\)\)"):
        graph.add("Add", x, graph.input("n", "int64", (4,)))


def test_a_dtype_that_the_operator_lacks_is_refused(graph):
    with pytest.raises(GraphError, match="Relu"):
        graph.add("Relu", graph.input("b", "bool", (4,)))


def test_a_known_shape_that_contradicts_inference_is_refused(graph, x):
    with pytest.raises(GraphError, match="axis 1 of the output has size 4, not 5"):
        graph.add("Relu", x, shape=(BATCH, 5))
    with pytest.raises(GraphError, match=r"the output has rank 2, not that of \(batch,\)"):
        graph.add("Relu", x, shape=(BATCH,))


def test_a_refused_node_is_not_in_the_graph(graph, x):
    with pytest.raises(GraphError):
        graph.add("Relu", x, shape=(BATCH, 5))
    graph.output(graph.add("Neg", x), "y")
    assert [n.op_type for n in to_proto(graph).graph.node] == ["Neg"]


def test_a_tensor_of_another_graph_is_refused(graph, x):
    with pytest.raises(GraphError, match="belongs to another graph"):
        Graph().add("Relu", x)
    with pytest.raises(GraphError, match="belongs to another graph"):
        Graph().output(x, "y")


@pytest.mark.parametrize("opset", [OLDEST_OPSET - 1, NEWEST_OPSET + 1])
def test_an_opset_out_of_range_is_refused(opset):
    with pytest.raises(GraphError, match=f"opset must be from 17 to {NEWEST_OPSET}. Received: {opset}"):
        Graph(opset)


@pytest.mark.parametrize("opset", [OLDEST_OPSET, DEFAULT_OPSET, NEWEST_OPSET])
def test_the_model_has_the_opset_that_was_asked_for(opset):
    graph = Graph(opset)
    graph.output(graph.add("Relu", graph.input("x", "float32", (2,))), "y")
    proto = to_proto(graph)
    assert [(i.domain, i.version) for i in proto.opset_import] == [("", opset)]
    onnx.checker.check_model(proto, full_check=True)


def test_an_operator_that_is_newer_than_the_opset_is_refused():
    graph = Graph(17)
    with pytest.raises(GraphError, match="Gelu is new in opset 20; this graph has opset 17"):
        graph.add("Gelu", graph.input("x", "float32", (2,)))


# Shapes


def test_named_dims_survive_inference(graph, x):
    time = Dim.named("time")
    y = graph.input("y", "float32", (BATCH, time, 4))
    assert graph.add("MatMul", y, np.zeros((4, 3), np.float32)).shape == (BATCH, time, 3)
    assert graph.add("Transpose", y, perm=[2, 0, 1]).shape == (4, BATCH, time)
    assert graph.add("Concat", y, y, axis=2).shape == (BATCH, time, 8)


def test_what_the_caller_knows_fills_what_inference_does_not(graph, x):
    joined = graph.add("Concat", x, x, axis=0)
    assert joined.shape[0] != BATCH * 2  # ONNX does not add symbols
    assert graph.add("Concat", x, x, axis=0, shape=(BATCH * 2, 4)).shape == (BATCH * 2, 4)


def test_a_size_that_nobody_knows_gets_a_name_of_its_own(graph, x):
    (first, axis), (second, _) = (graph.add("NonZero", x).shape[::-1] for _ in range(2))
    assert axis == 2
    assert isinstance(first, Dim)
    assert first != second


def test_sizes_are_computed_from_the_inputs(graph, x):
    size = graph.size((BATCH + 3) // 2 * 4)
    graph.output(size, "size")
    for batch in (1, 2, 8):
        (result,) = run(graph, x=np.zeros((batch, 4), np.float32))
        assert result.tolist() == [(batch + 3) // 2 * 4]


def test_a_shape_is_made_of_numbers_dims_and_tensors(graph, x):
    shape = graph.shape_tensor([2, 3, BATCH, graph.add("Size", x), 7])
    graph.output(shape, "shape")
    (result,) = run(graph, x=np.zeros((5, 4), np.float32))
    assert result.tolist() == [2, 3, 5, 20, 7]
    assert result.dtype == np.int64


def test_a_size_that_no_tensor_has_is_refused(graph, x):
    with pytest.raises(GraphError, match="no tensor of the graph has the size time"):
        graph.size(Dim.named("time"))


# Names


def test_nodes_are_named_by_the_path_of_their_layer(graph, x):
    with graph.scope("block"), graph.scope("dense"):
        y = graph.add("Relu", x)
        z = graph.add("Relu", y)
    graph.output(z, "z")
    assert [n.name for n in to_proto(graph).graph.node] == ["block/dense/Relu", "block/dense/Relu_1"]


def test_weights_are_named_by_their_path_and_shared(graph, x):
    kernel = Variable(np.ones((4, 4), np.float32), name="kernel")
    kernel.path = "dense/kernel"
    y = graph.add("MatMul", graph.add("MatMul", x, kernel), kernel)
    graph.output(y, "y")
    assert [i.name for i in to_proto(graph).graph.initializer] == ["dense/kernel"]


def test_inputs_and_outputs_keep_their_names_and_never_clash(graph, x):
    graph.output(x, "x")  # an input passed straight on
    y = graph.add("Relu", x)
    graph.output(y, "y")
    graph.output(y, "y")
    proto = to_proto(graph)
    assert [i.name for i in proto.graph.input] == ["x"]
    assert [o.name for o in proto.graph.output] == ["x_1", "y", "y_1"]
    value = np.array([[-1, 0, 1, 2]], np.float32)
    for got, expected in zip(run(graph, x=value), (value, value.clip(0), value.clip(0)), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_equal_small_constants_are_one_initializer(graph, x):
    y = graph.add("Add", graph.add("Add", x, np.float32(1)), np.float32(1))
    y = graph.add("Add", y, np.float32(2))
    graph.output(y, "y")
    assert len(to_proto(graph).graph.initializer) == 2


@pytest.mark.parametrize("value", [0.0, -0.0])
def test_constants_that_compare_equal_but_differ_are_kept_apart(graph, x, value):
    graph.constant(np.float32(-value))
    y = graph.add("Div", x, np.float32(value))
    graph.output(y, "y")
    (result,) = run(graph, x=np.ones((1, 4), np.float32))
    np.testing.assert_array_equal(result, np.full((1, 4), np.copysign(np.inf, value), np.float32))


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
)
def test_constants_of_every_dtype_come_out_as_they_went_in(dtype):
    graph = Graph()
    value = np.array([[0, 1], [1, 3]]).astype(dtypes.to_numpy(dtype))
    graph.output(graph.constant(value), "y")
    (result,) = run(graph)
    assert result.dtype == value.dtype
    assert result.tobytes() == value.tobytes()


def test_strings_are_constants_too():
    graph = Graph()
    graph.output(graph.constant(["a", "été"]), "y")
    assert run(graph)[0].tolist() == ["a", "été"]


def test_a_weight_is_read_when_the_file_is_written_and_not_before(graph, x):
    drawn = []

    def draw(shape, dtype):
        drawn.append(shape)
        return np.ones(shape, dtype)

    kernel = Variable(draw, shape=(4, 3), name="kernel")
    graph.output(graph.add("MatMul", x, kernel), "y")
    assert drawn == []
    to_proto(graph)
    assert drawn == [(4, 3)]


def test_a_rearranged_weight_is_an_initializer_of_its_own(graph, x):
    kernel = Variable(np.arange(12, dtype=np.float32).reshape(3, 4), name="kernel")
    graph.output(graph.add("MatMul", x, graph.weight(Packing.of(kernel).transpose((1, 0)))), "y")
    (initializer,) = to_proto(graph).graph.initializer
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(initializer), kernel.numpy().T)


# Operators of other domains


def test_a_foreign_operator_needs_its_outputs_spelt_out(graph, x):
    with pytest.raises(GraphError, match=r"an operator of com\.microsoft needs spec="):
        graph.add("FusedMatMul", x, x, domain="com.microsoft")


def test_a_foreign_operator_runs_and_its_domain_is_imported(graph, x):
    y = graph.add(
        "FusedMatMul", x, np.eye(4, dtype=np.float32), domain="com.microsoft", alpha=2.0,
        spec=[("float32", (BATCH, 4))],
    )  # fmt: skip
    graph.output(y, "y")
    proto = to_proto(graph)
    assert {i.domain: i.version for i in proto.opset_import} == {"": DEFAULT_OPSET, "com.microsoft": 1}
    value = np.ones((2, 4), np.float32)
    (result,) = InferenceEngine(proto, providers="cpu").run({"x": value}).values()
    np.testing.assert_array_equal(result, 2 * value)


def test_a_spec_describes_every_output(graph, x):
    with pytest.raises(GraphError, match=r"spec describes 1 outputs\. Asked for: 2"):
        graph.add("Thing", x, domain="com.microsoft", outputs=2, spec=[("float32", (BATCH, 4))])


def test_an_unknown_domain_is_refused(graph, x):
    with pytest.raises(GraphError, match=r"unknown operator domain ai.example"):
        graph.add("Thing", x, domain="ai.example")


# Editing


def test_replacing_a_tensor_that_is_an_output_keeps_the_output_name(graph, x):
    relu = graph.add("Relu", x)
    graph.output(relu, "y")
    node = graph.nodes[0]
    with graph.inserting_before(node):
        negated = graph.add("Neg", x)
    graph.replace_uses(relu, negated)
    graph.remove(node)
    proto = to_proto(graph)
    assert [n.op_type for n in proto.graph.node] == ["Neg"]
    assert [o.name for o in proto.graph.output] == ["y"]
    assert run(graph, x=np.ones((1, 4), np.float32))[0].tolist() == [[-1, -1, -1, -1]]
