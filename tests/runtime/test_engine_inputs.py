"""No input is cast, cut or read wrongly in silence, and every dtype arrives as it was sent."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from small_models import add_and_scale, identity, make_model

from portable_layers.errors import InferenceError, InputError, PortableLayersError
from runtime import InferenceEngine

BACKENDS = ["cpu", "reference"]
X = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture(scope="module", params=BACKENDS)
def copy(request):
    return InferenceEngine(identity(), request.param)


@pytest.fixture(scope="module", params=BACKENDS)
def two_inputs(request):
    return InferenceEngine(add_and_scale(), request.param)


NUMERIC = {
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.FLOAT16: np.float16,
    TensorProto.BFLOAT16: ml_dtypes.bfloat16,
    TensorProto.INT8: np.int8,
    TensorProto.INT16: np.int16,
    TensorProto.INT32: np.int32,
    TensorProto.INT64: np.int64,
    TensorProto.UINT8: np.uint8,
    TensorProto.UINT16: np.uint16,
    TensorProto.UINT32: np.uint32,
    TensorProto.UINT64: np.uint64,
    TensorProto.BOOL: np.bool_,
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("element_type", NUMERIC, ids=lambda t: TensorProto.DataType.Name(t))
def test_every_dtype_and_memory_layout_arrives_as_it_was_sent(element_type, backend):
    engine = InferenceEngine(identity(element_type), backend)
    dtype = np.dtype(NUMERIC[element_type])
    assert engine.inputs[0].dtype == engine.outputs[0].dtype == dtype
    x = np.arange(12).reshape(6, 2).astype(dtype)
    read_only = x.copy()
    read_only.flags.writeable = False
    for array in (x, x[::2], x[::-1], x.reshape(2, 6).T, x[:0], np.broadcast_to(x[:1], (4, 2)), read_only):
        result = engine.run(array)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, array)


@pytest.mark.parametrize("backend", BACKENDS)
def test_strings_arrive_from_every_kind_of_string_array(backend):
    engine = InferenceEngine(identity(TensorProto.STRING), backend)
    words = [["a", "žluťoučký"], ["", "日本"]]
    expected = np.array(words, object)
    forms = [expected, np.array(words), words, np.array(words, np.dtypes.StringDType()), np.array(words).T.T]
    for form in forms:
        result = engine.run(form)
        assert result.dtype == object
        np.testing.assert_array_equal(result, expected)
    assert engine.run(np.zeros((0, 2), object)).shape == (0, 2)


def test_what_is_no_string_is_not_turned_into_text():
    engine = InferenceEngine(identity(TensorProto.STRING), "cpu")
    with pytest.raises(InputError, match="NoneType"):
        engine.run(np.array([["a", None]], object))
    with pytest.raises(InputError, match=r"np\.char\.decode"):
        engine.run(np.array([[b"a", b"b"]]))
    with pytest.raises(InputError, match="expected strings"):
        engine.run([[1, 2]])


def test_bfloat16_goes_together_with_other_dtypes():
    values = [
        ("b", TensorProto.BFLOAT16),
        ("f", TensorProto.FLOAT),
        ("i", TensorProto.INT8),
        ("t", TensorProto.BOOL),
    ]
    engine = InferenceEngine(
        make_model(
            [helper.make_node("Identity", [name], [f"{name}_out"]) for name, _ in values],
            [(name, kind, ["n"]) for name, kind in values],
            [(f"{name}_out", kind, ["n"]) for name, kind in values],
        ),
        "cpu",
    )
    feed = {
        "b": np.array([1.5, 2], ml_dtypes.bfloat16),
        "f": np.array([1, 2, 3, 4], np.float32)[::2],
        "i": np.array([3, 4], np.int8),
        "t": np.array([True, False]),
    }
    for name, result in engine.run(feed).items():
        np.testing.assert_array_equal(result, feed[name.removesuffix("_out")])


def test_strings_in_and_bfloat16_out_are_more_than_onnxruntime_can_do_at_once():
    engine = InferenceEngine(
        make_model(
            [helper.make_node("Identity", [name], [f"{name}_out"]) for name in "bs"],
            [("b", TensorProto.BFLOAT16, ["n"]), ("s", TensorProto.STRING, ["n"])],
            [("b_out", TensorProto.BFLOAT16, ["n"]), ("s_out", TensorProto.STRING, ["n"])],
        ),
        "cpu",
    )
    feed = {"b": np.array([1.5, 2], ml_dtypes.bfloat16), "s": np.array(["one", "two"])}
    np.testing.assert_array_equal(engine.run(feed, outputs=["s_out"])["s_out"], feed["s"])
    with pytest.raises(InferenceError, match=r"strings \(input 's'\).*b_out.*float32"):
        engine.run(feed)


@pytest.mark.parametrize("kind", ["FLOAT8E4M3FN", "FLOAT8E5M2"])
def test_float8_arrives_as_it_was_sent(kind):
    engine = InferenceEngine(identity(getattr(TensorProto, kind)), "cpu")
    x = np.array([[1.5, -2]]).astype(engine.inputs[0].dtype)
    result = engine.run(x)
    assert result.dtype == x.dtype
    np.testing.assert_array_equal(result, x)


def test_byte_order_is_not_a_dtype(copy):
    np.testing.assert_array_equal(copy.run(X.astype(">f4")), X)


def test_subclasses_and_array_likes_are_arrays(copy):
    class Tensor:
        dtype = X.dtype

        def __array__(self, dtype=None, copy=None):
            return X

    np.testing.assert_array_equal(copy.run(X.view(np.recarray)), X)
    np.testing.assert_array_equal(copy.run(Tensor()), X)


@pytest.mark.parametrize(
    "dtype", [np.float64, np.float16, np.int32, np.bool_, np.complex64, "U3", "S3", "M8[s]", object]
)
def test_another_dtype_is_refused_with_both_and_the_cast(copy, dtype):
    with pytest.raises(InputError, match=r"input 'x': received .*expected float32") as raised:
        copy.run(np.zeros((3, 2), dtype))
    assert "astype(np.float32)" in str(raised.value)


def test_the_cast_to_bfloat16_is_spelled_with_ml_dtypes():
    with pytest.raises(InputError, match=r"astype\(ml_dtypes\.bfloat16\)"):
        InferenceEngine(identity(TensorProto.BFLOAT16), "cpu").run(X)


def test_lists_of_arrays_keep_their_dtype(copy):
    with pytest.raises(InputError, match="received float64"):
        copy.run({"x": [np.zeros(2), np.zeros(2)]})
    with pytest.raises(InputError, match="received float64"):
        copy.run({"x": [[np.float64(1), 2.0]]})


@pytest.mark.parametrize(
    ("element_type", "value", "expected"),
    [
        (TensorProto.FLOAT, [[1, 2.5]], [[1, 2.5]]),
        (TensorProto.FLOAT, [[True, False]], [[1, 0]]),
        (TensorProto.FLOAT, [[float("inf"), -1e-50]], [[np.inf, 0]]),
        (TensorProto.BFLOAT16, [[256, 0.5]], [[256, 0.5]]),
        (TensorProto.UINT8, ((0, 255),), [[0, 255]]),
        (TensorProto.INT64, [[-(2**63), 2**63 - 1]], [[-(2**63), 2**63 - 1]]),
        (TensorProto.BOOL, [[True, False]], [[True, False]]),
    ],
)
def test_python_values_are_converted_when_nothing_is_lost(element_type, value, expected):
    engine = InferenceEngine(identity(element_type), "cpu")
    np.testing.assert_array_equal(engine.run(value), np.array(expected).astype(engine.inputs[0].dtype))


@pytest.mark.parametrize(
    ("element_type", "value"),
    [
        (TensorProto.INT64, [[1.0, 2.0]]),
        (TensorProto.INT64, [[2**63, 0]]),
        (TensorProto.INT64, [[2**70, 0]]),
        (TensorProto.UINT8, [[256, 0]]),
        (TensorProto.UINT8, [[-1, 0]]),
        (TensorProto.BOOL, [[1, 0]]),
        (TensorProto.FLOAT, [[2**24 + 1, 0]]),
        (TensorProto.FLOAT, [[1e39, 0]]),
        (TensorProto.FLOAT16, [[70000.0, 0.0]]),
        (TensorProto.BFLOAT16, [[257, 0]]),
        (TensorProto.FLOAT, [["1", "2"]]),
        (TensorProto.FLOAT, [[1j, 0]]),
        (TensorProto.FLOAT, [[None, 0]]),
        (TensorProto.FLOAT, [[1, 2], [3]]),
    ],
)
def test_python_values_that_would_be_lost_are_refused(element_type, value):
    with pytest.raises(InputError, match="input 'x'"):
        InferenceEngine(identity(element_type), "cpu").run(value)


def test_none_and_masked_arrays_are_refused(copy):
    with pytest.raises(InputError, match="None"):
        copy.run({"x": None})
    with pytest.raises(InputError, match="masked"):
        copy.run(np.ma.masked_array(X, X > 2))


def test_names_are_checked_and_the_expected_ones_listed(two_inputs):
    a = np.zeros((1, 3), np.float32)
    with pytest.raises(
        InputError, match=r"missing input 'b'.*a: float32\[batch, 3\]; b: float32\[batch, 3\]"
    ):
        two_inputs.run({"a": a})
    with pytest.raises(InputError, match=r"missing input 'b', unknown input 'B'"):
        two_inputs.run({"a": a, "B": a})
    with pytest.raises(InputError, match=r"unknown input 7"):
        two_inputs.run({"a": a, "b": a, 7: a})
    for values in ((), (a,), (a, a, a)):
        with pytest.raises(InputError, match=f"received {len(values)} positional inputs?, expected 2"):
            two_inputs.run(*values)


def test_rank_sizes_and_shared_sizes_are_checked(two_inputs):
    with pytest.raises(InputError, match=r"'a': received shape \(3,\), of rank 1, expected rank 2"):
        two_inputs.run(np.zeros(3, np.float32), np.zeros((1, 3), np.float32))
    with pytest.raises(InputError, match=r"'b': received shape \(1, 4\), expected 3 at axis 1"):
        two_inputs.run(np.zeros((1, 3), np.float32), np.zeros((1, 4), np.float32))
    with pytest.raises(
        InputError, match=r"'batch' must be the same everywhere: received 2 at axis 0 of input 'a' and 1"
    ):
        two_inputs.run(np.zeros((2, 3), np.float32), np.zeros((1, 3), np.float32))


def test_a_size_shared_within_one_input_is_checked():
    engine = InferenceEngine(identity(shape=("n", "n")), "cpu")
    assert engine.run(np.eye(3, dtype=np.float32)).shape == (3, 3)
    with pytest.raises(InputError, match="'n'"):
        engine.run(X)


SCALARS = [st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(), st.binary()]
ODD_OBJECTS = [object(), np.float32(1), X, X.astype(int), np.array(None), np.zeros((0, 2)), {"x": 1}, set()]
ODD_VALUES = st.recursive(
    st.one_of(*SCALARS, st.sampled_from(ODD_OBJECTS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner),
        st.dictionaries(st.sampled_from("xyz"), inner, max_size=2),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(value=ODD_VALUES)
def test_odd_values_end_in_a_result_or_in_our_error(value):
    for engine in _ODD_ENGINES:
        try:
            engine.run(value)
        except PortableLayersError as error:
            assert str(error)  # noqa: PT017  (either way is fine; the claim is that nothing else is raised)


_ODD_ENGINES = [
    InferenceEngine(identity(kind, shape), "cpu")
    for kind, shape in [
        (TensorProto.FLOAT, ("n", 2)),
        (TensorProto.STRING, ("n",)),
        (TensorProto.INT8, ()),
        (TensorProto.BFLOAT16, None),
    ]
]
