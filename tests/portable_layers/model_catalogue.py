"""Models of every shape that the functional API allows, each written once for both worlds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np


def one_layer(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    return w.fw.Model(x, w.fw.layers.Dense(2)(x), name="model")


def two_inputs(w: SimpleNamespace) -> Any:
    a, b = w.fw.Input((3,), name="a"), w.fw.Input((4,), name="b")
    dense = w.fw.layers.Dense
    return w.fw.Model([a, b], dense(2, name="a2")(a) + dense(2, name="b2")(b), name="model")


def inputs_in_another_order(w: SimpleNamespace) -> Any:
    """`b` is used first, `a` is given first."""
    b, a = w.fw.Input((4,), name="b"), w.fw.Input((3,), name="a")
    dense = w.fw.layers.Dense
    return w.fw.Model([a, b], dense(2, name="b2")(b) * dense(2, name="a2")(a), name="model")


def several_outputs(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    h = w.fw.layers.Dense(4, activation="relu", name="h")(x)
    heads = [w.fw.layers.Dense(n, name=f"head_{n}")(h) for n in (1, 2, 3)]
    return w.fw.Model(x, [heads[2], heads[0], h, heads[1]], name="model")


def dicts(w: SimpleNamespace) -> Any:
    inputs = {"zebra": w.fw.Input((3,), name="zebra"), "ant": w.fw.Input((3,), name="ant")}
    d = w.fw.layers.Dense(2, name="dense")
    outputs = {"second": d(inputs["ant"]), "first": d(inputs["zebra"])}
    return w.fw.Model(inputs, outputs, name="model")


def nested_structures(w: SimpleNamespace) -> Any:
    a, b, c = (w.fw.Input((3,), name=n) for n in "abc")
    return w.fw.Model([a, [b, c]], {"x": [a + b, b * c], "y": c - a}, name="model")


def a_list_of_one(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    return w.fw.Model([x], [w.fw.layers.Dense(2, name="dense")(x)], name="model")


def shared_layer(w: SimpleNamespace) -> Any:
    a, b = w.fw.Input((3,), name="a"), w.fw.Input((3,), name="b")
    shared = w.fw.layers.Dense(3, name="shared")
    return w.fw.Model([a, b], [shared(shared(a)), shared(b)], name="model")


def unused_input(w: SimpleNamespace) -> Any:
    a, b = w.fw.Input((3,), name="a"), w.fw.Input((2,), name="b")
    return w.fw.Model([a, b], w.fw.layers.Dense(2, name="dense")(a), name="model")


def input_to_output(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    return w.fw.Model(x, [x, w.fw.layers.Dense(2, name="dense")(x)], name="model")


def nothing_but_the_input(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    return w.fw.Model(x, x, name="model")


def output_twice(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    y = w.fw.layers.Dense(2, name="dense")(x)
    return w.fw.Model(x, [y, y], name="model")


def intermediate_tensors(w: SimpleNamespace) -> Any:
    """The middle of a larger model, given by its tensors."""
    x = w.fw.Input((3,), name="x")
    a = w.fw.layers.Dense(4, name="a")(x)
    b = w.fw.layers.Dense(5, activation="tanh", name="b")(a)
    c = w.fw.layers.Dense(6, name="c")(b)
    w.fw.Model(x, c, name="whole")
    return w.fw.Model(x, b, name="model")


def starts_in_the_middle(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    a = w.fw.layers.Dense(4, name="a")(x)
    b = w.fw.layers.Dense(5, activation="tanh", name="b")(a)
    return w.fw.Model(a, w.fw.layers.Dense(2, name="c")(b), name="model")


def operators(w: SimpleNamespace) -> Any:
    x = w.fw.Input((4,), name="x")
    h = w.fw.layers.Dense(4, name="h")(x)
    y = (2 * h - 1) / 3 + x**2
    z = w.fw.ops.maximum(y[:, ::-1], -h) @ np.eye(4, dtype="float32")
    return w.fw.Model(x, w.fw.ops.concatenate([z, abs(x)], axis=-1), name="model")


def operations_by_keyword(w: SimpleNamespace) -> Any:
    x = w.fw.Input((2, 3), name="x")
    y = w.fw.ops.mean(x, axis=[1, 2], keepdims=True)
    z = w.fw.ops.reshape(x, (-1, 6))
    return w.fw.Model(x, [y, z, w.fw.ops.split(z, 2, axis=1)[1]], name="model")


def nested_model(w: SimpleNamespace) -> Any:
    i = w.fw.Input((3,), name="i")
    inner = w.fw.Model(i, w.fw.layers.Dense(4, name="d")(i), name="inner")
    x = w.fw.Input((3,), name="x")
    return w.fw.Model(x, w.fw.layers.Dense(2, name="d")(inner(x)), name="model")


def nested_twice_and_shared(w: SimpleNamespace) -> Any:
    i = w.fw.Input((3,), name="i")
    innermost = w.fw.Model(i, w.fw.layers.Dense(3, activation="relu", name="d")(i), name="innermost")
    j = w.fw.Input((3,), name="j")
    inner = w.fw.Model(j, [innermost(innermost(j)), j], name="inner")
    x = w.fw.Input((3,), name="x")
    a, b = inner(x)
    c, _ = inner(a)
    return w.fw.Model(x, [a + b, c], name="model")


def nested_model_is_the_end(w: SimpleNamespace) -> Any:
    """Keras counts the calls of a nested model from 1 in the model's ends."""
    i = w.fw.Input((3,), name="i")
    inner = w.fw.Model(i, [w.fw.layers.Dense(2, name="d")(i), i * 2], name="inner")
    x, y = w.fw.Input((3,), name="x"), w.fw.Input((3,), name="y")
    return w.fw.Model([x, y], [*inner(x), *inner(y)], name="model")


def nested_sequential(w: SimpleNamespace) -> Any:
    stack = w.fw.Sequential(
        [w.fw.layers.Dense(4, name="one"), w.fw.layers.Dense(3, name="two")], name="stack"
    )
    x = w.fw.Input((3,), name="x")
    return w.fw.Model(x, stack(stack(x)), name="model")


def sequential_with_input(w: SimpleNamespace) -> Any:
    return w.fw.Sequential(
        [w.fw.Input((3,), name="x"), w.fw.layers.Dense(4, name="one"), w.fw.layers.Dense(2, name="two")],
        name="model",
    )


def sequential_of_models(w: SimpleNamespace) -> Any:
    i = w.fw.Input((3,), name="x")
    first = w.fw.Model(i, w.fw.layers.Dense(4, name="d")(i), name="first")
    second = w.fw.Sequential([w.fw.layers.Dense(2, name="e")], name="second")
    return w.fw.Sequential([first, second, w.fw.layers.Dense(1, name="f")], name="model")


def sequential_built_later(w: SimpleNamespace) -> Any:
    model = w.fw.Sequential(
        [w.fw.layers.Dense(4, name="one"), w.fw.layers.Dense(2, name="two")], name="model"
    )
    model.build((None, 3))
    return model


def custom_layers(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    y = w.Block(3, name="block")(w.Scale(name="scale")(x))
    return w.fw.Model(x, w.Split(name="split")([y, w.Unbuilt(name="unbuilt")(x)[:, :1] + x]), name="model")


def frozen_parts(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    frozen = w.fw.layers.Dense(3, name="frozen", trainable=False)
    scale = w.Scale(name="scale")
    model = w.fw.Model(x, frozen(scale(w.fw.layers.Dense(3, name="free")(x))), name="model")
    scale.trainable = False
    return model


def mixed_policy(w: SimpleNamespace) -> Any:
    x = w.fw.Input((3,), name="x")
    h = w.fw.layers.Dense(4, dtype="mixed_float16", activation="relu", name="half")(x)
    return w.fw.Model(x, w.fw.layers.Dense(2, dtype="float32", name="out")(h), name="model")


def several_dtypes(w: SimpleNamespace) -> Any:
    n, x = w.fw.Input((3,), dtype="int32", name="n"), w.fw.Input((3,), name="x")
    return w.fw.Model([n, x], [n * 2, w.fw.ops.cast(n, "float32") * x, n > 1], name="model")


def fixed_batch(w: SimpleNamespace) -> Any:
    x = w.fw.Input(batch_shape=(2, 3), name="x")
    return w.fw.Model(x, w.fw.layers.Dense(2, name="dense")(x), name="model")


def unknown_sizes(w: SimpleNamespace) -> Any:
    x = w.fw.Input((None, None, 3), name="x")
    return w.fw.Model(x, w.fw.layers.Dense(2, name="dense")(x) + 1.0, name="model")


def rank_one(w: SimpleNamespace) -> Any:
    x = w.fw.Input((), name="x")
    return w.fw.Model(x, x * 2 + 1, name="model")


def layers_in_parallel(w: SimpleNamespace) -> Any:
    """Branches of different depth, so that the order of the layers is not that of their making."""
    x = w.fw.Input((3,), name="x")
    long = x
    for n in range(3):
        long = w.fw.layers.Dense(3, name=f"long_{n}")(long)
    short = w.fw.layers.Dense(3, name="short")(x)
    middle = w.fw.layers.Dense(3, name="middle")(short + x)
    return w.fw.Model(x, [middle + long, short], name="model")


CATALOGUE = {
    f.__name__: f
    for f in (
        one_layer, two_inputs, inputs_in_another_order, several_outputs, dicts, nested_structures,
        a_list_of_one, shared_layer, unused_input, input_to_output, nothing_but_the_input, output_twice,
        intermediate_tensors, starts_in_the_middle, operators, operations_by_keyword, nested_model,
        nested_twice_and_shared, nested_model_is_the_end, nested_sequential, sequential_with_input,
        sequential_of_models, sequential_built_later, custom_layers, frozen_parts, mixed_policy,
        several_dtypes, fixed_batch, unknown_sizes, rank_one, layers_in_parallel,
    )
}  # fmt: skip


def data_for(model: Any, batch: int = 2, seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays by input name; unknown sizes become 4, 5, ..."""
    rng = np.random.default_rng(seed)
    feed = {}
    for tensor in model.inputs:
        shape = tuple(n if n is not None else batch if i == 0 else 3 + i for i, n in enumerate(tensor.shape))
        whole = "int" in str(tensor.dtype)
        values = rng.integers(-3, 4, shape) if whole else rng.normal(size=shape)
        feed[tensor.name] = values.astype(str(tensor.dtype))
    return feed
