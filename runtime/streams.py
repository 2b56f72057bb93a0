"""Streams: runs of a model with stateful layers, each of which goes on where the one before ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from portable_layers.errors import InputError
from runtime.backends.base import Backend
from runtime.signature import TensorInfo

# Gives names to inputs as `InferenceEngine.run` takes them, and says whether a bare output is wanted.
Bind = Callable[[tuple[Any, ...]], tuple[Mapping[str, Any], bool]]


class Stream:
    """What `InferenceEngine.stream` gives: the states of one sequence of runs, zero at first.

    Streams of an engine know nothing of each other. A stream may be used from several threads; its
    runs are made one after the other.
    """

    def __init__(self, backend: Backend, bind: Bind):
        self._backend, self._bind = backend, bind
        self._pairs = backend.states
        ends = set(self._pairs.values())
        self._own_outputs = [name for name in backend.output_names if name not in ends]
        self._infos = [info for info in backend.model.inputs if info.name not in self._pairs]
        self._state_infos = {info.name: info for info in backend.model.inputs if info.name in self._pairs}
        self._states: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()

    def run(self, *inputs: Any, outputs: Sequence[str] | None = None) -> Any:
        """Run the model with the states of the run before; `stream(...)` is the same.

        Args:
            inputs: as for `InferenceEngine.run`, without the states.
            outputs: names of the outputs to give; all that are not states by default.

        Returns:
            As `InferenceEngine.run`, without the states.

        Raises:
            InputError: names, dtypes or shapes that the model does not take, or another size than that
                of the run before (of the batch). The states stay as they were.
            InferenceError: the model failed; the states stay as they were.
        """
        feed, bare = self._bind(inputs)
        given = self._pairs.keys() & feed.keys()
        if given:
            raise InputError(f"a stream has states of its own; received the state {min(given)!r}")
        names = self._own_outputs if outputs is None else list(outputs)
        unknown = [name for name in names if name not in self._own_outputs]
        if unknown:
            raise InputError(f"unknown output {unknown[0]!r}; a stream gives {self._own_outputs}")
        with self._lock:
            self._check_sizes(feed)
            results = self._backend.run({**feed, **self._states}, [*names, *self._pairs.values()])
            self._states = dict(zip(self._pairs, results[len(names) :], strict=True))
        if bare and outputs is None and len(names) == 1:
            return results[0]
        return dict(zip(names, results[: len(names)], strict=True))

    __call__ = run

    @property
    def states(self) -> dict[str, np.ndarray]:
        """Copies of the states by the names of their inputs; empty before the first run."""
        return {name: array.copy() for name, array in self._states.items()}

    def reset(self) -> None:
        """Let the next run begin with zeros, and with a batch of any size that the model takes."""
        with self._lock:
            self._states = {}

    def _check_sizes(self, feed: Mapping[str, Any]) -> None:
        """Compare the inputs' sizes with those that the states have."""
        held = {
            symbol: size
            for name, state in self._states.items()
            for symbol, size in zip(_symbols(self._state_infos[name]), state.shape, strict=True)
        }
        for info in self._infos:
            shape = np.shape(feed[info.name]) if info.name in feed else ()
            for symbol, size in zip(_symbols(info), shape, strict=False):
                expected = held.get(symbol, size)
                if isinstance(symbol, str) and size != expected:
                    raise InputError(
                        f"input {info.name!r}: received {symbol}={size}, expected {symbol}={expected} as in "
                        "the runs before; reset() lets the stream begin anew"
                    )


def _symbols(info: TensorInfo) -> tuple[Any, ...]:
    return info.shape or ()
