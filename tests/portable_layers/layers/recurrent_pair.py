"""A recurrent layer of Keras in a model, exported and run beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from keras_twin import json_form

from converters import from_keras
from portable_layers.serialization import serialize_object
from runtime import InferenceEngine

# With an ONNX name of their own, and without.
ACTIVATIONS = st.sampled_from(
    ["tanh", "sigmoid", "relu", "hard_sigmoid", "elu", "softsign", "leaky_relu", None, "gelu", "softplus"]
)
MERGES = st.sampled_from(["concat", "sum", "mul", "ave", None])
STEPS, BATCH = 5, 5
# Right padded, left padded, with holes, empty, full.
PATTERNS = np.array(
    [[1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool
)
MASKS = st.one_of(
    st.none(), st.just(PATTERNS), st.integers(0, 2**25 - 1).map(lambda n: _bits(n).reshape(BATCH, STEPS))
)


def _bits(number: int) -> np.ndarray:
    return np.array([number >> i & 1 for i in range(BATCH * STEPS)], bool)


@st.composite
def recurrent_arguments(draw: Any, kind: str) -> dict[str, Any]:
    """Arguments of SimpleRNN, LSTM or GRU."""
    flags = ["use_bias", "return_sequences", "return_state", "go_backwards", "zero_output_for_mask"]
    arguments = {name: draw(st.booleans()) for name in flags}
    arguments |= {"units": draw(st.integers(1, 4)), "activation": draw(ACTIVATIONS)}
    # Rare enough that most graphs have the fused operator.
    arguments["unroll"] = draw(st.integers(0, 7)) == 7
    if kind != "SimpleRNN":
        arguments["recurrent_activation"] = draw(st.sampled_from(["sigmoid", "hard_sigmoid", "tanh", "gelu"]))
    if kind == "GRU":
        arguments["reset_after"] = draw(st.booleans())
    return arguments


def assert_exported_like_keras(
    keras: Any,
    layer: Any,
    shape: tuple[int, ...],
    mask: np.ndarray | None = None,
    state_shapes: tuple[tuple[int, ...], ...] = (),
    open_time: bool = False,
    tolerance: float = 2e-5,
    described: bool = True,
) -> Any:
    """The exported layer, with its mask and states as inputs, gives what Keras gives.

    Args:
        layer: Keras's.
        shape: of the input, with the batch.
        state_shapes: of the initial states, without the batch; none for zeros.
        open_time: export with an unknown number of steps.
        described: whether the config and the paths of the weights are compared too.

    Returns:
        The ONNX model.
    """
    rng = np.random.default_rng(0)
    feed = {"x": rng.normal(size=shape).astype("float32")}
    inputs = [keras.Input((None if open_time else shape[1], *shape[2:]), name="x")]
    arguments: dict[str, Any] = {}
    if mask is not None:
        feed["mask"] = mask
        inputs.append(keras.Input(inputs[0].shape[1:2], dtype="bool", name="mask"))
        arguments["mask"] = inputs[-1]
    if state_shapes:
        states = [keras.Input(s, name=f"state_{i}") for i, s in enumerate(state_shapes)]
        feed |= {s.name: rng.normal(size=(shape[0], *s.shape[1:])).astype("float32") for s in states}
        inputs += states
        arguments["initial_state"] = states
    theirs = keras.Model(inputs, layer(inputs[0], **arguments))
    theirs.set_weights([rng.normal(0, 0.6, w.shape) for w in theirs.weights])
    ours = from_keras(theirs)
    if described:
        assert [v.path for v in ours.weights] == [v.path for v in theirs.weights]
        assert json_form(serialize_object(ours.get_config())) == json_form(
            keras.saving.serialize_keras_object(theirs.get_config())
        )
    proto = ours.to_onnx()
    found = list(InferenceEngine(proto, providers="cpu", threads=1).run(feed).values())
    expected = [np.asarray(y) for y in keras.tree.flatten(theirs([feed[x.name] for x in inputs]))]
    assert [y.shape for y in found] == [y.shape for y in expected]
    for our, their in zip(found, expected, strict=True):
        largest = max(1.0, np.abs(their).max(initial=0))
        np.testing.assert_allclose(our, their, rtol=tolerance, atol=tolerance * largest)
    return proto


def operators(proto: Any) -> list[str]:
    """The types of a model's nodes."""
    return [node.op_type for node in proto.graph.node]
