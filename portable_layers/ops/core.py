"""Conversion, control flow and the like (`keras.ops.core`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from portable_layers import dtypes, tree
from portable_layers.dims import Dim
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.tensor import KerasTensor, Tensor


@op("core.Cast", "x")
def cast(x: Any, dtype: Any) -> Any:
    """x in another dtype."""
    return _with_mask(x, cast_to(x, dtypes.standardize(dtype)))


@op("", "x")
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """x as a tensor, in this dtype where one is given."""
    tensor = convert(x)
    return tensor if dtype is None else cast_to(tensor, dtypes.standardize(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """An array of something that has a value."""
    return np.asarray(x)


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor, symbolic or with a value."""
    return isinstance(x, Tensor | np.ndarray)


def is_keras_tensor(x: Any) -> bool:
    """Whether x is a tensor of a functional model."""
    return isinstance(x, KerasTensor)


@op("core.StopGradient", "variable")
def stop_gradient(variable: Any) -> Any:
    """x itself: there are no gradients at inference."""
    return convert(variable)


def dtype_of(x: Any) -> str:
    """The Keras name of the dtype of anything that has one."""
    return dtypes.standardize(x.dtype)


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` where pred holds, else `false_fn()`; ONNX If for a tensor."""
    if isinstance(pred, bool | np.bool_):
        return true_fn() if pred else false_fn()
    structures: list[Any] = []

    def branch(fn: Callable[[], Any]) -> list[Tensor]:
        result = fn()
        structures.append(result)
        return [convert(t) for t in tree.flatten(result)]

    results = graph().if_(cast_to(pred, "bool"), lambda: branch(true_fn), lambda: branch(false_fn))
    return tree.pack(structures[0], results)


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Repeat `body` on the variables while `cond` holds; ONNX Loop."""
    is_list = isinstance(loop_vars, list | tuple)
    states = [convert(v) for v in (loop_vars if is_list else [loop_vars])]

    def step(_: Tensor, *now: Tensor) -> tuple[Tensor, list[Tensor]]:
        following = body(*now)
        following = list(following) if isinstance(following, list | tuple) else [following]
        following = [cast_to(n, s.dtype) for n, s in zip(following, now, strict=True)]
        return cast_to(cond(*following), "bool"), following

    results = graph().loop(maximum_iterations, cast_to(cond(*states), "bool"), step, states)
    return type(loop_vars)(results) if is_list else results[0]


def fori_loop(lower: int, upper: int, body_fun: Callable[..., Any], init_val: Any) -> Any:
    """`body_fun(i, value)` for each i from lower to upper."""
    state = convert(init_val)

    def step(number: Tensor, now: Tensor) -> tuple[None, list[Tensor]]:
        i = graph().add("Add", number, np.asarray(lower, np.int64))
        return None, [cast_to(body_fun(i, now), now.dtype)]

    return graph().loop(upper - lower, None, step, [state])[0]


def size_tensor(size: Any) -> Any:
    """A size as what `ops` functions take as a number: an int, or a scalar tensor."""
    if isinstance(size, Dim):
        from portable_layers.ops.shaping import squeeze

        return squeeze(graph().size(size), 0)
    return size


def _with_mask(source: Any, tensor: Tensor) -> Tensor:
    if isinstance(source, Tensor) and source is not tensor:
        tensor._keras_mask = source._keras_mask
    return tensor
