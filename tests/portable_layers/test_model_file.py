"""Files: one or with the weights beside it, whole or not there, written without a copy of the weights."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import onnx
import pytest

import portable_layers as pl
from portable_layers import model_file
from portable_layers.errors import GraphError
from portable_layers.model_file import METADATA_KEY, unique_names
from portable_layers.variable import Variable
from runtime import InferenceEngine


def network(width: int = 64) -> pl.Model:
    x = pl.Input((width,), name="x")
    y = x
    for i in range(3):
        y = pl.layers.Dense(width, name=f"dense_{i}", activation="relu")(y)
    return pl.Model(x, y, name="network")


@pytest.fixture
def model() -> pl.Model:
    return network()


@pytest.fixture
def data() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32)


@pytest.fixture
def expected(model, data) -> np.ndarray:
    return model(data)


@pytest.fixture
def lowered(monkeypatch, expected):
    """A limit that even a small model exceeds."""
    monkeypatch.setattr(model_file, "PROTO_LIMIT", 10_000)


def outputs_of(path, data) -> np.ndarray:
    with InferenceEngine(path, providers="cpu", threads=1) as engine:
        return engine.run(data)


def test_a_file_holds_what_to_onnx_gives(model, data, tmp_path):
    path = tmp_path / "model.onnx"
    model.save(path)
    onnx.checker.check_model(str(path), full_check=True)
    np.testing.assert_array_equal(outputs_of(path, data), model(data))
    written, made = onnx.load(path), model.to_onnx()
    for proto in (written, made):
        proto.graph.ClearField("value_info")  # of initializers it says what they say themselves
    assert written == made
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.usefixtures("lowered")
def test_large_weights_go_beside_the_file(model, data, expected, tmp_path):
    path = tmp_path / "model.onnx"
    model.save(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert path.stat().st_size < 20_000
    np.testing.assert_array_equal(outputs_of(path, data), expected)
    proto = onnx.load(path, load_external_data=False)
    outside = {i.name for i in proto.graph.initializer if i.data_location == onnx.TensorProto.EXTERNAL}
    assert outside == {f"dense_{i}/kernel" for i in range(3)}  # biases are too small to be worth it
    for initializer in proto.graph.initializer:
        places = {e.key: e.value for e in initializer.external_data}
        if places:
            assert places["location"] == "model.onnx.data"
            assert int(places["offset"]) % 4096 == 0  # for memory mapping
            assert int(places["length"]) == 64 * 64 * 4
    whole = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(path).graph.initializer}
    for variable in model.weights:
        np.testing.assert_array_equal(whole[variable.path], variable.numpy())


@pytest.mark.usefixtures("lowered")
def test_a_model_with_its_data_can_be_moved_together(model, data, expected, tmp_path):
    model.save(tmp_path / "model.onnx")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("model.onnx", "model.onnx.data"):
        (tmp_path / name).rename(moved / name)
    np.testing.assert_array_equal(outputs_of(moved / "model.onnx", data), expected)


@pytest.mark.usefixtures("lowered")
def test_a_model_that_is_too_large_for_a_proto_says_so(model):
    with pytest.raises(GraphError, match="save it to a file instead"):
        model.to_onnx()


@pytest.mark.parametrize("limit", [None, 10_000])
def test_a_save_that_fails_leaves_the_old_file(model, data, tmp_path, monkeypatch, limit):
    path = tmp_path / "model.onnx"
    model.save(path)
    old = path.read_bytes()
    if limit:
        monkeypatch.setattr(model_file, "PROTO_LIMIT", limit)

    def unreadable():
        raise OSError("the weights cannot be read")

    model.weights[2].assign_lazily(unreadable)
    with pytest.raises(OSError, match="the weights cannot be read"):
        model.save(path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_a_file_that_onnx_runtime_refuses_does_not_appear(model, tmp_path, monkeypatch):
    import onnxruntime

    def refuse(*_, **__):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(GraphError, match="ONNX Runtime refuses the exported model: no such kernel"):
        model.save(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(model, tmp_path):
    with pytest.raises(OSError, match="does not exist"):
        model.save(tmp_path / "missing" / "model.onnx")


@pytest.mark.parametrize("external", [False, True], ids=["one file", "weights beside it"])
def test_saving_takes_no_second_copy_of_the_weights(tmp_path, monkeypatch, external):
    """One weight at a time may be copied, not all: a quarter of the whole here."""
    model = network(1024)
    model.set_weights([np.ones(v.shape, np.float32) for v in model.weights])
    size = sum(v.numpy().nbytes for v in model.weights)
    if external:
        monkeypatch.setattr(model_file, "PROTO_LIMIT", size // 2)
    # What ONNX Runtime and the checker need for the look at the finished file is theirs.
    monkeypatch.setattr(model_file, "check_file", lambda *_: None)
    tracemalloc.start()
    try:
        model.save(tmp_path / "model.onnx")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * size
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) > size


def metadata(proto: onnx.ModelProto) -> dict:
    return json.loads({p.key: p.value for p in proto.metadata_props}[METADATA_KEY])


def test_the_metadata_say_how_weights_are_made(model):
    document = metadata(model.to_onnx())
    assert document["model"]["config"]["name"] == "network"
    assert document["weights"]["dense_0/kernel"] == "dense_0/kernel"
    assert document["unused"] == {}


def test_a_weight_that_the_graph_does_not_use_is_in_the_metadata():
    class Idle(pl.layers.Layer):
        def build(self, input_shape):
            self.idle = self.add_weight(shape=(2,), initializer="ones", name="idle")

        def call(self, x):
            return x + 1.0

    x = pl.Input((2,))
    document = metadata(pl.Model(x, Idle(name="idle_layer")(x)).to_onnx())
    assert document["variables"] == [None]
    kept = document["unused"]["0"]
    assert (kept["dtype"], kept["shape"]) == ("float32", [2])


def test_equal_paths_get_names_of_their_own():
    variables = [Variable(np.zeros(1), name=n) for n in ("w", "w", "w_1", "w")]
    names = unique_names(variables)
    assert [names[id(v)] for v in variables] == ["w", "w_1", "w_1_1", "w_2"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int8", "bool"])
def test_weights_of_every_dtype_are_written_as_they_are(tmp_path, dtype):
    value = np.array([[0, 1], [1, 0]]).astype(pl.dtypes.to_numpy(dtype))

    class Holds(pl.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(
                shape=(2, 2), dtype=dtype, trainable=False, initializer="zeros", name="w"
            )

        def call(self, x):
            return x + pl.ops.cast(self.w, "float32")

    x = pl.Input((2,), name="x")
    layer = Holds(name="holds")
    model = pl.Model(x, layer(x))
    layer.w.assign(value)
    model.save(tmp_path / "model.onnx")
    (written,) = [i for i in onnx.load(tmp_path / "model.onnx").graph.initializer if i.name == "holds/w"]
    assert onnx.numpy_helper.to_array(written).tobytes() == value.tobytes()
