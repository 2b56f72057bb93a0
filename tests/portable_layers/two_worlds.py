"""Layers written once and defined over Keras and over portable-layers: `worlds(...)` gives both."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

import portable_layers as pl
from portable_layers import dtypes, tree
from portable_layers.scope import clear_session
from portable_layers.serialization import serialize_object


def define(fw: Any) -> SimpleNamespace:
    """Custom layers that use what the base class offers, over the framework `fw`."""

    class Scale(fw.layers.Layer):
        """Weights of every kind: trainable or not, regularized, constrained, of another dtype."""

        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def build(self, input_shape):
            self.counter = self.add_weight(
                shape=(), initializer="zeros", dtype="int32", trainable=False, name="counter"
            )
            self.scale = self.add_weight(
                shape=(input_shape[-1],),
                initializer="ones",
                regularizer="l2",
                constraint="non_neg",
                name="scale",
            )
            self.offset = self.add_weight(
                shape=(input_shape[-1],), initializer="zeros", autocast=False, name="offset"
            )

        def call(self, x):
            return fw.ops.add(fw.ops.multiply(x, self.scale), fw.ops.cast(self.offset, x.dtype)) * self.factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    class Block(fw.layers.Layer):
        """Sub-layers: an attribute, a list, a dict, and one that is made in build."""

        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.first = fw.layers.Dense(units, activation="relu", name="first")
            self.many = [fw.layers.Dense(units, name=f"many_{i}") for i in range(2)]
            self.named = {"a": fw.layers.Dense(units, use_bias=False, name="a")}

        def build(self, input_shape):
            self.own = self.add_weight(shape=(self.units,), initializer="ones", name="own")
            self.first.build(input_shape)
            inner = (*input_shape[:-1], self.units)
            for layer in [*self.many, self.named["a"]]:
                layer.build(inner)
            self.last = fw.layers.Dense(self.units, name="last")
            self.last.build(inner)

        def call(self, x):
            x = self.first(x)
            for layer in self.many:
                x = layer(x)
            return self.last(self.named["a"](x)) + self.own

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    class Unbuilt(fw.layers.Layer):
        """A sub-layer that is built by being called."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = fw.layers.Dense(2, name="inner")

        def call(self, x):
            return self.inner(x)

    class Mix(fw.layers.Layer):
        """Several tensor arguments, some by keyword; `build` asks for two of the shapes."""

        def build(self, query_shape, value_shape):
            self.kernel = self.add_weight(
                shape=(value_shape[-1], query_shape[-1]), initializer="ones", name="kernel"
            )

        def call(self, query, value, bias=None, scale=1.0, query_mask=None, value_mask=None):
            out = query + fw.ops.matmul(value, self.kernel) * scale
            if value_mask is not None:
                out = fw.ops.where(fw.ops.expand_dims(value_mask, -1), out, fw.ops.zeros_like(out))
            return out if bias is None else out + bias

    class Mask(fw.layers.Layer):
        """Makes the mask `x[..., 0] > 0`."""

        def compute_mask(self, inputs, previous_mask=None):
            return fw.ops.greater(inputs[..., 0], 0.0)

        def call(self, x):
            return x * 1.0

    class Passing(fw.layers.Layer):
        """Hands a mask on."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, x):
            return x + 1.0

    class Stopping(fw.layers.Layer):
        """Knows nothing of masks; they end here."""

        def call(self, x):
            return x + 2.0

    class UseMask(fw.layers.Layer):
        """Zeros where the mask is false, and adds 100 where there is no mask at all."""

        def call(self, x, mask=None):
            if mask is None:
                return x + 100.0
            return x * fw.ops.expand_dims(fw.ops.cast(mask, x.dtype), -1)

    class Losing(fw.layers.Layer):
        """Adds losses in its call."""

        def call(self, x):
            self.add_loss(fw.ops.sum(x * x))
            return x

    class Split(fw.layers.Layer):
        """Gives a dict of tensors of a list of them."""

        def call(self, inputs):
            a, b = inputs
            return {"sum": a + b, "difference": a - b}

    class Noisy(fw.layers.Layer):
        """Acts in training only."""

        def call(self, x, training=False):
            return x + 1.0 if training else x

    class Subclassed(fw.Model):
        """A model with a call of its own."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.hidden = fw.layers.Dense(4, activation="relu", name="hidden")
            self.block = Block(3, name="block")

        def call(self, x):
            h = self.hidden(x)
            return {"out": fw.ops.softmax(self.block(h)), "mean": fw.ops.mean(h, axis=-1)}

    return SimpleNamespace(fw=fw, **{k: v for k, v in locals().items() if isinstance(v, type)})


OURS = define(pl)


def worlds(keras: ModuleType) -> list[SimpleNamespace]:
    """`[ours, Keras's]`, with automatic names starting anew in both."""
    if not hasattr(keras, "_two_worlds"):
        keras._two_worlds = define(keras)  # type: ignore[attr-defined]
    keras.utils.clear_session(free_memory=False)
    clear_session()
    return [OURS, keras._two_worlds]


def copy_weights(theirs: Any, ours: Any, seed: int = 0) -> None:
    """Give both models or layers the same random weights."""
    rng = np.random.default_rng(seed)
    for variable in theirs.weights:
        if "float" in str(variable.dtype):
            variable.assign(rng.normal(0, 0.5, variable.shape))
    ours.set_weights([np.asarray(v) for v in theirs.weights])


def arrays(outputs: Any) -> list[np.ndarray]:
    return [np.asarray(y) for y in tree.flatten(outputs)]


def assert_close(ours: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    """Equal structures of arrays with equal dtypes, shapes and, within the tolerance, numbers."""
    ours, theirs = arrays(ours), arrays(theirs)
    assert [(y.dtype.name, y.shape) for y in ours] == [(y.dtype.name, y.shape) for y in theirs]
    for our, their in zip(ours, theirs, strict=True):
        wide = their.astype(np.float64)
        scale = np.abs(wide).max(initial=0)
        np.testing.assert_allclose(our.astype(np.float64), wide, rtol=tolerance, atol=tolerance * scale)


def config_of(keras: ModuleType, obj: Any) -> Any:
    """The whole serialized form, module names of the test's own classes left out."""
    theirs = isinstance(obj, keras.layers.Layer)
    return keras.saving.serialize_keras_object(obj) if theirs else serialize_object(obj)


def same(both, claim):
    """Check that `claim(world)` is the same in both worlds, and give it."""
    ours, theirs = (claim(world) for world in both)
    assert ours == theirs
    return ours


def describe(variables) -> list[tuple]:
    return [(v.path, v.name, tuple(v.shape), dtypes.standardize(v.dtype)) for v in variables]
