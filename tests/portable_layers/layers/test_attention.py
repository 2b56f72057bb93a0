"""The attention layers beside Keras's: drawn arguments and masks, masks across a graph, bad input."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import portable_layers as pl
from converters import from_keras, to_keras
from portable_layers import ops, tree
from runtime import InferenceEngine

SETTINGS = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TOLERANCES = {"float32": 1e-5, "float64": 1e-7, "float16": 2e-2, "mixed_float16": 2e-2}


def assert_close(ours, theirs, policy="float32"):
    ours, theirs = tree.flatten(ours), tree.flatten(theirs)
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        our, their = np.asarray(our), np.asarray(their)
        assert (our.shape, our.dtype) == (their.shape, their.dtype)
        tolerance = TOLERANCES[policy]
        np.testing.assert_allclose(
            our.astype("float64"),
            their.astype("float64"),
            rtol=tolerance,
            atol=tolerance * max(1.0, np.abs(their.astype("float64")).max(initial=0.0)),
        )


def twins(keras, name, arguments, call, seed):
    """The outputs of our layer and of Keras's with the same weights, for the same call."""
    theirs = getattr(keras.layers, name)(**arguments)
    ours = getattr(pl.layers, name)(**arguments)
    args, kwargs = call
    theirs(*args, **kwargs)  # builds it
    rng = np.random.default_rng(seed)
    theirs.set_weights([rng.normal(0, 0.7, w.shape).astype(w.dtype) for w in theirs.get_weights()])
    ours(*args, **kwargs)
    assert [(v.name, v.shape) for v in ours.weights] == [(v.name, tuple(v.shape)) for v in theirs.weights]
    ours.set_weights(theirs.get_weights())
    return ours(*args, **kwargs), theirs(*args, **kwargs)


def noise(rng, *shape):
    return rng.normal(0, 1, shape).astype("float32")


@st.composite
def mask_shapes(draw, batch, heads, queries, keys):
    """A shape that broadcasts to `(batch, heads, *queries, *keys)` as Keras aligns it, or None."""
    rank = draw(st.integers(0, 3))
    if rank == 0:
        return None
    tail = [draw(st.sampled_from((1, n))) for n in (*queries, *keys)]
    lead = {1: [], 2: [draw(st.sampled_from((1, batch)))], 3: [1, draw(st.sampled_from((1, heads)))]}[rank]
    if len(queries) > 1:
        # Kernels merge axes of queries: a mask over some of them takes another way.
        tail = draw(st.sampled_from((tail, [*queries, *keys])))
    return (*lead, *tail)


@st.composite
def multi_head_calls(draw):
    free = draw(st.integers(1, 3))
    plain = free == 1
    batch, heads = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    axes = None
    if not plain and draw(st.booleans()):
        axes = tuple(sorted(draw(st.sets(st.integers(1, free), min_size=1, max_size=free))))
    attended = axes or tuple(range(1, free + 1))
    queries = {a: draw(st.integers(1, 4)) for a in range(1, free + 1)}
    keys = {a: draw(st.integers(1, 4)) if a in attended else n for a, n in queries.items()}
    arguments = {
        "num_heads": heads,
        "key_dim": draw(st.integers(1, 4)),
        "value_dim": draw(st.sampled_from((None, 3))),
        "use_bias": draw(st.booleans()),
        "dropout": draw(st.sampled_from((0.0, 0.4))),
        "output_shape": draw(st.sampled_from((None, None, 5, (2, 3)))),
        "attention_axes": axes,
        "use_gate": draw(st.booleans()),
        "sliding_window": draw(st.sampled_from((None, None, 2))) if plain else None,
    }
    kwargs = {
        "return_attention_scores": draw(st.booleans()),
        "use_causal_mask": plain and draw(st.booleans()),
    }
    features = draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    args = [
        noise(rng, batch, *queries.values(), features),
        noise(rng, batch, *keys.values(), draw(st.integers(2, 5))),
    ]
    if draw(st.booleans()):
        args.append(noise(rng, batch, *keys.values(), draw(st.integers(2, 5))))
    shape = None
    if axes is None or len(axes) == free:
        shape = draw(mask_shapes(batch, heads, [queries[a] for a in attended], [keys[a] for a in attended]))
        if shape and len(shape) == 4 and plain and (kwargs["use_causal_mask"] or arguments["sliding_window"]):
            shape = (1, *shape[1:])
    if shape is not None:
        kind = draw(st.sampled_from(("bool", "int32", "float32")))
        kwargs["attention_mask"] = rng.integers(0, 2, shape).astype(kind)
    return arguments, (args, kwargs)


@SETTINGS
@given(drawn=multi_head_calls())
def test_multi_head_attention_equals_keras(keras, drawn):
    ours, theirs = twins(keras, "MultiHeadAttention", *drawn, seed=1)
    assert_close(ours, theirs)


@st.composite
def grouped_calls(draw):
    batch, queries, keys = (draw(st.integers(1, 4)) for _ in range(3))
    shared, key_heads = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    arguments = {
        "head_dim": draw(st.integers(1, 4)),
        "num_query_heads": shared * key_heads,
        "num_key_value_heads": key_heads,
        "use_bias": draw(st.booleans()),
        "dropout": draw(st.sampled_from((0.0, 0.4))),
        "use_gate": draw(st.booleans()),
        "sliding_window": draw(st.sampled_from((None, None, 2))),
    }
    kwargs = {
        "return_attention_scores": draw(st.booleans()),
        "use_causal_mask": draw(st.booleans()),
    }
    features = draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    args = [noise(rng, batch, queries, features), noise(rng, batch, keys, features)]
    if draw(st.booleans()):
        args.append(noise(rng, batch, keys, 3))
    shape = draw(mask_shapes(batch, shared * key_heads, [queries], [keys]))
    if shape is not None:
        kind = draw(st.sampled_from(("bool", "int32", "float32")))
        # Numbers between 0 and 1 mean one thing to Keras's Softmax, another as booleans.
        values = rng.choice([0, 0.3, 1], shape) if kind == "float32" else rng.integers(0, 2, shape)
        kwargs["attention_mask"] = values.astype(kind)
    for name, size in (("query_mask", queries), ("value_mask", keys), ("key_mask", keys)):
        if draw(st.integers(0, 3)) == 0 and not (shape and len(shape) == 4):
            kwargs[name] = rng.integers(0, 2, (batch, size)).astype(bool)
    return arguments, (args, kwargs)


@SETTINGS
@given(drawn=grouped_calls())
def test_grouped_query_attention_equals_keras(keras, drawn):
    ours, theirs = twins(keras, "GroupQueryAttention", *drawn, seed=2)
    assert_close(ours, theirs)


@st.composite
def attention_calls(draw):
    batch, queries, keys, dim = (draw(st.integers(1, 4)) for _ in range(4))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    inputs = [noise(rng, batch, queries, dim), noise(rng, batch, keys, dim)]
    if draw(st.booleans()):
        inputs = [inputs[0], noise(rng, batch, keys, 3), inputs[1]]
    kwargs = {
        "return_attention_scores": draw(st.booleans()),
        "use_causal_mask": draw(st.booleans()),
    }
    if draw(st.booleans()):
        kwargs["mask"] = [
            rng.integers(0, 2, (batch, size)).astype(bool) if draw(st.booleans()) else None
            for size in (queries, keys)
        ]
    arguments = {"use_scale": draw(st.booleans()), "dropout": draw(st.sampled_from((0.0, 0.4)))}
    return arguments, ([inputs], kwargs)


@SETTINGS
@given(drawn=attention_calls(), mode=st.sampled_from(("dot", "concat", "additive")))
def test_attention_of_one_head_equals_keras(keras, drawn, mode):
    arguments, call = drawn
    if mode == "additive":
        ours, theirs = twins(keras, "AdditiveAttention", arguments, call, seed=3)
    else:
        ours, theirs = twins(keras, "Attention", {**arguments, "score_mode": mode}, call, seed=3)
    assert_close(ours, theirs)


@pytest.mark.parametrize("policy", ["float16", "float64", "mixed_float16"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_masks_in_other_dtypes(keras, policy, dropout):
    """Some queries may attend to nothing: the mean of the values without dropout, nothing with it."""
    rng = np.random.default_rng(4)
    query, value = noise(rng, 2, 4, 6), noise(rng, 2, 5, 6)
    mask = rng.integers(0, 2, (2, 4, 5)).astype(bool)
    mask[0, 1] = mask[1, 3] = False
    arguments = {"num_heads": 2, "key_dim": 3, "dtype": policy, "dropout": dropout}
    call = ([query, value], {"attention_mask": mask})
    ours, theirs = twins(keras, "MultiHeadAttention", arguments, call, seed=5)
    assert_close(ours, theirs, policy)


def test_dot_product_attention_equals_keras(keras):
    rng = np.random.default_rng(6)
    query, key, value = noise(rng, 2, 4, 6, 3), noise(rng, 2, 5, 2, 3), noise(rng, 2, 5, 2, 3)
    mask, bias = rng.integers(0, 2, (2, 1, 1, 5)).astype(bool), noise(rng, 1, 6, 4, 5)
    mask[0] = False
    for options in (
        {},
        {"is_causal": True},
        {"mask": mask, "scale": 0.3},
        {"bias": bias, "is_causal": True},
        {"mask": mask, "bias": bias, "is_causal": True, "scale": -0.5},
    ):
        theirs = keras.ops.dot_product_attention(query, key, value, **options)
        assert_close(ops.dot_product_attention(query, key, value, **options), theirs)


def test_dot_product_attention_is_recorded_as_keras_records_it(keras):
    shapes = ((4, 2, 3), (5, 2, 3), (5, 2, 3))

    def model(fw):
        inputs = [fw.Input(s, name=f"in{i}") for i, s in enumerate(shapes)]
        return fw.Model(inputs, fw.ops.dot_product_attention(*inputs, is_causal=True))

    theirs, ours = model(keras), model(pl)
    loaded = from_keras(theirs)
    rng = np.random.default_rng(7)
    data = [noise(rng, 2, *s) for s in shapes]
    for one in (ours, loaded):
        assert_close(one(data), theirs(data))
    assert [n.op_type for n in loaded.to_onnx().graph.node] == ["Reshape"] * 3 + ["Attention", "Reshape"]


# Whole graphs


def masked_graph(fw):
    """Tokens with padding through layers that make, use, pass on and combine masks."""
    layers = fw.layers
    tokens, others = (
        fw.Input((None,), dtype="int32", name="tokens"),
        fw.Input((6,), dtype="int32", name="others"),
    )
    embedding = layers.Embedding(9, 8, mask_zero=True, name="embedding")
    x, y = embedding(tokens), embedding(others)
    attended = layers.MultiHeadAttention(2, 4, name="self")(x, x)
    crossed = layers.MultiHeadAttention(2, 3, dropout=0.2, name="cross")(attended, y)
    summed = layers.Add(name="add")([crossed, attended])
    normal = layers.LayerNormalization(name="norm")(summed)
    grouped = layers.GroupQueryAttention(4, 4, 2, name="grouped")(normal, y, use_causal_mask=True)
    single = layers.Attention(name="single")([grouped, y])
    added = layers.AdditiveAttention(name="additive")([grouped, y])
    both = layers.Concatenate(name="both")([single, added])
    pooled = layers.GlobalAveragePooling1D(name="pooled")(both)
    last = layers.GRU(5, name="gru")(grouped)
    return fw.Model([tokens, others], [pooled, last, layers.GlobalAveragePooling1D(name="first")(x)])


def test_masks_travel_through_a_graph_as_in_keras(keras, tmp_path):
    theirs, ours = masked_graph(keras), masked_graph(pl)
    rng = np.random.default_rng(8)
    theirs.set_weights([rng.normal(0, 0.5, w.shape).astype("float32") for w in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    tokens, others = (rng.integers(0, 9, (3, n)).astype("int32") * rng.integers(0, 2, (3, n)) for n in (7, 6))
    tokens[0], others[1] = 0, 0  # nothing to attend to
    tokens, others = tokens.astype("int32"), others.astype("int32")
    expected = theirs([tokens, others])
    assert_close(ours([tokens, others]), expected)
    path = tmp_path / "model.onnx"
    from_keras(theirs).save(path)
    engine = InferenceEngine(path, providers="cpu", threads=1)
    assert_close(list(engine.run({"tokens": tokens, "others": others}).values()), expected)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "value_dim": 4, "use_gate": True, "output_shape": (2, 3)}),
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "kernel_regularizer": "l2", "activity_regularizer": "l1"}),
        ("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2, "seed": 3}),
    ],
)  # fmt: skip
def test_the_way_back_gives_equal_weights_and_names(keras, tmp_path, name, arguments):
    inputs = [keras.Input((4, 6), name="a"), keras.Input((5, 6), name="b")]
    theirs = keras.Model(inputs, getattr(keras.layers, name)(**arguments)(*inputs))
    from_keras(theirs).save(tmp_path / "model.onnx")
    back = to_keras(tmp_path / "model.onnx")
    assert [v.path for v in back.weights] == [v.path for v in theirs.weights]
    for ours, their in zip(back.get_weights(), theirs.get_weights(), strict=True):
        assert ours.tobytes() == their.tobytes()
    assert back.layers[-1].get_config() == theirs.layers[-1].get_config()


def test_opset_17_and_24_give_the_same(keras):
    """The operator and its parts, on masks that leave some queries nothing."""
    inputs = [
        pl.Input((4, 6), name="q"),
        pl.Input((5, 6), name="v"),
        pl.Input((4, 5), dtype="bool", name="m"),
    ]
    rng = np.random.default_rng(9)
    feed = {"q": noise(rng, 3, 4, 6), "v": noise(rng, 3, 5, 6), "m": rng.integers(0, 3, (3, 4, 5)) == 0}
    feed["m"][0, 0] = False
    for dropout in (0.0, 0.5):
        layer = pl.layers.GroupQueryAttention(3, 4, 2, dropout=dropout)
        model = pl.Model(inputs, layer(*inputs[:2], attention_mask=inputs[2]))
        new, old = model.to_onnx(), model.to_onnx(17)
        operators = [{n.op_type for n in p.graph.node} for p in (new, old)]
        assert ["Attention" in names for names in operators] == [True, False]
        outputs = [list(InferenceEngine(p, providers="cpu").run(feed).values()) for p in (new, old)]
        assert_close(*outputs)


def test_training_drops_weights():
    x = pl.Input((6, 8), name="x")
    for layer in (
        pl.layers.MultiHeadAttention(2, 4, dropout=0.5),
        pl.layers.GroupedQueryAttention(4, 4, 2, 0.5),
    ):
        proto = pl.Model(x, layer(x, x)).to_onnx(training=True)
        onnx.checker.check_model(proto, full_check=True)
        assert "Dropout" in [n.op_type for n in proto.graph.node]


# Bad input


def layer_call(name, arguments, *shapes, **masks):
    layer = getattr(pl.layers, name)(**arguments)
    args = [np.zeros(s, "float32") for s in shapes]
    return layer(*args, **{k: np.ones(s, bool) for k, s in masks.items()})


HEADS = {"num_heads": 2, "key_dim": 3}
GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("MultiHeadAttention", HEADS, (2, 4, 6), (2, 5, 6), {"attention_mask": (2, 4, 4)}),
         r"attention_mask must broadcast to \(batch, heads, queries, keys\) = \(2, 2, 4, 5\). Received: shape \(2, 4, 4\)"),
        (("MultiHeadAttention", HEADS, (2, 4, 6), (2, 5, 6), {"attention_mask": (5,)}), "axes of queries"),
        (("MultiHeadAttention", HEADS, (2, 4, 6), (2, 5, 6), {"attention_mask": (2, 3, 4, 5)}), r"\(2, 3, 4, 5\)"),
        (("MultiHeadAttention", HEADS, (2, 4, 6), (2, 5, 6), (2, 4, 6)), "value and key must have equal sizes"),
        (("GroupedQueryAttention", GROUPS, (2, 4, 6), (2, 5, 6), {"value_mask": (2, 4)}),
         r"value_mask must broadcast to .* = \(2, 5\). Received: shape \(2, 4\)"),
        (("GroupedQueryAttention", GROUPS, (2, 4, 6), (2, 5, 7)), "as many features"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(call, message):
    name, arguments, *rest = call
    masks = rest.pop() if isinstance(rest[-1], dict) else {}
    with pytest.raises(ValueError, match=message):
        layer_call(name, arguments, *rest, **masks)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pl.layers.MultiHeadAttention(0, 3), "num_heads must be a positive integer"),
        (lambda: pl.layers.MultiHeadAttention(2, 3, value_dim=-1), "value_dim=-1"),
        (lambda: pl.layers.MultiHeadAttention(2, 3, sliding_window=0), "sliding_window"),
        (lambda: pl.layers.MultiHeadAttention(2, 3, attention_axes="1"), "attention_axes"),
        (lambda: pl.layers.MultiHeadAttention(2, 3, flash_attention=True, dropout=0.1), "excludes dropout"),
        (lambda: pl.layers.GroupedQueryAttention(2, 3, 2), "multiple of num_key_value_heads"),
        (lambda: pl.layers.Attention(score_mode="cosine"), "score_mode must be 'dot' or 'concat'"),
        (lambda: pl.layers.Attention()(np.ones((1, 2, 3), "float32")), "must be a list"),
        (lambda: pl.layers.Attention()([np.ones((1, 2, 3), "float32")] * 2, mask=[None, np.ones((1, 3), bool)]),
         "value_mask must broadcast"),
    ],
)  # fmt: skip
def test_arguments_that_mean_nothing_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
