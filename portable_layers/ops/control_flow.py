"""Branches and loops over functions (`keras.ops.core`): ONNX If, Loop and Scan.

The functions are called once, while the graph is built. In a functional model they are recorded as
they are; a config can hold only those that are registered under a name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from portable_layers import eager, tree
from portable_layers.graph import current_graph
from portable_layers.ops.dispatch import cast_to, convert, graph, normalize_axis, op
from portable_layers.ops.joining import join
from portable_layers.ops.reduction import positions
from portable_layers.ops.shaping import broadcast_together, moveaxis, reshape
from portable_layers.ops.slicing import slice_axis
from portable_layers.tensor import Tensor


@op("core.Cond", "pred", "true_fn", "false_fn")
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` where pred holds, else `false_fn()`."""
    if isinstance(pred, bool | np.bool_):
        return true_fn() if pred else false_fn()
    return _branch(cast_to(pred, "bool"), true_fn, false_fn)


def _branch(condition: Tensor, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    structures: list[Any] = []

    def flat(fn: Callable[[], Any]) -> list[Tensor]:
        result = fn()
        structures.append(result)
        return [convert(t) for t in tree.flatten(result)]

    condition = reshape(condition, []) if condition.ndim else condition
    results = graph().if_(condition, lambda: flat(then), lambda: flat(otherwise))
    return tree.pack(structures[0], results)


@op("core.Switch", "index", "branches", "*operands")
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """`branches[index](*operands)`; the first or last branch for an index below or above them."""
    place = cast_to(index, "int32")
    values = [convert(x) for x in operands]

    def chain(number: int) -> Any:
        if number == len(branches) - 1:
            return branches[number](*values)
        chosen = graph().add("LessOrEqual", place, np.asarray(number, np.int32))
        return _branch(chosen, lambda: branches[number](*values), lambda: chain(number + 1))

    return chain(0)


@op("core.WhileLoop", "loop_vars")
def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Repeat `body` on the variables while `cond` holds."""
    is_list = isinstance(loop_vars, list | tuple)
    states = [convert(v) for v in (loop_vars if is_list else [loop_vars])]

    def step(_: Tensor, *now: Tensor) -> tuple[Tensor, list[Tensor]]:
        following = body(*now)
        following = list(following) if isinstance(following, list | tuple) else [following]
        following = [cast_to(n, s.dtype) for n, s in zip(following, now, strict=True)]
        return cast_to(cond(*following), "bool"), following

    results = graph().loop(maximum_iterations, cast_to(cond(*states), "bool"), step, states)
    return tuple(results) if is_list else results[0]


@op("core.ForiLoop", "init_val")
def fori_loop(lower: int, upper: int, body_fun: Callable[..., Any], init_val: Any) -> Any:
    """`body_fun(i, value)` for each i from lower to upper."""
    leaves = [convert(t) for t in tree.flatten(init_val)]

    def step(number: Tensor, *now: Tensor) -> tuple[None, list[Tensor]]:
        i = graph().add("Add", cast_to(number, "int32"), np.asarray(lower, np.int32))
        following = tree.flatten(body_fun(i, tree.pack(init_val, now)))
        return None, [cast_to(n, s.dtype) for n, s in zip(following, now, strict=True)]

    return tree.pack(init_val, graph().loop(int(upper) - int(lower), None, step, leaves))


@op("core.Map", "f", "xs")
def map(f: Callable[..., Any], xs: Any) -> Any:
    """`f` on each slice along the first axis of xs (a structure of tensors), the results stacked."""
    made: list[Any] = []

    def step(*elements: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        result = f(tree.pack(xs, elements))
        made.append(result)
        return [], [convert(t) for t in tree.flatten(result)]

    _, stacked = graph().scan(step, [], [convert(x) for x in tree.flatten(xs)])
    return tree.pack(made[0], stacked)


@op("core.VectorizedMap", "elements")
def vectorized_map(function: Callable[..., Any], elements: Any) -> Any:
    """`function` on each slice along the first axis of a structure of tensors, the results stacked."""
    return map(function, elements)


@op("core.Scan", "f", "init", "xs")
def scan(
    f: Callable[..., Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> Any:
    """`carry, y = f(carry, x)` for each slice along the first axis of xs: the last carry, and the y.

    Args:
        init: the first carry.
        xs: a structure of tensors, or None for `length` steps without x.
        reverse: from the last slice to the first.
        unroll: how to run it, not what to compute.

    Raises:
        ValueError: where there is neither xs nor length.
    """
    if xs is None and length is None:
        raise ValueError("scan needs xs or length. Received neither")
    states = [convert(t) for t in tree.flatten(init)]
    sequences = [positions(int(length or 0))] if xs is None else [convert(x) for x in tree.flatten(xs)]
    made: list[Any] = []

    def step(*now: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        carry = tree.pack(init, now[: len(states)])
        x = None if xs is None else tree.pack(xs, now[len(states) :])
        carry, y = f(carry, x)
        made.append(y)
        following = [cast_to(n, s.dtype) for n, s in zip(tree.flatten(carry), states, strict=True)]
        return following, [] if y is None else [convert(t) for t in tree.flatten(y)]

    carries, stacked = graph().scan(step, states, sequences, reverse)
    return tree.pack(init, carries), None if made[0] is None else tree.pack(made[0], stacked)


@op("core.AssociativeScan", "f", "elems")
def associative_scan(f: Callable[..., Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Running results of an associative `f` along an axis: `x0`, `f(x0, x1)`, `f(f(x0, x1), x2)`, ...

    Args:
        f: takes two structures like `elems`, of slices that keep the axis.
        reverse: from the last slice to the first.
    """
    leaves = [convert(t) for t in tree.flatten(elems)]
    axes = [normalize_axis(axis, x.ndim) for x in leaves]
    moved = [moveaxis(x, a, 0) for x, a in zip(leaves, axes, strict=True)]
    ends = (-1, None) if reverse else (0, 1)
    rest = (None, -1) if reverse else (1, None)
    first = [reshape(slice_axis(x, 0, *ends), x.shape[1:]) for x in moved]

    def kept(x: Tensor, a: int) -> Tensor:
        return reshape(x, (*x.shape[:a], 1, *x.shape[a:]))

    def step(*now: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        sides = [
            tree.pack(elems, [kept(x, a) for x, a in zip(part, axes, strict=True)])
            for part in (now[: len(leaves)], now[len(leaves) :])
        ]
        found = tree.flatten(f(*sides))
        following = [cast_to(reshape(n, x.shape[1:]), x.dtype) for n, x in zip(found, moved, strict=True)]
        return following, [graph().add("Identity", t) for t in following]

    _, stacked = graph().scan(step, first, [slice_axis(x, 0, *rest) for x in moved], reverse)
    results = []
    for x, start, after, a in zip(moved, first, stacked, axes, strict=True):
        start = reshape(start, (1, *x.shape[1:]))
        whole = join([after, start] if reverse else [start, after], 0)
        results.append(moveaxis(whole, 0, a))
    return tree.pack(elems, results)


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Any = None, signature: Any = None
) -> Callable[..., Any]:
    """A function of scalars as one of tensors, which are broadcast together.

    Raises:
        ValueError: for the options `excluded` and `signature`.
    """
    if not callable(pyfunc) or excluded or signature:
        raise ValueError(
            "vectorize takes a function of scalars. "
            f"Received: pyfunc={pyfunc!r}, excluded={excluded!r}, signature={signature!r}"
        )

    def emit(*args: Any) -> Any:
        xs = broadcast_together(*(convert(x) for x in args))
        result = map(lambda elements: pyfunc(*elements), [reshape(x, -1) for x in xs])
        return reshape(result, xs[0].shape)

    def vectorized(*args: Any) -> Any:
        return emit(*args) if current_graph() is not None else eager.call(emit, emit, args, {})[0]

    return vectorized


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives a result and its gradient, as one that gives the result."""
    return lambda *args, **kwargs: f(*args, **kwargs)[0]
