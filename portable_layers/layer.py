"""`Layer`: Keras's base-class contract, whole, over ONNX graphs.

What all layers share is here, once: names, weights, config from the constructor's arguments,
initializers and the like from their identifiers, dtype policy and autocast, input checks, masks,
losses. A layer's own file says only what the layer means. The contract is that of
`keras.layers.Layer` (Keras 3).
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from portable_layers import constraints, dtype_policies, dtypes, initializers, regularizers, scope, tree
from portable_layers.cases import Case
from portable_layers.dims import Dim
from portable_layers.eager import call as call_eagerly
from portable_layers.eager import is_array
from portable_layers.errors import SerializationError, WeightsError
from portable_layers.graph import current_graph
from portable_layers.input_spec import InputSpec, check_inputs
from portable_layers.operation import Node, Operation, spec_of
from portable_layers.random import SeedGenerator
from portable_layers.registry import register_class
from portable_layers.serialization import check_config_keys, deserialize_value, serialize_object
from portable_layers.tensor import KerasTensor, Tensor, keras_shape
from portable_layers.variable import Variable

__all__ = ["InputSpec", "Layer"]

# Arguments of the base class, which writes them itself.
_BASE_ARGUMENTS = ("name", "trainable", "dtype", "activity_regularizer", "autocast")
# Arguments that Keras leaves out of the config where they are None.
_ONLY_WHEN_SET = ("lora_rank", "lora_alpha", "gptq_unpacked_column_size")
# Names by which the base class knows what a constructor's argument is.
_RESOLVERS = {"initializer": initializers.get, "regularizer": regularizers.get, "constraint": constraints.get}


# Numbers the settings of attributes, so that a compiled call is not used after one.
_versions = itertools.count()


class Layer(Operation):
    """A layer: weights, and what it does to tensors.

    A subclass makes its weights in `build` with `add_weight`, and says what it means in `call` with
    the functions of `portable_layers.ops`. Constructor arguments become attributes of the same name
    (initializers, regularizers, constraints and activations as objects) and the config.

    Args:
        activity_regularizer: regularizer of the outputs; its value is in `losses`.
        trainable: whether its weights are trainable.
        dtype: dtype or dtype policy; the global policy by default.
        autocast: whether floating point inputs are cast to the compute dtype.
        name: unique in a model; made of the class's name by default (`dense`, `dense_1`).
    """

    keras_module = "keras.layers"
    # Other names under which Keras exports the class.
    aliases: tuple[str, ...] = ()
    # Whether floating point inputs come in the compute dtype; off where `call` looks at the inputs' own.
    convert_inputs = True
    # Test data, declared beside the layer (see cases.py).
    cases: tuple[Case, ...] = ()

    if TYPE_CHECKING:
        # Constructor arguments become attributes by themselves.
        def __getattr__(self, name: str) -> Any: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = _keep_arguments(cls, cls.__init__)  # type: ignore[method-assign]
        if "build" in cls.__dict__:
            cls.build = _in_scope(cls.build)  # type: ignore[method-assign]
        register_class(cls)

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        if not isinstance(trainable, bool):
            raise ValueError(f"trainable must be a boolean. Received: trainable={trainable!r}")
        object.__setattr__(self, "_trainable_variables", [])
        object.__setattr__(self, "_non_trainable_variables", [])
        object.__setattr__(self, "_layers", [])
        object.__setattr__(self, "_seed_generators", [])
        super().__init__(name)
        self._trainable = trainable
        self._dtype_policy = dtype_policies.get(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self.built = False
        self.input_spec: Any = None
        self._path: str | None = None
        self._parent_path: str | None = None
        self._build_shapes: dict[str, Any] | None = None
        self._losses: list[Any] = []
        self._supports_masking: bool | None = None
        # The shape that the first layer of a Sequential model may be given.
        self._input_shape_arg: tuple | None = None
        if kwargs.get("input_dim") is not None:
            self._input_shape_arg = (kwargs["input_dim"],)
        elif kwargs.get("input_shape") is not None:
            self._input_shape_arg = tuple(kwargs["input_shape"])
        unknown = kwargs.keys() - {"input_dim", "input_shape"}
        if unknown:
            named = ", ".join(f"{k}={kwargs[k]!r}" for k in sorted(unknown))
            raise ValueError(f"{type(self).__name__} does not take these arguments: {named}")

    # What subclasses say

    def build(self, input_shape: Any) -> None:
        """Make the weights, given the shape of the first argument of `call` (None: unknown size).

        With several arguments, `build` names the shapes that it wants: `build(self, query_shape,
        value_shape)` for `call(self, query, value)`.
        """

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define call()")

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs, given that of the inputs; a layer that supports masking passes it on."""
        return previous_mask

    def unsupported_reason(self) -> str | None:
        """Why this layer, with these arguments, cannot be exported; None where it can."""
        return None

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape that comes out for an input shape, in Keras's form (None: unknown size)."""
        tensors = [_placeholder_of(shape, self.compute_dtype) for shape in args]
        named = {k.removesuffix("_shape"): _placeholder_of(s, self.compute_dtype) for k, s in kwargs.items()}
        # A question about shapes must not build the layer: its first input may be of another size.
        layer = self if self.built else type(self).from_config(self.get_config())
        return tree.map_structure(lambda t: t.shape, layer.compute_output_spec(*tensors, **named))

    # Calling

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        check_inputs(self.input_spec, self.first_argument(args, kwargs), self.name)
        self._maybe_build(args, kwargs)
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def eager_call(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = tree.map_structure(_array_of, (args, kwargs))
        check_inputs(self.input_spec, self.first_argument(args, kwargs), self.name)
        self._maybe_build(args, kwargs)
        self._clear_losses()
        outputs, probes = call_eagerly(self, self.emit, args, kwargs)
        for record, value in probes:
            record(value)
        return outputs

    def emit(self, *args: Any, **kwargs: Any) -> Any:
        """Emit the layer into the graph that is being built: casts, checks, `call`, masks."""
        graph = current_graph()
        assert graph is not None
        args, kwargs = tree.map_structure(self._cast_input, (args, kwargs))
        check_inputs(self.input_spec, self.first_argument(args, kwargs), self.name)
        self._maybe_build(args, kwargs)
        said = kwargs.get("training")
        arguments = self._bind(args, kwargs)
        first = next(iter(arguments.values()), None)
        # As in Keras: what the caller says, else how the layer around is run; a default in the
        # signature does not count.
        if said is None:
            said = self._signature.bind(*args, **kwargs).arguments.get("training")
        training = graph.training if said is None else bool(said)
        if "training" in self._signature.parameters and said is None and training:
            kwargs["training"] = True
        kwargs = self.fill_masks(args, kwargs, mask_of)
        previous_mask = kwargs.get("mask")
        if previous_mask is None:
            previous_mask = tree.map_structure(mask_of, first)
        with (
            graph.scope(self.name),
            self._open_scope(),
            self._autocasting(graph),
            self._training(graph, training, said is not None),
        ):
            outputs = tree.map_structure(
                lambda t: t if t is None else graph.as_tensor(t), self.call(*args, **kwargs)
            )
            if self.activity_regularizer is not None:
                for output in tree.flatten(outputs):
                    self._probe_activity(output)
            if self.supports_masking:
                self._set_masks(first, outputs, previous_mask)
            elif any(t is a for t in tree.flatten(outputs) for a in tree.flatten(first)):
                # The layer gives its input back; a mask must not travel through it.
                outputs = tree.map_structure(_without_mask, outputs)
        self.built = True
        return outputs

    def fill_masks(self, args: tuple, kwargs: dict[str, Any], mask_of: Any) -> dict[str, Any]:
        """The keyword arguments of a call with the masks that `call` takes and the caller did not say.

        Args:
            mask_of: gives the mask of a tensor.
        """
        parameters, arguments = self._signature.parameters, self._bind(args, dict(kwargs))
        tensors = {k: v for k, v in arguments.items() if _holds_tensors(v)}
        if len(tensors) == 1 and "mask" in parameters and arguments.get("mask") is None:
            return {**kwargs, "mask": tree.map_structure(mask_of, next(iter(tensors.values())))}
        filled = dict(kwargs)
        if len(tensors) > 1:
            for key, value in tensors.items():
                if f"{key}_mask" in parameters and arguments.get(f"{key}_mask") is None:
                    filled[f"{key}_mask"] = tree.map_structure(mask_of, value)
        return filled

    @contextmanager
    def _autocasting(self, graph: Any) -> Iterator[None]:
        # Keras's rule: a layer of a mixed policy starts it; inside, a layer may be left out ("").
        previous = graph.autocast
        if previous is None:
            graph.autocast = self.compute_dtype if self.compute_dtype != self.variable_dtype else None
        else:
            graph.autocast = (
                self.compute_dtype if self.autocast and dtypes.is_float(self.compute_dtype) else ""
            )
        try:
            yield
        finally:
            graph.autocast = previous

    @staticmethod
    @contextmanager
    def _training(graph: Any, training: bool, said: bool) -> Iterator[None]:
        previous = graph.training, graph.training_said
        graph.training, graph.training_said = training, said or graph.training_said
        try:
            yield
        finally:
            graph.training, graph.training_said = previous

    def _cast_input(self, x: Any) -> Any:
        graph = current_graph()
        assert graph is not None
        if is_array(x):
            x = graph.constant(x)
        if (
            isinstance(x, Tensor)
            and self.autocast
            and self.convert_inputs
            and dtypes.is_float(x.dtype)
            and x.dtype != self.compute_dtype
        ):
            with graph.scope(self.name):
                cast = graph.add("Cast", x, to=dtypes.to_onnx(self.compute_dtype))
            cast._keras_mask = x._keras_mask
            return cast
        return x

    def _set_masks(self, inputs: Any, outputs: Any, previous_mask: Any) -> None:
        flat = [t for t in tree.flatten(outputs) if isinstance(t, Tensor)]
        if all(t._keras_mask is not None for t in flat):
            return
        masks = self.compute_mask(inputs, previous_mask)
        if masks is None:
            return
        for tensor, mask in zip(flat, tree.flatten(masks), strict=False):
            if tensor._keras_mask is None:
                tensor._keras_mask = mask

    @functools.cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.call)

    def _bind(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        # Keras lets a layer be called with training= even where its call takes none.
        if "training" in kwargs and "training" not in self._signature.parameters:
            kwargs.pop("training")
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def first_argument(self, args: tuple, kwargs: dict) -> Any:
        """The first argument of a call: the inputs."""
        return args[0] if args else next(iter(kwargs.values()), None)

    def _maybe_build(self, args: tuple, kwargs: dict) -> None:
        if self.built:
            return
        arguments = self._bind(args, dict(kwargs))
        shapes = {
            f"{k}_shape": tree.map_structure(_shape_of, v)
            for k, v in arguments.items()
            if k not in ("mask", "args", "kwargs") and _holds_tensors(v)
        }
        wanted = [n for n in inspect.signature(self.build).parameters if n != "self"]
        if len(wanted) == 1:
            self.build(next(iter(shapes.values()), None))
        else:
            self.build(**{n: shapes[n] for n in wanted if n in shapes})
        self.built = True

    # Weights

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a weight; it belongs to the layer from then on.

        Args:
            shape: known sizes.
            initializer: identifier or object; `glorot_uniform` by default, `zeros` for integers.
            dtype: the policy's variable dtype by default.
            trainable, regularizer, constraint, name: as in Keras.
            autocast: whether it is cast to the compute dtype in `call`.
            aggregation, overwrite_with_gradient: of no meaning here; accepted as Keras does.
        """
        dtype = dtypes.standardize(dtype) if dtype is not None else self.variable_dtype
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        with self._open_scope():
            variable = Variable(
                initializers.get(initializer),
                shape=(shape,) if isinstance(shape, int) else tuple(shape),
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                name=name,
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._track(variable)
        return variable

    def __setattr__(self, name: str, value: Any) -> None:
        self._track(value)
        if self.__dict__.get(name, _versions) is not value:
            object.__setattr__(self, "_attributes_version", next(_versions))
        object.__setattr__(self, name, value)

    def _track(self, value: Any) -> None:
        """Keep variables and sub-layers, also those in lists and dicts, in the order they came."""
        if isinstance(value, Variable):
            if any(v is value for v in (*self._trainable_variables, *self._non_trainable_variables)):
                return
            (self._trainable_variables if value.trainable else self._non_trainable_variables).append(value)
            # A frozen layer knows which of its weights could be trained, and none of them is.
            if not self.__dict__.get("_trainable", True):
                value.trainable = False
        elif isinstance(value, Layer):
            if not any(x is value for x in self._layers):
                self._layers.append(value)
        elif isinstance(value, SeedGenerator):
            self._seed_generators.append(value)
        elif isinstance(value, list | tuple):
            for item in value:
                self._track(item)
        elif isinstance(value, dict):
            for item in value.values():
                self._track(item)

    @property
    def weights(self) -> list[Variable]:
        """The layer's own weights, trainable first, then those of its sub-layers."""
        return _unique(
            [*self._trainable_variables, *self._non_trainable_variables],
            *(layer.weights for layer in self._layers),
        )

    @property
    def variables(self) -> list[Variable]:
        """`weights` and the states of random seeds."""
        return _unique(
            [*self._trainable_variables, *self._non_trainable_variables],
            [g.state for g in self._seed_generators],
            *(layer.variables for layer in self._layers),
        )

    @property
    def trainable_variables(self) -> list[Variable]:
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        return [v for v in self.variables if not v.trainable] if self.trainable else self.variables

    @property
    def trainable_weights(self) -> list[Variable]:
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self._trainable = value
        for variable in self._trainable_variables:
            variable.trainable = value
        for layer in self._layers:
            layer.trainable = value

    def get_weights(self) -> list[np.ndarray]:
        """The values of `weights`, copies, in Keras's order."""
        return [np.array(v.numpy()) for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set `weights` from arrays in the order of `get_weights`.

        Raises:
            WeightsError: for another number of arrays, or one of another shape; nothing is set then.
        """
        variables = self.weights
        if len(variables) != len(weights):
            raise WeightsError(f"layer {self.name} has {len(variables)} weights. Received: {len(weights)}")
        for variable, value in zip(variables, weights, strict=True):
            if np.shape(value) != variable.shape:
                raise WeightsError(
                    f"weight {variable.path} has shape {variable.shape}. Received: {np.shape(value)}"
                )
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """The number of elements of all weights."""
        return sum(int(np.prod(v.shape, dtype=np.int64)) for v in self.weights)

    def own_variables(self) -> dict[str, Variable]:
        """The variables that the layer itself stores in a `.keras` file, by their keys there."""
        own = [*self._trainable_variables, *self._non_trainable_variables]
        return {str(i): v for i, v in enumerate(own)}

    def stored_values(self) -> dict[str, np.ndarray]:
        """What the layer itself writes into a `.keras` file, by the keys of `own_variables`."""
        return {key: v.numpy() for key, v in self.own_variables().items()}

    def weights_loaded(self) -> None:
        """Called when `own_variables` were given the values of a file; for what no file holds."""

    def save_assets(self) -> dict[str, bytes]:
        """The files that the layer itself puts beside the weights in a `.keras` file, by their names."""
        return {}

    def load_assets(self, files: Mapping[str, bytes]) -> None:
        """Take over what `save_assets` of Keras's layer wrote."""

    def learned(self) -> dict[str, Any] | None:
        """What the layer found in data and neither config nor variables hold, as JSON; None for nothing."""
        return None

    def relearn(self, values: Mapping[str, Any]) -> None:
        """Take over what `learned` gave."""

    # Losses

    def add_loss(self, loss: Any) -> None:
        """Add scalar losses; they appear in `losses` until the layer is called again."""
        graph = current_graph()
        for x in tree.flatten(loss):
            if not isinstance(x, Tensor | int | float | np.ndarray | np.generic) or len(
                getattr(x, "shape", ())
            ):
                raise ValueError(f"add_loss takes scalar tensors or numbers. Received: {x!r}")
            if graph is None:
                self._losses.append(x)
            elif not graph.scratch:
                # A number too, for `call` is not run again when the layer is called again.
                graph.root.probes.append((self._losses.append, graph.as_tensor(x, "float32")))

    @property
    def losses(self) -> list[Any]:
        """Losses as numbers: of `add_loss` and activity regularizers in eager calls, then of weights."""
        collected = list(self._losses)
        for layer in self._flatten_layers():
            collected += layer._losses
        for variable in self.trainable_weights:
            if variable.regularizer is not None:
                collected.append(variable.regularizer(variable.numpy()))
        return collected

    def _clear_losses(self) -> None:
        for layer in (self, *self._flatten_layers()):
            layer._losses.clear()

    def _flatten_layers(self) -> Iterator[Layer]:
        for layer in self._layers:
            yield layer
            yield from layer._flatten_layers()

    def _probe_activity(self, output: Tensor) -> None:
        graph = current_graph()
        assert graph is not None
        if graph.scratch or not isinstance(output, Tensor):
            return

        def record(value: np.ndarray) -> None:
            loss = self.activity_regularizer(value)
            # Keras divides by the batch size, so that the strength does not depend on it.
            self._losses.append(loss / value.shape[0] if value.ndim and value.shape[0] else loss)

        graph.root.probes.append((record, output))

    # Dtypes and masks

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        return self._dtype_policy

    @property
    def quantization_mode(self) -> str | None:
        return self._dtype_policy.quantization_mode

    @property
    def compute_dtype(self) -> str:
        return self._dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self._dtype_policy.variable_dtype

    @property
    def dtype(self) -> str:
        return self.variable_dtype

    @property
    def input_dtype(self) -> str:
        return self.compute_dtype

    @property
    def supports_masking(self) -> bool:
        """Whether masks pass: set by the layer, or because it defines `compute_mask`."""
        if self._supports_masking is not None:
            return self._supports_masking
        return type(self).compute_mask is not Layer.compute_mask

    @supports_masking.setter
    def supports_masking(self, value: bool) -> None:
        self._supports_masking = value

    # Names and config

    @property
    def path(self) -> str | None:
        """The layer's path, once built; its variables' paths start with it."""
        return self._path

    def _open_scope(self) -> Any:
        if self._parent_path is None:
            self._parent_path = scope.current_path()
        return scope.name_scope(self.name, caller=self)

    def get_config(self) -> dict[str, Any]:
        """The config in Keras's form: what `from_config` makes an equal layer of."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self.dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        names = self.config_arguments()
        for name in names:
            value = getattr(self, name, self._arguments.get(name))
            if value is not None or name not in _ONLY_WHEN_SET:
                config[name] = _serialize(name, value)
        if not names and _is_ours(type(self).get_config):
            # A class of the user's that does not say what its config is: its arguments, as in Keras.
            rest = {k: v for k, v in self._arguments.items() if k not in config}
            return {**config, **{k: _plain(self, k, v) for k, v in rest.items()}}
        return config

    def config_arguments(self) -> list[str]:
        """The constructor's arguments that are part of the config, of the class that says what it is."""
        base = next(c for c in type(self).__mro__ if _is_ours(c))
        parameters = inspect.signature(base.__init__).parameters  # type: ignore[misc]
        return [
            n
            for n, p in parameters.items()
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and n not in ("self", *_BASE_ARGUMENTS)
        ]

    @classmethod
    def upgrade_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        """Older keys of the config in today's form; a layer whose arguments were renamed says how."""
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer that `get_config` described.

        Raises:
            SerializationError: for a key that the constructor does not take, or a value it refuses.
        """
        config = cls.upgrade_config(dict(config))
        check_config_keys(cls, {k: v for k, v in config.items() if k not in _BASE_ARGUMENTS})
        arguments = {k: v if k == "dtype" else deserialize_value(v) for k, v in config.items()}
        if isinstance(arguments.get("dtype"), dict):
            arguments["dtype"] = dtype_policies.get(arguments["dtype"])
        try:
            return cls(**arguments)
        except (TypeError, ValueError) as error:
            if isinstance(error, SerializationError):
                raise
            label = config.get("name", cls.__name__)
            raise SerializationError(f"layer {label} ({cls.__name__}): {error}") from error

    @classmethod
    def reading_scope(cls, config: Mapping[str, Any]) -> Any:
        """The name scope in which a config is read.

        Keras builds a wrapped layer inside of its wrapper, so that the wrapper's name is in the paths; a
        config has the wrapped layer built before there is a wrapper.
        """
        wraps = any(_is_built(value) for value in config.values())
        return scope.name_scope(config["name"]) if wraps and "name" in config else nullcontext()

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that `build` was called with, in Keras's form."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Build as `get_build_config` described."""
        if self.built or not config:
            return
        if "input_shape" in config:
            self.build(shape_structure(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{k: shape_structure(v) for k, v in config["shapes_dict"].items()})
        self.built = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _keep_arguments(cls: type, init: Any) -> Any:
    """Arguments that the constructor of one of our layers does not set itself become attributes."""
    ours = _is_ours(cls)
    signature = inspect.signature(init)

    @functools.wraps(init)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if ours:
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            for name, value in bound.arguments.items():
                kind = signature.parameters[name].kind
                if name in ("self", "name", "dtype", "trainable") or kind in (
                    kind.VAR_KEYWORD,
                    kind.VAR_POSITIONAL,
                ):
                    continue
                if name not in self.__dict__ and not hasattr(type(self), name):
                    setattr(self, name, _resolve(name, value))

    return wrapped


def _is_ours(thing: Any) -> bool:
    """Whether a class or function is defined in this package."""
    return thing.__module__.partition(".")[0] == __name__.partition(".")[0]


def _plain(layer: Layer, name: str, value: Any) -> Any:
    if all(x is None or isinstance(x, str | int | float | bool) for x in tree.flatten(value)):
        return value
    raise SerializationError(
        f"layer {layer.name}: {type(layer).__name__} must define get_config(), because its argument "
        f"{name} is no plain value. Received: {value!r}"
    )


def _is_built(config: Any) -> bool:
    """Whether the config of a built layer is in this part of another one's config."""
    if isinstance(config, list | tuple):
        return any(_is_built(item) for item in config)
    return isinstance(config, Mapping) and "build_config" in config


def _is_activation(name: str) -> bool:
    return name == "activation" or name.endswith("_activation")


def _serialize(name: str, value: Any) -> Any:
    if _is_activation(name):
        from portable_layers import activations

        return activations.serialize(value)
    return serialize_object(value)


def _resolve(name: str, value: Any) -> Any:
    if _is_activation(name):
        from portable_layers import activations  # activations need ops, ops need operations

        return activations.get(value)
    resolver = _RESOLVERS.get(name.rpartition("_")[2])
    return resolver(value) if resolver else value


def _in_scope(build: Any) -> Any:
    """`build` inside the layer's name scope, remembering the shapes for the build config."""
    signature = inspect.signature(build)

    @functools.wraps(build)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> None:
        with self._open_scope():
            self._path = scope.current_path()
            build(self, *args, **kwargs)
        arguments = dict(signature.bind(self, *args, **kwargs).arguments)
        arguments.pop("self", None)
        self._build_shapes = arguments
        self.built = True

    return wrapped


def _unique(*lists: Sequence[Variable]) -> list[Variable]:
    return list({id(v): v for variables in lists for v in variables}.values())


def _holds_tensors(x: Any) -> bool:
    leaves = [t for t in tree.flatten(x) if t is not None] if tree.is_nested(x) else [x]
    return bool(leaves) and all(isinstance(t, Tensor | KerasTensor) or is_array(t) for t in leaves)


def _shape_of(x: Any) -> Any:
    if x is None:
        return None
    return keras_shape(x.shape) if isinstance(x, Tensor) else tuple(x.shape)


def mask_of(x: Any) -> Any:
    """The mask that travels with a tensor, or None."""
    return x._keras_mask if isinstance(x, Tensor) else None


def _without_mask(tensor: Any) -> Any:
    if not isinstance(tensor, Tensor) or tensor._keras_mask is None:
        return tensor
    return Tensor(tensor.graph, tensor.value, tensor.dtype, tensor.shape, tensor.constant, tensor.packing)


def _array_of(x: Any) -> Any:
    return np.asarray(x) if is_array(x) else x


def shape_structure(shape: Any) -> Any:
    """Shapes of a JSON config, where tuples came back as lists."""
    if isinstance(shape, dict):
        return {k: shape_structure(v) for k, v in shape.items()}
    if isinstance(shape, list | tuple):
        if all(n is None or isinstance(n, int) for n in shape):
            return tuple(shape)
        return [shape_structure(s) for s in shape]
    return shape


def _placeholder_of(shape: Any, dtype: str) -> Any:
    """A `KerasTensor` (or a structure of them) of a Keras shape."""
    if isinstance(shape, dict):
        return {k: _placeholder_of(v, dtype) for k, v in shape.items()}
    if isinstance(shape, list) and any(isinstance(s, list | tuple) for s in shape):
        return [_placeholder_of(s, dtype) for s in shape]
    dims = tuple(
        Dim.named("batch" if i == 0 else f"size_{i}") if n is None else n for i, n in enumerate(shape)
    )
    return KerasTensor(dims, dtype, name="shape_probe")


# A layer without weights remembers its input shape too.
Layer.build = _in_scope(Layer.build)  # type: ignore[method-assign]

__all__ += ["spec_of"]
