"""Models: functional, sequential and subclassed; how they are called, described, saved and exported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from portable_layers import dtypes, eager, model_file, scope, tree
from portable_layers.dims import Dim
from portable_layers.errors import (
    InputError,
    PortableLayersError,
    SerializationError,
    UnsupportedLayer,
    UnsupportedLayerError,
)
from portable_layers.functional import graph_config, graph_from_config, map_graph, run_graph
from portable_layers.graph import DEFAULT_OPSET, TRAINING_OPSET, Graph, current_graph
from portable_layers.input_spec import InputSpec
from portable_layers.layer import Layer, shape_structure
from portable_layers.layers.core.input_layer import InputLayer, name_dims
from portable_layers.operation import Operation
from portable_layers.ops.dispatch import OPERATIONS, cast_to
from portable_layers.ops.shaping import expand_dims, squeeze
from portable_layers.ops.unsupported import reason_for
from portable_layers.recorded_masks import RecordedMasks
from portable_layers.registry import classes
from portable_layers.serialization import deserialize_object, object_sharing, serialize_object
from portable_layers.tensor import KerasTensor, Tensor

if TYPE_CHECKING:
    import onnx


class Model(Layer):
    """A model: `Model(inputs, outputs)` is functional; a subclass with its own `call` is a layer with
    a model's methods.

    Args:
        inputs, outputs: tensors of `Input` and of layers; lists and dicts of them too.
        name: the model's name.
        trainable: whether its weights are trainable.
    """

    keras_module = "keras"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and (len(args) >= 2 or {"inputs", "outputs"} <= kwargs.keys()):
            return super().__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        if args or {"inputs", "outputs"} & kwargs.keys():
            # A subclass that gives its inputs and outputs to this constructor is functional, as in Keras.
            _make_functional(type(self))
            Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]
            return
        super().__init__(**kwargs)
        # What the model was first called on: the inputs of an export.
        self._called_on: Any = None

    @classmethod
    def reading_scope(cls, config: Mapping[str, Any]) -> Any:
        """None of its own: what a subclass makes of its config is its own affair."""
        return nullcontext()

    @property
    def layers(self) -> list[Layer]:
        """The layers directly in the model."""
        return list(self._layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or index.

        Raises:
            ValueError: where there is none.
        """
        layers = self.layers
        if index is not None and name is None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"model {self.name} has {len(layers)} layers. Received: index={index}")
            return layers[index]
        for layer in layers:
            if name is not None and layer.name == name:
                return layer
        known = ", ".join(layer.name for layer in layers)
        raise ValueError(f"model {self.name} has no layer {name!r}. It has: {known}")

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        self._remember_inputs(args)
        return super().symbolic_call(*args, **kwargs)

    def eager_call(self, *args: Any, **kwargs: Any) -> Any:
        self._remember_inputs(args)
        return super().eager_call(*args, **kwargs)

    def _remember_inputs(self, args: tuple) -> None:
        if self._called_on is None and args:
            self._called_on = _keras_inputs(args[0], "input")

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Build as `get_build_config` described; a model without a `build` is built by its call."""
        shape = config.get("input_shape")
        if not self.built and shape is not None and type(self).build is Layer.build:
            inputs = _keras_inputs(shape_structure(shape), "input")
            try:
                self.compute_output_spec(inputs)
            except (PortableLayersError, TypeError, ValueError):
                return  # as in Keras: the first real call builds it
            self._remember_inputs((inputs,))
            self._build_shapes = {"input_shape": shape_structure(shape)}
            return
        super().build_from_config(config)

    def get_compile_config(self) -> dict[str, Any]:
        """Keras's place for optimizer and loss, which a portable model has not."""
        return {}

    def predict(self, x: Any, batch_size: int | None = 32) -> Any:
        """Outputs for arrays of samples, computed in batches.

        Args:
            x: an array, or a list or dict of them, with the batch first.
            batch_size: samples at a time; None for all at once.
        """
        count = len(tree.flatten(x)[0])
        if batch_size is None or count <= batch_size:
            return self(x)
        parts = [
            self(tree.map_structure(lambda a, i=i: np.asarray(a)[i : i + batch_size], x))
            for i in range(0, count, batch_size)
        ]
        return tree.map_structure(lambda *p: np.concatenate(p), *parts)

    # Export

    def export_ends(self) -> tuple[Any, list[str] | None]:
        """The inputs of an export as `KerasTensor`s in a structure, and the outputs' names if known."""
        if self._called_on is None:
            raise InputError(
                f"model {self.name} has no inputs yet: call it once, on arrays or on Input tensors"
            )
        return self._called_on, None

    def to_graph(self, opset: int | None = None, training: bool = False) -> Graph:
        """The model as a finished graph.

        Raises:
            GraphError: for an opset that is not supported.
            UnsupportedLayerError: naming all layers that cannot be exported.
        """
        from portable_layers.passes import clean

        check_supported(self)
        inputs, output_names = self.export_ends()
        if opset is None:
            opset = TRAINING_OPSET if training else DEFAULT_OPSET
        graph = Graph(opset, self.name, training=training)
        graph.training_said = True
        masks = self.mask_inputs()
        with graph:
            # In the order of the model's inputs, which is not that of the keys of a dict.
            tensors = [_graph_input(graph, t, id(t) in masks) for t in tree.flatten(inputs)]
            outputs = tree.flatten(self.build_outputs(tree.pack(inputs, tensors)))
            names = output_names or [f"output_{i}" for i in range(len(outputs))]
            for tensor, name in zip(outputs, names, strict=True):
                # NumPy has no bfloat16, and ONNX Runtime's Python interface gives none; float32
                # holds each of its values.
                graph.output(cast_to(tensor, "float32") if tensor.dtype == "bfloat16" else tensor, name)
            graph.output_states()
        clean(graph)
        return graph

    def mask_inputs(self) -> set[int]:
        """The `id`s of inputs that serve as masks only."""
        return set()

    def build_outputs(self, inputs: Any) -> Any:
        """Emit the model into the graph that is being built."""
        return self.emit(inputs)

    def to_onnx(self, opset: int | None = None, training: bool = False) -> onnx.ModelProto:
        """The model in ONNX, with what the way back to Keras needs in its metadata.

        Args:
            opset: version of the operator set, 17 to 26; by default the newest that ONNX Runtime
                runs well (21 for training: it has no random operators of later ones).
            training: build layers such as Dropout active; what a functional model recorded of a
                layer does not count, as when Keras predicts or trains.
        """
        return model_file.to_proto(self.to_graph(opset, training), model_file.metadata_of(self))

    def save(self, path: str | Path, opset: int | None = None) -> None:
        """Write the model to `.onnx`, checked by the ONNX checker and, where it is installed, loaded
        in ONNX Runtime. The file appears only when it is whole; weights over 2 GB go beside it."""
        model_file.save(self.to_graph(opset), path, model_file.metadata_of(self))

    def summary(self, line_length: int | None = None, expand_nested: bool = False, show_trainable: bool = False,
                print_fn: Any = None) -> None:  # fmt: skip
        """Print the layers with output shapes and numbers of weights, as Keras does."""
        from portable_layers.summary import print_summary

        print_summary(self, line_length, expand_nested, show_trainable, print_fn)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        if cls is Model and {"layers", "input_layers", "output_layers"} <= config.keys():
            return Functional.from_config(config)
        return super().from_config(config)


class Functional(Model):
    """A model given by its inputs and outputs."""

    keras_module = "keras.src.models.functional"
    registered_name = "Functional"
    is_functional = True

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool | None = None):
        super().__init__(name=name)
        for what, tensors in (("inputs", inputs), ("outputs", outputs)):
            for x in tree.flatten(tensors):
                if not isinstance(x, KerasTensor):
                    raise ValueError(
                        f"all {what} of a model must be tensors of Input or of layers. Received: {x!r}"
                    )
        if not all(_from_input_layer(x) for x in tree.flatten(inputs)):
            inputs, outputs = _clone(inputs, outputs)
        object.__setattr__(self, "_inputs_struct", inputs)
        object.__setattr__(self, "_outputs_struct", outputs)
        self.inputs: list[KerasTensor] = tree.flatten(inputs)
        self.outputs: list[KerasTensor] = tree.flatten(outputs)
        self._graph = map_graph(self.inputs, self.outputs)
        for operation in self._graph.operations:
            if isinstance(operation, Layer):
                self._track(operation)
        if trainable is not None:
            self._trainable = trainable
            if not trainable:
                self.trainable = False
        self.built = True
        self._build_shapes = {"input_shape": None}

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Layers and recorded functions, in Keras's order."""
        return self._graph.operations

    @property
    def layers(self) -> list[Layer]:
        return [x for x in self._graph.operations if isinstance(x, Layer)]

    @property
    def input(self) -> Any:
        return _unpack(self._inputs_struct)

    @property
    def output(self) -> Any:
        return _unpack(self._outputs_struct)

    @property
    def input_names(self) -> list[str]:
        return [x.history.operation.name for x in self.inputs]

    @property
    def output_names(self) -> list[str]:
        return [x.history.operation.name for x in self.outputs]

    @property
    def input_shape(self) -> Any:
        return _unpack([x.shape for x in self.inputs])

    @property
    def output_shape(self) -> Any:
        return _unpack([x.shape for x in self.outputs])

    @property
    def input_spec(self) -> Any:
        return None

    @input_spec.setter
    def input_spec(self, _: Any) -> None:
        pass  # a functional model's own inputs say it

    def build(self, input_shape: Any) -> None:
        self.built = True

    def _maybe_build(self, args: tuple, kwargs: dict) -> None:
        pass

    def _cast_input(self, x: Any) -> Any:
        return x if not eager.is_array(x) else _constant(x)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        flat = self._match_inputs(inputs)
        given = [None] * len(flat) if mask is None else tree.flatten(mask)
        values: dict[int, Any] = {}
        for placeholder, x, own_mask in zip(self.inputs, flat, given, strict=False):
            values[id(placeholder)] = _fit(x, placeholder, own_mask)
        masks = RecordedMasks()
        run_graph(self._graph, values, lambda operation, *a, **k: masks.call(operation, *a, **_said(k)))
        return tree.map_structure(lambda t: values[id(t)], _unpack(self._outputs_struct))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None  # the masks of the outputs are those that the layers gave

    def export_ends(self) -> tuple[Any, list[str] | None]:
        return self._inputs_struct, self.output_names

    def mask_inputs(self) -> set[int]:
        masks = {id(x) for x in self.inputs}
        for node in self._graph.nodes:
            kept = {k: v for k, v in node.kwargs.items() if not k.endswith("mask")}
            masks -= {id(x) for x in tree.flatten((node.args, kept))}
        return masks - {id(x) for x in self.outputs}

    def build_outputs(self, inputs: Any) -> Any:
        return self.call(inputs)

    def _match_inputs(self, inputs: Any) -> list[Any]:
        struct = self._inputs_struct
        if isinstance(inputs, dict) and not isinstance(struct, dict):
            names = self.input_names
            if set(names) <= set(inputs):
                inputs = [inputs[n] for n in names]
        flat = tree.flatten(inputs)
        if isinstance(inputs, dict) and isinstance(struct, dict):
            missing = struct.keys() - inputs.keys()
            if missing:
                raise InputError(f"model {self.name} misses the inputs {', '.join(sorted(missing))}")
            flat = tree.flatten({k: inputs[k] for k in struct})
        if len(flat) != len(self.inputs):
            raise InputError(
                f"model {self.name} takes {len(self.inputs)} inputs ({', '.join(self.input_names)}). "
                f"Received: {len(flat)}"
            )
        return flat

    def get_config(self) -> dict[str, Any]:
        if type(self) is not Functional:
            return super().get_config()
        return {
            "name": self.name,
            "trainable": self.trainable,
            **graph_config(self._graph, self._inputs_struct, self._outputs_struct),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        missing = {"layers", "input_layers", "output_layers"} - config.keys()
        if missing:
            raise SerializationError(f"the config of a functional model lacks {', '.join(sorted(missing))}")
        unknown = config.keys() - {"layers", "input_layers", "output_layers", "name", "trainable", "dtype"}
        if unknown:
            raise SerializationError(
                f"the config of a functional model has unknown keys: {', '.join(unknown)}"
            )
        # The layers are called, and so built, before they are in the model: its name is not in their paths.
        with scope.outermost():
            inputs, outputs = graph_from_config(config, make_operation)
        return cls(inputs, outputs, name=config.get("name"), trainable=config.get("trainable"))


class Sequential(Model):
    """Layers one after the other.

    Args:
        layers: the layers; an `Input` or `InputLayer` may come first.
        trainable, name: as for any model.
    """

    keras_module = "keras"

    def __init__(
        self, layers: Any = None, trainable: bool = True, name: str | None = None, dtype: Any = None
    ):
        super().__init__(trainable=trainable, name=name, dtype=dtype)
        object.__setattr__(self, "_functional", None)
        for layer in layers or ():
            self.add(layer, rebuild=False)
        if layers:
            self._maybe_rebuild()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top.

        Raises:
            ValueError: for something that is no layer, or a name that is there already.
        """
        if isinstance(layer, KerasTensor):
            layer = layer.history.operation
        if not isinstance(layer, Layer):
            raise ValueError(f"only layers can be added to a Sequential model. Received: {layer!r}")
        if not self._layers and layer._input_shape_arg is not None:
            self.add(InputLayer(shape=layer._input_shape_arg), rebuild=False)
        if any(layer.name == x.name and layer is not x for x in self._layers):
            raise ValueError(f"a Sequential model needs unique names; {layer.name!r} is there already")
        if isinstance(layer, InputLayer) and self._layers:
            raise ValueError(f"Sequential model {self.name} has its input already")
        self._layers.append(layer)
        self._reset()
        if rebuild:
            self._maybe_rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off."""
        layer = self._layers.pop()
        self._reset()
        if rebuild and self._layers:
            self._maybe_rebuild()
        return layer

    def _reset(self) -> None:
        self.built = False
        object.__setattr__(self, "_functional", None)

    def _maybe_rebuild(self) -> None:
        first = self._layers[0]
        if len(self._layers) > 1:
            if isinstance(first, InputLayer):
                self.build(first.batch_shape)
            elif isinstance(first, Functional | Sequential) and first.built:
                self.build(first.input_shape)

    def build(self, input_shape: Any = None) -> None:
        if not self._layers:
            raise ValueError(f"Sequential model {self.name} has no layers")
        if not isinstance(input_shape, list | tuple) or not all(
            n is None or isinstance(n, int) for n in input_shape
        ):
            return
        first = self._layers[0]
        if not isinstance(first, InputLayer):
            self._layers.insert(0, InputLayer(batch_shape=tuple(input_shape), dtype=first.compute_dtype))
        x = self._layers[0]._inbound_nodes[0].outputs[0]
        inputs = x
        for layer in self._layers[1:]:
            x = layer(x)
        object.__setattr__(self, "_functional", Functional(inputs, x, name=self.name))
        self.built = True

    @property
    def layers(self) -> list[Layer]:
        if self._layers and isinstance(self._layers[0], InputLayer):
            return self._layers[1:]
        return list(self._layers)

    def _inner(self) -> Functional:
        if self._functional is None:
            raise AttributeError(f"Sequential model {self.name} has no input shape yet: build or call it")
        return self._functional

    @property
    def inputs(self) -> list[KerasTensor]:
        return self._inner().inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        return self._inner().outputs

    @property
    def input_shape(self) -> Any:
        return self._inner().input_shape

    @property
    def output_shape(self) -> Any:
        return self._inner().output_shape

    @property
    def input_names(self) -> list[str]:
        return self._inner().input_names

    @property
    def output_names(self) -> list[str]:
        return self._inner().output_names

    def _cast_input(self, x: Any) -> Any:
        return x if not eager.is_array(x) else _constant(x)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if self._functional is not None:
            return self._functional.call(inputs, mask=mask)
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None

    def export_ends(self) -> tuple[Any, list[str] | None]:
        if self._functional is None:
            return super().export_ends()
        return self._functional.export_ends()

    def mask_inputs(self) -> set[int]:
        return set() if self._functional is None else self._functional.mask_inputs()

    def build_outputs(self, inputs: Any) -> Any:
        return self.call(inputs)

    def get_config(self) -> dict[str, Any]:
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_object(self.dtype_policy),
            "layers": [serialize_object(layer) for layer in self._layers],
        }
        if self._functional is not None:
            config["build_input_shape"] = self._layers[0].batch_shape
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        if "layers" not in config:
            raise SerializationError("the config of a Sequential model lacks layers")
        model = cls(name=config.get("name"), dtype=_policy(config.get("dtype")))
        for layer in config["layers"]:
            # Keras builds them inside of the model, a config has them built already.
            with scope.name_scope(model.name):
                made = make_operation(layer)
            assert isinstance(made, Layer)
            model.add(made, rebuild=False)
        if model._layers:
            model._maybe_rebuild()
        shape = config.get("build_input_shape")
        if model._functional is None and shape:
            model.build(tuple(shape))
        if not config.get("trainable", True):
            model.trainable = False
        return model


def make_operation(config: Mapping[str, Any]) -> Operation:
    """The layer, model or recorded function that a config in Keras's form describes.

    Raises:
        SerializationError: naming the layer whose config is at fault.
    """
    module = str(config.get("module") or "")
    known: Mapping[str, Any] = classes()
    if module.startswith(("keras.src.ops", "keras.ops", "keras.src.activations")):
        known = OPERATIONS
    try:
        made = deserialize_object(config, known, "layer")
    except SerializationError as error:
        inner = config.get("config")
        name = inner.get("name") if isinstance(inner, Mapping) and "layers" not in inner else None
        if not isinstance(name, str) or f"layer {name} " in str(error):
            raise
        raise SerializationError(f"layer {name}: {error}") from error
    if not isinstance(made, Operation):
        raise SerializationError(f"{config.get('class_name')!r} is not a layer")
    return made


def make_inner_layer(config: Mapping[str, Any]) -> Operation:
    """The layer that a config of another layer holds, not built yet.

    The layer around builds it, so that its weights' paths start with that layer's.
    """
    return make_operation({k: v for k, v in config.items() if k != "build_config"})


def model_from_config(config: Mapping[str, Any]) -> Model:
    """The model of a whole config in Keras's form (`config.json` of a `.keras` file).

    Raises:
        UnsupportedLayerError: naming every layer of a class that is not known.
        SerializationError: for a config that its class does not take.
    """
    unknown = list(_unknown_layers(config))
    if unknown:
        raise UnsupportedLayerError(unknown)
    with object_sharing():
        made = make_operation(config)
    if not isinstance(made, Model):
        raise SerializationError(f"the file holds a {type(made).__name__}, not a model")
    return made


def _unknown_layers(config: Any, path: str | None = None) -> Iterator[UnsupportedLayer]:
    """Every layer in a model's config whose class is not registered.

    Args:
        path: of what holds it; "" in the model itself, None for the model, whose name is not in paths.
    """
    inner = config.get("config") if isinstance(config, Mapping) else None
    if not isinstance(inner, Mapping):
        return
    name = config.get("class_name")
    module = str(config.get("module") or "")
    own = inner.get("name")
    here = "" if path is None else "/".join(str(part) for part in (path, own) if part)
    known: Mapping[str, Any] = OPERATIONS if ".ops" in module or ".activations" in module else classes()
    refused = reason_for(name, inner) if isinstance(name, str) and known is OPERATIONS else None
    if refused:
        yield UnsupportedLayer(here or "(model)", str(name), refused)
    elif isinstance(name, str) and name not in known and config.get("registered_name") not in known:
        reason = "Lambda code is refused" if name == "Lambda" else UnsupportedLayer("", "").reason
        yield UnsupportedLayer(here or "(model)", name, reason)
    layers = inner.get("layers")
    for layer in layers if isinstance(layers, list) else []:
        yield from _unknown_layers(layer, here)
    for key in ("layer", "backward_layer", "cell", "cells"):  # of layers around others
        held = inner.get(key)
        for layer in held if isinstance(held, list) else [held]:
            yield from _unknown_layers(layer, here)


def _said(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a recorded call; a `training` that the model itself is called with takes the
    place of a recorded one, as in Keras."""
    graph = current_graph()
    if "training" in kwargs and graph is not None and graph.training_said:
        return {**kwargs, "training": graph.training}
    return kwargs


def check_supported(model: Model) -> None:
    """Let each layer say whether it can be exported.

    Raises:
        UnsupportedLayerError: with every one that cannot.
    """
    found = []
    for path, layer in layer_paths(model):
        reason = layer.unsupported_reason()
        if reason:
            found.append(UnsupportedLayer(path, type(layer).__name__, reason))
    if found:
        raise UnsupportedLayerError(found)


def layer_paths(model: Layer, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer inside a model, with its path of names."""
    for layer in model.layers if isinstance(model, Model) else model._layers:
        path = f"{prefix}{layer.name}"
        yield path, layer
        yield from layer_paths(layer, f"{path}/")


def _policy(config: Any) -> Any:
    from portable_layers import dtype_policies

    return dtype_policies.get(config) if config is not None else None


def _unpack(x: Any) -> Any:
    return x[0] if isinstance(x, list | tuple) and len(x) == 1 else x


def _make_functional(cls: type) -> None:
    if not issubclass(cls, Functional):
        for base in cls.__bases__:
            if base is not Model and issubclass(base, Model):
                _make_functional(base)
        if not issubclass(cls, Functional):
            cls.__bases__ = tuple(Functional if b is Model else b for b in cls.__bases__)


def _from_input_layer(x: KerasTensor) -> bool:
    operation, index, _ = x.history
    return operation._inbound_nodes[index].is_input


def _clone(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """A functional graph that starts at tensors inside another one: the same layers called anew."""
    flat = tree.flatten(inputs)
    graph = map_graph(flat, tree.flatten(outputs))
    values: dict[int, Any] = {}
    for x in flat:
        layer = InputLayer(batch_shape=x.shape, dtype=x.dtype, name=f"{x.name}CLONE")
        values[id(x)] = layer._inbound_nodes[0].outputs[0]
    run_graph(graph, values, lambda operation, *a, **k: operation(*a, **k))
    return tree.map_structure(lambda t: values[id(t)], (inputs, outputs))


def _graph_input(graph: Graph, placeholder: KerasTensor, is_mask: bool) -> Tensor:
    """A graph input for an input of the model.

    A mask may broadcast over the batch, so the size of its batch is its own.
    """
    dims = placeholder.dims
    if is_mask and dims and dims[0] == Dim.named("batch"):
        dims = (Dim.named(f"{placeholder.name}/batch"), *dims[1:])
    if placeholder.dtype == "bfloat16":  # see the outputs
        return cast_to(graph.input(placeholder.name, "float32", dims), "bfloat16")
    return graph.input(placeholder.name, placeholder.dtype, dims)


def _keras_inputs(x: Any, name: str) -> Any:
    """What a model was called on, arrays or shapes, as the inputs of an export, each with a name."""
    if isinstance(x, dict):
        return {k: _keras_inputs(v, str(k)) for k, v in x.items()}
    if isinstance(x, KerasTensor):
        return x
    is_shape = isinstance(x, tuple) and all(n is None or isinstance(n, int) for n in x)
    if isinstance(x, list | tuple) and not is_shape:
        return [_keras_inputs(v, f"{name}_{i}") for i, v in enumerate(x)]
    shape, dtype = (x, "float32") if is_shape else (np.shape(x), dtypes.standardize(np.asarray(x).dtype))
    return KerasTensor(name_dims((None, *shape[1:]), name), dtype, name=name)


def _constant(x: Any) -> Tensor:
    graph = current_graph()
    assert graph is not None
    return graph.constant(x)


def _fit(x: Any, placeholder: KerasTensor, mask: Any) -> Any:
    """An input in the dtype and rank that the model's input has, as Keras adjusts it."""
    if x is None or isinstance(x, KerasTensor):
        return x
    fitted = cast_to(x, placeholder.dtype)
    wanted = placeholder.shape
    if fitted.ndim == len(wanted) + 1 and fitted.shape[-1] == 1:
        fitted = squeeze(fitted, -1)
    elif fitted.ndim == len(wanted) - 1 and wanted and wanted[-1] == 1:
        fitted = expand_dims(fitted, -1)
    if fitted.ndim != len(wanted) or any(
        isinstance(n, int) and m is not None and n != m
        for n, m in zip(fitted.shape[1:], wanted[1:], strict=True)
    ):
        shape = tuple(None if isinstance(n, Dim) else n for n in fitted.shape)
        raise InputError(f"input {placeholder.name} has shape {wanted}. Received: {shape}")
    kept = mask if mask is not None else getattr(x, "_keras_mask", None)
    if kept is not None:
        fitted._keras_mask = kept
    return fitted


__all__ = [
    "Functional",
    "InputSpec",
    "Model",
    "Sequential",
    "check_supported",
    "layer_paths",
    "model_from_config",
]
