"""The engine's API: what it loads, how inputs are handed over, what comes back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from small_models import add_and_scale, identity, make_model, with_default

from portable_layers.errors import ArchiveError, InferenceError, InputError, MissingDependencyError
from runtime import InferenceEngine, TensorInfo

BACKENDS = ["cpu", "reference"]


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


X = np.arange(6, dtype=np.float32).reshape(3, 2)
A, B = np.ones((4, 3), np.float32), np.full((4, 3), 5, np.float32)


def test_loads_a_path_bytes_a_proto_and_what_exports_itself(tmp_path, backend):
    model = identity()
    path = tmp_path / "model.onnx"
    onnx.save(model, path)

    class Exports:
        def to_onnx(self):
            return model

    for form in (path, str(path), model.SerializeToString(), model, Exports()):
        np.testing.assert_array_equal(InferenceEngine(form, backend).run(X), X)


def test_describes_inputs_outputs_and_metadata(backend):
    engine = InferenceEngine(identity(shape=("batch", 2), metadata={"author": "me"}), backend)
    assert engine.inputs == (TensorInfo("x", np.dtype(np.float32), ("batch", 2)),)
    assert engine.outputs == (TensorInfo("y", np.dtype(np.float32), ("batch", 2)),)
    assert engine.metadata == {"author": "me"}
    assert engine.providers == (backend,)
    assert "x: float32[batch, 2]" in repr(engine)


def test_scalars_unnamed_sizes_and_unknown_ranks_are_told_apart(backend):
    nodes = [
        helper.make_node("Identity", [name], [f"{name}_out"]) for name in ("scalar", "unnamed", "unknown")
    ]
    shapes = {"scalar": [], "unnamed": [None, 2], "unknown": None}
    model = make_model(
        nodes,
        [(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [(f"{name}_out", TensorProto.FLOAT, shape) for name, shape in shapes.items()],
    )
    engine = InferenceEngine(model, backend)
    assert [info.shape for info in engine.inputs] == [(), (None, 2), None]
    feed = {"scalar": np.float32(1), "unnamed": X, "unknown": X[None]}
    assert [array.shape for array in engine.run(feed).values()] == [(), (3, 2), (1, 3, 2)]


def test_inputs_by_name_by_position_and_as_a_list_give_a_dict(backend):
    engine = InferenceEngine(add_and_scale(), backend)
    for result in (engine.run({"b": B, "a": A}), engine.run(A, B), engine.run([A, B]), engine((A, B))):
        assert list(result) == ["sum", "scaled"]
        np.testing.assert_array_equal(result["sum"], A + B)
        np.testing.assert_array_equal(result["scaled"], A * 2)


def test_a_bare_input_gives_the_bare_output(backend):
    engine = InferenceEngine(identity(), backend)
    np.testing.assert_array_equal(engine.run(X), X)
    np.testing.assert_array_equal(engine(X), X)
    np.testing.assert_array_equal(engine.run([[1, 2.5]]), np.array([[1, 2.5]], np.float32))
    for named in (engine.run({"x": X}), engine.run([X]), engine.run(X, outputs=["y"])):
        assert list(named) == ["y"]


def test_runs_a_subset_of_the_outputs_in_the_order_asked_for(backend):
    engine = InferenceEngine(add_and_scale(), backend)
    assert list(engine.run(A, B, outputs=["scaled"])) == ["scaled"]
    assert list(engine.run(A, B, outputs=("scaled", "sum"))) == ["scaled", "sum"]
    for bad in (["nope"], [], "sum"):
        with pytest.raises(InputError, match="output"):
            engine.run(A, B, outputs=bad)


def test_an_input_with_a_default_may_be_left_out_and_comes_last(backend):
    engine = InferenceEngine(with_default(), backend)
    assert [(info.name, info.required) for info in engine.inputs] == [("x", True), ("offset", False)]
    x = np.zeros(3, np.float32)
    np.testing.assert_array_equal(engine.run(x), x + 10)
    np.testing.assert_array_equal(engine.run(x, np.array([1], np.float32))["y"], x + 1)
    np.testing.assert_array_equal(engine.run({"x": x, "offset": [2]})["y"], x + 2)


def test_an_optional_input_may_be_left_out():
    value = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [2]))
    graph = helper.make_graph(
        [helper.make_node("OptionalHasElement", ["x"], ["there"])],
        "graph",
        [helper.make_value_info("x", value)],
        [helper.make_tensor_value_info("there", TensorProto.BOOL, [])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    engine = InferenceEngine(model, "cpu")
    assert not engine.inputs[0].required
    assert not engine.run()["there"]
    assert engine.run({"x": np.ones(2, np.float32)})["there"]


def test_a_model_without_inputs_runs(backend):
    node = helper.make_node("Constant", [], ["y"], value_float=3.0)
    engine = InferenceEngine(make_model([node], [], [("y", TensorProto.FLOAT, [])]), backend)
    assert engine.run()["y"] == engine.run({})["y"] == 3


def test_results_belong_to_the_caller(backend):
    """Writing to a result changes neither the model's weights nor the caller's inputs."""
    model = make_model(
        [helper.make_node("Identity", ["w"], ["copy"])],
        [("x", TensorProto.FLOAT, [2])],
        [(name, TensorProto.FLOAT, [2]) for name in ("x", "w", "copy")],
        {"w": np.array([1, 2], np.float32)},
    )
    engine = InferenceEngine(model, backend)
    x = np.zeros(2, np.float32)
    for array in engine.run({"x": x}).values():
        array[:] = 99
    np.testing.assert_array_equal(x, [0, 0])
    np.testing.assert_array_equal(engine.run({"x": x})["w"], [1, 2])
    np.testing.assert_array_equal(engine.run({"x": x})["copy"], [1, 2])


def test_runs_from_many_threads_at_once():
    engine = InferenceEngine(add_and_scale(), "cpu", threads=1)
    start = threading.Barrier(8)

    def work(seed):
        start.wait()
        for step in range(200):
            a = np.full((1 + seed, 3), seed * 1000 + step, np.float32)
            result = engine.run({"a": a, "b": a})
            np.testing.assert_array_equal(result["sum"], a + a)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_closing_while_others_run_ends_in_results_or_the_closed_error():
    engine = InferenceEngine(identity(), "cpu", threads=1)
    start = threading.Barrier(5)

    def work(_):
        start.wait()
        while True:
            try:
                result = engine.run(X)
            except InferenceError as error:
                return str(error)
            np.testing.assert_array_equal(result, X)

    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(work, index) for index in range(4)]
        start.wait()
        engine.close()
        assert all("closed" in run.result(timeout=30) for run in runs)


def test_a_closed_engine_says_so(backend):
    with InferenceEngine(identity(), backend) as engine:
        engine.run(X)
    engine.close()
    with pytest.raises(InferenceError, match="closed"):
        engine.run(X)
    assert engine.inputs[0].name == "x"


def test_weights_beside_the_file_are_found(tmp_path, backend):
    weight = np.arange(2000, dtype=np.float32)
    model = make_model(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, [2000])],
        [("y", TensorProto.FLOAT, [2000])],
        {"w": weight},
    )
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data")
    np.testing.assert_array_equal(InferenceEngine(path, backend).run(np.zeros(2000, np.float32)), weight)


def test_a_proto_larger_than_a_message_goes_through_a_file(monkeypatch):
    monkeypatch.setattr("runtime.model_source._LARGEST_MESSAGE", 1000)
    weight = np.arange(2000, dtype=np.float32)
    model = make_model(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, [2000])],
        [("y", TensorProto.FLOAT, [2000])],
        {"w": weight},
    )
    before = model.SerializeToString()
    np.testing.assert_array_equal(InferenceEngine(model, "cpu").run(np.zeros(2000, np.float32)), weight)
    assert model.SerializeToString() == before


def test_what_is_not_a_model_is_refused(tmp_path, backend):
    garbage, keras = tmp_path / "garbage.onnx", tmp_path / "model.keras"
    garbage.write_bytes(b"\xff" * 100)
    keras.write_bytes(b"PK")
    cases = [
        (tmp_path / "nope.onnx", "no file"),
        (tmp_path, "folder"),
        (garbage, "garbage.onnx"),
        (keras, "export"),
    ]
    for path, message in cases:
        with pytest.raises(ArchiveError, match=message):
            InferenceEngine(path, backend)
    with pytest.raises(ArchiveError):
        InferenceEngine(b"\xff" * 100, backend)
    with pytest.raises(TypeError, match="Received: int"):
        InferenceEngine(3, backend)


def test_an_operator_that_the_runtime_lacks_is_named():
    node = helper.make_node("Nope", ["x"], ["y"], domain="elsewhere")
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("elsewhere", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    with pytest.raises(InferenceError, match="Nope"):
        InferenceEngine(model, "cpu")


def test_values_that_are_no_tensors_are_refused_at_load(backend):
    value = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [2]))
    graph = helper.make_graph(
        [helper.make_node("SequenceLength", ["x"], ["n"])],
        "graph",
        [helper.make_value_info("x", value)],
        [helper.make_tensor_value_info("n", TensorProto.INT64, [])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    with pytest.raises(InferenceError, match="'x'"):
        InferenceEngine(model, backend)


def test_a_failing_run_is_one_error_with_the_reason_and_logs_nothing_when_fatal(capfd):
    model = make_model(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [("x", TensorProto.FLOAT, ["n"]), ("shape", TensorProto.INT64, ["rank"])],
        [("y", TensorProto.FLOAT, None)],
    )
    engine = InferenceEngine(model, "cpu", log_severity="fatal")
    with pytest.raises(InferenceError, match="Reshape"):
        engine.run(np.zeros(4, np.float32), np.array([3, 3]))
    assert capfd.readouterr() == ("", "")


def test_a_missing_onnxruntime_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"portable-layers\[cpu\]"):
        InferenceEngine(identity())
    np.testing.assert_array_equal(InferenceEngine(identity(), "reference").run(X), X)


def test_options_are_checked():
    with pytest.raises(ValueError, match="threads"):
        InferenceEngine(identity(), "cpu", threads=0)
    with pytest.raises(ValueError, match="log_severity"):
        InferenceEngine(identity(), "cpu", log_severity="loud")
