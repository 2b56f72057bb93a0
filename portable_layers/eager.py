"""Eager calls: a layer or function on arrays is a tiny graph, run once and kept.

It runs on ONNX Runtime where that is installed, else on onnx's reference evaluator.
"""

from __future__ import annotations

import collections
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from portable_layers import dtypes, tree
from portable_layers.graph import DEFAULT_OPSET, TRAINING_OPSET, Graph, State
from portable_layers.tensor import Tensor
from portable_layers.variable import Variable

if TYPE_CHECKING:
    from portable_layers.operation import Operation

# Compiled calls, oldest first; a call is found again by what was called and on what shapes.
_CACHE_SIZE = 256
# What ONNX Runtime has no kernels of beyond TRAINING_OPSET.
_RANDOM = ("RandomNormalLike", "RandomUniformLike")
_cache: collections.OrderedDict[Any, tuple[Any, Callable[..., Any], Any]] = collections.OrderedDict()


def is_array(x: Any) -> bool:
    """Whether x is data: an array of NumPy, TensorFlow, torch or JAX (not a variable or a dtype)."""
    return isinstance(x, np.ndarray | np.generic) or (hasattr(x, "__array__") and not isinstance(x, Variable))


def run(operation: Operation, args: tuple, kwargs: dict, emit: Callable[..., Any] | None = None) -> Any:
    """Run an operation on arrays.

    Args:
        operation: what to run; its weights are those it has now.
        args, kwargs: arrays, variables and plain values.
        emit: how to emit it into a graph; `operation.emit` by default.

    Returns:
        Arrays in the structure that the operation gives.
    """
    return call(operation, emit or operation.emit, args, kwargs)[0]


def call(
    owner: Any, emit: Callable[..., Any], args: tuple, kwargs: dict, config: Any = None
) -> tuple[Any, list[tuple[Any, Any]]]:
    """Like `run`; gives the values of the graph's probes too.

    Args:
        config: what else `emit` depends on; arrays in it are no inputs.
    """
    leaves = tree.flatten((args, kwargs))
    arrays = [_standard(x) for x in leaves if is_array(x)]
    settings = tree.flatten(config)
    if any(isinstance(x, types.FunctionType | types.MethodType) for x in (*leaves, *settings)):
        # A function may give another graph the next time: what it closes over is not in the key.
        session, *compiled = _compile(emit, args, kwargs)
        return _results(session, arrays, *compiled)
    variables = getattr(owner, "variables", ())
    call_key = (
        id(owner),
        getattr(emit, "__name__", None),
        tuple((a.dtype.str, a.dtype.name, a.shape) for a in arrays),
        tuple(repr(x) if not is_array(x) else None for x in leaves),
        _structure(args),
        _structure(kwargs),
        tuple(_content(x) for x in settings),
        _structure(config),
        tuple(v.version for v in variables),
        tuple(x.version for x in leaves if isinstance(x, Variable)),
    )
    key = (call_key, _attribute_versions(owner))
    found = _cache.get(key)
    if found is not None and found[0] is owner:
        _cache.move_to_end(key)
        _, session, (structure, names, probes, states) = found
    else:
        session, structure, names, probes, states = _compile(emit, args, kwargs)
        # Anew, for a layer's call may set attributes.
        key = (call_key, _attribute_versions(owner))
        _cache[key] = (owner, session, (structure, names, probes, states))
        while len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
    return _results(session, arrays, structure, names, probes, states)


def _attribute_versions(owner: Any) -> tuple[int, ...]:
    """Changes when an attribute of a layer, or of one inside of it, is set."""
    inner = getattr(owner, "_flatten_layers", None)
    return () if inner is None else tuple(x._attributes_version for x in (owner, *inner()))


def _results(
    session: Any,
    arrays: list[np.ndarray],
    structure: Any,
    names: list[str],
    probes: list,
    states: list[State],
) -> tuple[Any, list[tuple[Any, Any]]]:
    feed = {f"input_{i}": a for i, a in enumerate(arrays)}
    for state in states:
        feed[state.start.value.name] = state.owner.kept_state(
            state.name, state.start.shape, state.start.dtype
        )
    results = session(feed)
    for state in states:
        state.owner.keep_state(state.name, results[state.end])
    outputs = tree.pack(structure, [results[n] for n in names])
    return outputs, [(owner_, results[name]) for owner_, name in probes]


def _compile(
    emit: Callable[..., Any], args: tuple, kwargs: dict
) -> tuple[Any, Any, list[str], list, list[State]]:
    from portable_layers.model_file import to_proto
    from portable_layers.passes import clean

    graph, structure, names, probes = _built(emit, args, kwargs, DEFAULT_OPSET)
    if any(node.op_type in _RANDOM for part in graph.graphs() for node in part.nodes):
        graph, structure, names, probes = _built(emit, args, kwargs, TRAINING_OPSET)
    clean(graph)
    return _session(to_proto(graph)), structure, names, probes, list(graph.states.values())


def _built(
    emit: Callable[..., Any], args: tuple, kwargs: dict, opset: int
) -> tuple[Graph, Any, list[str], list]:
    graph = Graph(opset, "eager")
    count = iter(range(1 << 30))

    def bind(x: Any) -> Any:
        if not is_array(x):
            return x
        array = _standard(x)
        return graph.input(f"input_{next(count)}", dtypes.standardize(array.dtype), array.shape)

    leaves = [bind(x) for x in tree.flatten((args, kwargs))]
    with graph:
        bound_args, bound_kwargs = tree.pack((args, kwargs), leaves)
        outputs = emit(*bound_args, **bound_kwargs)
        structure = tree.map_structure(lambda _: None, outputs)
        flat: list[Tensor] = [graph.as_tensor(t) for t in tree.flatten(outputs)]
        names = [graph.output(t, f"output_{i}").value.name for i, t in enumerate(flat)]
        probes = [(o, graph.output(t, f"probe_{i}").value.name) for i, (o, t) in enumerate(graph.probes)]
        graph.output_states()
    return graph, structure, names, probes


def _session(proto: Any) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    from importlib.util import find_spec

    from runtime import InferenceEngine

    engine = InferenceEngine(proto, providers="cpu" if find_spec("onnxruntime") else "reference")
    return lambda feed: engine.run(feed)


def _content(x: Any) -> Any:
    """What tells a setting from another one; NumPy's repr leaves elements out."""
    return (x.dtype.str, x.shape, x.tobytes()) if isinstance(x, np.ndarray) else repr(x)


def _standard(x: Any) -> np.ndarray:
    array = np.asarray(x)
    return array.astype(object) if array.dtype.kind in "US" else array


def _structure(x: Any) -> Any:
    if isinstance(x, dict):
        return tuple((k, _structure(v)) for k, v in x.items())
    if isinstance(x, list | tuple):
        return (type(x).__name__, *(_structure(v) for v in x))
    return None
