"""Cases: the test data that is declared beside each layer.

A layer class lists its cases in the class attribute `cases`; the generic test turns each into a
model, exports it and compares it with Keras (see `tests/portable_layers/test_layer_cases.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Array:
    """An input that is not plain float32 noise.

    Attributes:
        shape: without the batch; None for a size known only when the model runs.
        dtype: Keras dtype name.
        low, high: range of the values; integers are drawn from `[low, high)`.
        sizes: the size to test with for each None of the shape, in order; 7, 9, 6 by default.
        values: what to draw from in place of the range (strings, tokens that matter).
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    low: float = -2.0
    high: float = 2.0
    sizes: tuple[int, ...] = ()
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Case:
    """One use of a layer.

    Attributes:
        inputs: an `Array` an input.
        arguments: of the constructor.
        ops: the operators of the exported graph in order, e.g. `Transpose Conv Transpose`.
        dtypes: dtype policies to test beside float32.
        as_list: whether the layer is called on a list of its inputs (merging layers).
        call: further keyword arguments of the call.
    """

    inputs: tuple[Array, ...]
    arguments: Mapping[str, Any]
    ops: str
    dtypes: tuple[str, ...] = ()
    as_list: bool = False
    call: Mapping[str, Any] = field(default_factory=dict)


def case(
    *inputs: Any,
    ops: str,
    dtypes: tuple[str, ...] = (),
    as_list: bool | None = None,
    call: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Case:
    """A case; an input is an `Array` or a shape without the batch, the rest are constructor arguments.

    Several inputs are passed as a list unless `as_list=False`.
    """
    arrays = tuple(x if isinstance(x, Array) else Array(tuple(x)) for x in inputs)
    listed = len(arrays) > 1 if as_list is None else as_list
    return Case(arrays, arguments, ops, dtypes, listed, call or {})
