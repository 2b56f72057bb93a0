"""How a function of `ops` is called: recorded, emitted, or run at once; and its Keras name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from portable_layers import dtypes, eager
from portable_layers.dims import Dim
from portable_layers.errors import SerializationError
from portable_layers.graph import Graph, current_graph
from portable_layers.operation import Operation, is_symbolic
from portable_layers.serialization import deserialize_value, serialize_object
from portable_layers.tensor import KerasTensor, Tensor
from portable_layers.variable import Variable

# Keras's operation classes (`Add`, `Mean`, ...) by name: what a functional config may call.
OPERATIONS: dict[str, type[FunctionOperation]] = {}
# The public functions by their name in keras.ops.
FUNCTIONS: dict[str, Callable[..., Any]] = {}


class FunctionOperation(Operation):
    """A call of an `ops` function in a functional model; one subclass a function.

    Its config holds the arguments that are no tensors, under the names of Keras's operation class.
    """

    function: Callable[..., Any]
    signature: inspect.Signature
    tensors: tuple[str, ...] = ()
    renamed: Mapping[str, str] = {}
    named: bool = True

    def __init__(self, name: str | None = None, **config: Any):
        super().__init__(name)
        self.config = config

    def call(self, *args: Any, **kwargs: Any) -> Any:
        cls = type(self)
        arguments = {**self.config, **kwargs}
        rest: Sequence[Any] = ()
        for place, tensor in enumerate(cls.tensors):
            if tensor.startswith("*"):
                rest = args[place:]
            elif place < len(args):
                arguments[tensor] = args[place]
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for name, parameter in cls.signature.parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL:
                # What stands before it must be given by position.
                positional = [named.pop(n) for n in list(named)] + list(rest)
            elif parameter.kind is not parameter.VAR_KEYWORD and name in arguments:
                named[name] = arguments.pop(name)
        return cls.function(*positional, **named, **arguments)

    def get_config(self) -> dict[str, Any]:
        shown = {self.renamed.get(k, k): serialize_object(v) for k, v in self.config.items()}
        return {"name": self.name, **shown} if self.named else shown

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> FunctionOperation:
        """The operation that `get_config` described.

        Raises:
            SerializationError: for an argument that the function does not take.
        """
        back = {v: k for k, v in cls.renamed.items()}
        values = {back.get(k, k): deserialize_value(v) for k, v in config.items()}
        known = set(cls.signature.parameters) | {"name"}
        unknown = values.keys() - known
        if unknown:
            raise SerializationError(
                f"operation {config.get('name', cls.__name__)} ({cls.__name__}) has unknown keys: "
                f"{', '.join(sorted(unknown))}; it takes: {', '.join(sorted(known))}"
            )
        return cls(**values)


def op(
    keras_class: str,
    *tensors: str,
    keywords: Sequence[str] = (),
    aliases: Sequence[str] = (),
    named: bool = True,
    **renamed: str,
) -> Callable[[Callable], Callable]:
    """Decorator of a function of `ops`.

    Args:
        keras_class: module and class of Keras's operation, below `keras.src.ops`: `numpy.Mean`.
            Empty for a function that a functional model cannot record.
        tensors: the parameters that are passed when the operation is called (the tensors), in Keras's
            order; `*xs` for a parameter that takes any number of them. The others belong to its config.
        keywords: tensors that Keras passes by name. Arguments that are taken as `**kwargs` are too.
        aliases: further classes of Keras that mean the same; only found in configs.
        named: whether Keras's config holds the operation's name.
        renamed: parameters whose key in Keras's config differs.
    """

    def decorate(function: Callable) -> Callable:
        name = function.__name__
        signature = inspect.signature(function)
        made = [
            _operation_class(path, function, signature, tensors, renamed, named)
            for path in (keras_class, *aliases)
            if path
        ]
        OPERATIONS.update({cls.__name__: cls for cls in made})
        var_keyword = next((n for n, p in signature.parameters.items() if p.kind is p.VAR_KEYWORD), None)

        def split(args: tuple, kwargs: dict) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
            """Operands by position, operands by name, and the config."""
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            arguments = dict(bound.arguments)
            extra = arguments.pop(var_keyword, {}) if var_keyword else {}
            placed: list[Any] = []
            for tensor in tensors:
                value = arguments.pop(tensor.removeprefix("*"))
                placed += value if tensor.startswith("*") else [value]
            named = {k: arguments.pop(k) for k in keywords}
            return placed, {**named, **extra}, arguments

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if is_symbolic(args, kwargs):
                if not made:
                    raise TypeError(f"ops.{name} cannot be called on the tensors of a functional model")
                placed, named, config = split(args, kwargs)
                return made[0](**_settled(keras_class, config))(*placed, **named)
            if current_graph() is not None:
                return function(*args, **kwargs)
            if not made:
                return eager.call(wrapper, function, args, kwargs)[0]
            placed, named, config = split(args, kwargs)
            config = _settled(keras_class, config)
            return eager.call(wrapper, made[0](name=name, **config).call, tuple(placed), named, config)[0]

        wrapper.keras_class = keras_class  # type: ignore[attr-defined]
        FUNCTIONS[name] = wrapper
        return wrapper

    return decorate


def _operation_class(
    path: str,
    function: Callable,
    signature: inspect.Signature,
    tensors: tuple[str, ...],
    renamed: Mapping[str, str],
    named: bool,
) -> type[FunctionOperation]:
    module, _, class_name = path.rpartition(".")
    return type(
        class_name,
        (FunctionOperation,),
        {
            "function": staticmethod(function),
            "signature": signature,
            "tensors": tensors,
            "renamed": renamed,
            "named": named,
            "keras_module": f"keras.src.ops.{module}",
            "registered_name": class_name,
            "__module__": function.__module__,
            "__doc__": function.__doc__,
        },
    )


def _settled(keras_class: str, config: dict[str, Any]) -> dict[str, Any]:
    """The config as Keras's function hands it to its operation class."""
    if config.get("dtype") is not None:
        config["dtype"] = dtypes.standardize(config["dtype"])
    if keras_class.startswith("nn."):
        if "data_format" in config and config["data_format"] is None:
            config["data_format"] = "channels_last"
        if keras_class in ("nn.OneHot", "nn.MultiHot") and config["dtype"] is None:
            config["dtype"] = "float32"
        if isinstance(config.get("padding"), str):
            config["padding"] = config["padding"].lower()
    if keras_class == "image.ExtractPatches":
        size = config["size"]
        config["size"] = (size, size) if isinstance(size, int) else size
        config["strides"] = config["size"] if config["strides"] is None else config["strides"]
        config["data_format"] = config["data_format"] or "channels_last"
    return config


def graph() -> Graph:
    """The graph that is being built."""
    found = current_graph()
    if found is None:
        raise RuntimeError("no graph is being built")
    return found


def convert(x: Any, dtype: str | None = None) -> Tensor:
    """Whatever an `ops` function is given, as a tensor; `dtype` is for what has none yet."""
    if isinstance(x, Tensor):
        return x
    if dtype is None and isinstance(x, bool | int | float):
        dtype = dtypes.result_type(_kind(x))
    if dtype is None and isinstance(x, list | tuple) and not any(isinstance(n, Tensor | Dim) for n in x):
        array = np.asarray(x)
        dtype = {"f": "float32", "i": "int32"}.get(array.dtype.kind)
    return graph().as_tensor(x, dtype)


def moved(x: Any, move: Callable[[Tensor], Tensor], dtype: str) -> Tensor:
    """`move` (a transpose, reshape, ...) of a tensor or variable, in this dtype.

    A variable is moved before it is cast, so that the move is folded into the initializer under
    mixed precision too.
    """
    if isinstance(x, Variable):
        return cast_to(graph().autocast_weight(move(graph().variable(x)), x), dtype)
    return cast_to(move(convert(x)), dtype)


def promote(*xs: Any, to_float: bool = False) -> list[Tensor]:
    """Operands cast to their common dtype by Keras's rules; Python scalars are typed weakly.

    Args:
        to_float: the result is a floating point dtype in any case (division, roots, ...).
    """
    kinds = [_kind(x) for x in xs]
    if to_float:
        kinds.append(float)
    dtype = dtypes.result_type(*kinds)
    if to_float and dtype == "int64":
        dtype = "float32"
    return [cast_to(x, dtype) for x in xs]


def cast_to(x: Any, dtype: str) -> Tensor:
    """x as a tensor of this dtype."""
    if isinstance(x, bool | int | float | np.bool_):
        return graph().constant(np.asarray(x).astype(dtypes.to_numpy(dtype)))
    tensor = convert(x)
    if tensor.dtype == dtype:
        return tensor
    if tensor.constant is not None and "string" not in (dtype, tensor.dtype):
        return graph().constant(tensor.constant.astype(dtypes.to_numpy(dtype)))
    return graph().add("Cast", tensor, to=dtypes.to_onnx(dtype))


def _kind(x: Any) -> Any:
    """What stands for an operand in type promotion: a dtype, or Python's type of a weak scalar."""
    if isinstance(x, bool | np.bool_):
        return "bool"
    if type(x) is int or isinstance(x, Dim):
        return int
    if type(x) is float:
        return float
    if isinstance(x, Tensor | KerasTensor):
        return x.dtype
    if isinstance(x, Variable):
        return convert(x).dtype
    if isinstance(x, list | tuple):
        return convert(x).dtype
    return dtypes.standardize(np.asarray(x).dtype)


def normalize_axis(axis: int, rank: int, what: str = "axis") -> int:
    """A non-negative axis.

    Raises:
        ValueError: outside of `[-rank, rank)`.
    """
    if not isinstance(axis, int | np.integer) or not -rank <= axis < rank:
        raise ValueError(
            f"{what} must be from {-rank} to {rank - 1} for a tensor of rank {rank}. Received: {axis}"
        )
    return int(axis) % rank


def normalize_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Non-negative axes of an int, a sequence, or None for all; in order, without repetition."""
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, list | tuple) else (axis,)
    return tuple(sorted({normalize_axis(a, rank) for a in axes}))
