"""What a model takes and gives, and whether a set of inputs fits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from portable_layers.errors import InputError
from runtime.conversion import as_array, dtype_name

Shape = tuple[int | str | None, ...]


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One input or output of a model.

    Attributes:
        name: its name in the graph.
        dtype: its numpy dtype; `ml_dtypes` for bfloat16 and the 8 bit floats, `object` for strings.
        shape: a size for each axis, the name of a symbolic one, or None for one without a name.
            None in place of the whole tuple when not even the rank is known.
        required: False for an input that the model can do without (it has a default value, or
            its type is optional). Always True for an output.
    """

    name: str
    dtype: np.dtype
    shape: Shape | None
    required: bool = True

    def __str__(self) -> str:
        axes = "..." if self.shape is None else ", ".join("?" if d is None else str(d) for d in self.shape)
        return f"{self.name}: {dtype_name(self.dtype)}[{axes}]" + ("" if self.required else " (optional)")


class Signature:
    """The inputs of a model, with all that checking them needs computed beforehand.

    Args:
        inputs: in the order of positional arguments.
        states: the names of inputs that are zeros when they are left out.
    """

    def __init__(self, inputs: Sequence[TensorInfo], states: Collection[str] = ()):
        self.inputs = tuple(inputs)
        self._states = tuple(info for info in inputs if info.name in states)
        self.required = sum(info.required for info in inputs)
        symbols = Counter(dim for info in inputs for dim in info.shape or () if isinstance(dim, str))
        # Plain tuples: this is walked on every run.
        self._ports = tuple(
            (
                info.name,
                info.dtype,
                None if info.shape is None else len(info.shape),
                tuple((axis, dim) for axis, dim in enumerate(info.shape or ()) if isinstance(dim, int)),
                # A symbol that occurs once binds nothing.
                tuple(
                    (axis, dim)
                    for axis, dim in enumerate(info.shape or ())
                    if isinstance(dim, str) and symbols[dim] > 1
                ),
                info,
            )
            for info in inputs
        )

    def bind(self, values: Sequence[Any]) -> dict[str, Any]:
        """Give positional values their names.

        Raises:
            InputError: too many values, or too few for the inputs that are required.
        """
        if not self.required <= len(values) <= len(self.inputs):
            raise InputError(
                f"received {_count(len(values), 'positional input')}, "
                f"expected {self._expected_count()}: {self}"
            )
        return {info.name: value for info, value in zip(self.inputs, values, strict=False)}

    def check(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The inputs as arrays that the model takes as they are.

        Raises:
            InputError: a name is missing or unknown; a dtype differs (nothing is cast, but values
                without a dtype of their own, Python's numbers, strings and lists of them, are
                converted when that loses nothing); the rank or a fixed size differs; two axes
                that share a symbolic size disagree.
        """
        feed: dict[str, np.ndarray] = {}
        sizes: dict[str, tuple[int, str, int]] = {}
        for name, dtype, rank, fixed, shared, info in self._ports:
            if name not in inputs:
                if info.required:
                    self._refuse_names(inputs)
                continue
            array = inputs[name]
            if type(array) is not np.ndarray or array.dtype != dtype or dtype.kind == "O":
                array = as_array(array, info.dtype, f"input {name!r}")
            shape = array.shape
            if rank is not None and len(shape) != rank:
                raise InputError(
                    f"input {name!r}: received shape {shape}, of rank {len(shape)}, "
                    f"expected rank {rank}: {info}"
                )
            for axis, size in fixed:
                if shape[axis] != size:
                    raise InputError(
                        f"input {name!r}: received shape {shape}, expected {size} at axis {axis}: {info}"
                    )
            for axis, symbol in shared:
                known = sizes.setdefault(symbol, (shape[axis], name, axis))
                if known[0] != shape[axis]:
                    raise InputError(
                        f"the size {symbol!r} must be the same everywhere: "
                        f"received {known[0]} at axis {known[2]} of input {known[1]!r} "
                        f"and {shape[axis]} at axis {axis} of input {name!r}"
                    )
            feed[name] = array
        if len(feed) != len(inputs):
            self._refuse_names(inputs)
        for info in self._states:
            if info.name not in feed:
                feed[info.name] = np.zeros(self._state_shape(info, sizes), info.dtype)
        return feed

    def _state_shape(self, info: TensorInfo, sizes: Mapping[str, tuple[int, str, int]]) -> tuple[int, ...]:
        """The shape of a state that was left out, with the sizes that the other inputs have."""
        unknown = [dim for dim in info.shape or (None,) if not isinstance(dim, int) and dim not in sizes]
        if unknown:
            raise InputError(
                f"no input tells the size {unknown[0]!r} of the state {info}; give that state too"
            )
        return tuple(dim if isinstance(dim, int) else sizes[str(dim)][0] for dim in info.shape or ())

    def _refuse_names(self, inputs: Mapping[str, Any]) -> NoReturn:
        known = {info.name for info in self.inputs}
        missing = [info.name for info in self.inputs if info.required and info.name not in inputs]
        unknown = [name for name in inputs if name not in known]
        problems = [f"missing input {name!r}" for name in missing]
        problems += [f"unknown input {name!r}" for name in unknown]
        raise InputError(f"{', '.join(problems)}; the model takes {self}")

    def _expected_count(self) -> str:
        if self.required == len(self.inputs):
            return str(self.required)
        return f"{self.required} to {len(self.inputs)}"

    def __str__(self) -> str:
        return "; ".join(map(str, self.inputs)) or "no inputs"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
