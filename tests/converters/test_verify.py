"""`verify` on live models, files and portable models, and the inputs that it makes for them."""

import numpy as np
import onnx
import pytest
from keras_files import small_model, write_small
from onnx import TensorProto, helper

from converters import from_keras, verify
from converters.random_inputs import integer_limits
from converters.subjects import subject_of
from converters.verify import _expected
from portable_layers.errors import ArchiveError, InputError, PortableLayersError


@pytest.fixture
def files(tmp_path):
    """`small.keras` and its export."""
    model = write_small(tmp_path / "small.keras")
    model.save(tmp_path / "small.onnx")
    return tmp_path / "small.keras", tmp_path / "small.onnx"


def test_every_kind_of_model_can_be_on_either_side(keras, files):
    path, exported = files
    kinds = [path, str(exported), keras.saving.load_model(path), small_model(), onnx.load(exported)]
    for a in kinds:
        comparison = verify(a, exported)
        assert comparison.passed, comparison.verdict
        assert comparison.samples == 9
        assert [x.name for x in comparison.outputs] == ["classes"]
        assert verify(exported, a).passed


def test_a_wrong_weight_is_found(keras, files):
    path, _ = files
    wrong = small_model()
    wrong.set_weights([w * 1.01 for w in wrong.get_weights()])
    comparison = verify(path, wrong)
    assert not comparison.passed
    assert comparison.verdict.startswith("different: output 'classes' differs by up to ")
    assert verify(path, wrong, tolerance=0.5).passed


def test_outputs_are_matched_by_name_and_otherwise_by_place(tmp_path):
    model = small_model(outputs=2)
    model.save(tmp_path / "a.onnx")
    proto = onnx.load(tmp_path / "a.onnx")
    proto.graph.output.insert(0, proto.graph.output.pop())
    assert verify(tmp_path / "a.onnx", proto).passed
    for value, name in zip(proto.graph.output, ("first", "second"), strict=True):
        proto.graph.node.add(op_type="Identity", input=[value.name], output=[name])
        value.name = name
    comparison = verify(tmp_path / "a.onnx", proto)
    assert [x.problem for x in comparison.outputs] == [
        "has shape [8, 2], expected [8, 3]",
        "has shape [8, 3], expected [8, 2]",
    ]


def test_models_with_other_ends_cannot_be_compared(tmp_path):
    with pytest.raises(InputError, match=r"gives 1 outputs \(classes\).* gives 2 \(classes, box\)"):
        verify(small_model(), small_model(outputs=2))
    two = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"])],
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )
    other = helper.make_model(two, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
    with pytest.raises(InputError, match="takes x; the ONNX model takes a, b"):
        verify(small_model(), other)


def test_given_inputs_are_used_and_checked(tmp_path):
    model = small_model()
    comparison = verify(model, model, inputs={"x": np.ones((3, 4), np.float32)})
    assert (comparison.samples, comparison.seed) == (3, None)
    np.savez(tmp_path / "x.npz", x=np.ones((5, 4), np.float32))
    assert verify(model, model, inputs=tmp_path / "x.npz").samples == 5
    with pytest.raises(InputError, match="received float64, expected float32"):
        verify(model, model, inputs={"x": np.ones((3, 4))})
    with pytest.raises(InputError, match="missing input 'x'"):
        verify(model, model, inputs={"y": np.ones((3, 4))})


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(TypeError, match="Received: int"):
        verify(3, small_model())
    with pytest.raises(ArchiveError, match="does not exist"):
        verify(tmp_path / "nope.keras", small_model())
    with pytest.raises(ArchiveError, match="there is no file"):
        verify(small_model(), tmp_path / "nope.onnx")
    with pytest.raises(InputError, match="samples=0"):
        verify(small_model(), small_model(), samples=0)
    with pytest.raises(InputError, match="tolerance=nan"):
        verify(small_model(), small_model(), tolerance=float("nan"))
    with pytest.raises(PortableLayersError, match="unknown provider"):
        verify(small_model(), small_model(), provider="gpu")


def made_inputs(model, **arguments):
    """The inputs of each run on a live Keras model."""
    arguments = {"inputs": None, "samples": 64, "seed": 0} | arguments
    return [feed for feed, _ in _expected(subject_of(model), **arguments)]


def test_random_inputs_are_seeded_and_of_two_batch_sizes(keras):
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2)])
    first, second = made_inputs(model, samples=8)
    assert first["x"].shape == (8, 4)
    assert second["x"].shape == (1, 4)
    np.testing.assert_array_equal(made_inputs(model, samples=8)[0]["x"], first["x"])
    assert (made_inputs(model, samples=8, seed=1)[0]["x"] != first["x"]).all()
    fixed = keras.Sequential([keras.Input((4,), batch_size=3, name="x"), keras.layers.Dense(2)])
    assert [feed["x"].shape for feed in made_inputs(fixed)] == [(3, 4)]


def test_integers_stay_inside_of_embeddings(keras):
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    more = keras.Input((6,), name="more")  # float32, as Keras makes them by default
    inner_input = keras.Input((5,), dtype="int32")
    inner = keras.Model(inner_input, keras.layers.Embedding(3, 2)(inner_input), name="inner")
    joined = keras.layers.Reshape((6,))(more)
    ends = [
        keras.layers.Embedding(7, 4)(tokens),
        inner(tokens),
        keras.layers.TimeDistributed(keras.layers.Embedding(5, 4))(keras.layers.Reshape((3, 2))(joined)),
    ]
    model = keras.Model([tokens, more], ends)
    assert integer_limits(model) == {"tokens": 3, "more": 5}
    feed = made_inputs(model)[0]
    assert set(np.unique(feed["tokens"])) == {0, 1, 2}
    assert set(np.unique(feed["more"])) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert feed["tokens"].dtype == np.int32


def test_unknown_sizes_become_ones_that_work(keras):
    image = keras.Input((None, None, 3), name="image")
    x = keras.layers.Conv2D(4, 41)(image)  # 32 is too small
    model = keras.Model(image, keras.layers.GlobalMaxPooling2D()(x))
    assert [feed["image"].shape for feed in made_inputs(model, samples=2)] == [(2, 64, 64, 3), (1, 64, 64, 3)]
    broken = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    broken.call = lambda *args, **kwargs: 1 / 0
    with pytest.raises(InputError, match=r"does not run on random inputs.*division by zero"):
        made_inputs(broken)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "string"])
def test_every_dtype_has_inputs(dtype):
    kinds = {"bool": TensorProto.BOOL, "uint8": TensorProto.UINT8, "int64": TensorProto.INT64,
             "float16": TensorProto.FLOAT16, "string": TensorProto.STRING}  # fmt: skip
    values = [helper.make_tensor_value_info(n, kinds[dtype], ["n", 2]) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
    comparison = verify(model, model)
    assert comparison.passed
    assert comparison.outputs[0].dtype == dtype


def test_inputs_and_outputs_in_dicts(keras):
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    shared = keras.layers.Dense(3, name="shared")
    model = keras.Model({"b": b, "a": a}, {"p": shared(a), "q": keras.layers.Dense(2, name="other")(b)})
    assert verify(model, from_keras(model)).passed


def test_half_precision_is_compared_as_such(keras):
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, dtype=policy), keras.layers.Dense(2, dtype="float32")]
    )
    comparison = verify(model, from_keras(model))
    assert comparison.passed
    assert comparison.outputs[0].tolerance == pytest.approx(8 * 2**-10)


def test_stateful_layers_start_at_zero_in_every_comparison(keras):
    x = keras.Input((5, 3), batch_size=2, name="x")
    model = keras.Model(x, keras.layers.LSTM(4, stateful=True)(x))
    portable = from_keras(model)
    assert verify(model, portable).passed
    assert verify(model, portable).passed
