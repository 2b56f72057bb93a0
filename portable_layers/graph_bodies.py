"""Operators that run a body: Scan, Loop and If."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from portable_layers.dims import PartialShape
from portable_layers.errors import GraphError
from portable_layers.tensor import Tensor


class Bodies:
    """The part of `Graph` that makes operators with bodies; a body may use the tensors around it."""

    # Of the graph.
    add: Any
    body: Any
    path: Any

    def scan(
        self,
        step: Callable[..., tuple[Sequence[Tensor], Sequence[Tensor]]],
        states: Sequence[Tensor],
        sequences: Sequence[Tensor],
        reverse: bool = False,
        axis: int = 0,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """ONNX Scan over an axis of the sequences.

        Args:
            step: called once with the states and one element of each sequence, while the body is
                built; gives the next states (same dtypes and shapes) and the elements to stack.
            states: their initial values.
            sequences: tensors, all of the same length along the axis.
            reverse: go from the last element to the first; outputs keep the order of the inputs.
            axis: the one that is time, in the sequences and in the stacked outputs.

        Returns:
            The final states, and the stacked outputs.
        """
        body = self.body("step")
        with body:
            now = [body.input(f"{body.name}/state", s.dtype, s.shape) for s in states]
            elements = [
                body.input(f"{body.name}/element", s.dtype, (*s.shape[:axis], *s.shape[axis + 1 :]))
                for s in sequences
            ]
            following, stacked = step(*now, *elements)
            for state, new in zip(states, following, strict=True):
                if (state.dtype, state.shape) != (new.dtype, new.shape):
                    raise GraphError(
                        f"{self.path}: a state of Scan must keep its type {state!r}. Received: {new!r}"
                    )
                body.output(new, f"{body.name}/next")
            for element in stacked:
                body.output(element, f"{body.name}/out")
        time = sequences[0].shape[axis]
        count = len(sequences)
        out = self.add(
            "Scan",
            *states,
            *sequences,
            body=body,
            num_scan_inputs=count,
            scan_input_directions=[1] * count if reverse else None,
            scan_output_directions=[1] * len(stacked) if reverse and stacked else None,
            scan_input_axes=[axis] * count if axis else None,
            scan_output_axes=[axis] * len(stacked) if axis and stacked else None,
            outputs=len(states) + len(stacked),
            spec=[(s.dtype, s.shape) for s in states]
            + [(t.dtype, (*t.shape[:axis], time, *t.shape[axis:])) for t in stacked],
        )
        out = [out] if isinstance(out, Tensor) else list(out)
        return out[: len(states)], out[len(states) :]

    def loop(
        self,
        count: Tensor | int | None,
        condition: Tensor | None,
        step: Callable[..., tuple[Tensor | None, Sequence[Tensor]]],
        states: Sequence[Tensor],
    ) -> list[Tensor]:
        """ONNX Loop.

        Args:
            count: most iterations (int64 scalar), or None for no limit.
            condition: bool scalar, whether to start; None for yes.
            step: called once with the iteration number (int64 scalar) and the states, while the
                body is built; gives whether to go on (None: as before) and the next states.
            states: their initial values.

        Returns:
            The final states.
        """
        body = self.body("body")
        with body:
            number = body.input(f"{body.name}/iteration", "int64", ())
            going = body.input(f"{body.name}/going", "bool", ())
            now = [body.input(f"{body.name}/state", s.dtype, s.shape) for s in states]
            go_on, following = step(number, *now)
            body.output(going if go_on is None else go_on, f"{body.name}/go_on")
            for new in following:
                body.output(new, f"{body.name}/next")
        limit = np.asarray(count, np.int64) if isinstance(count, int) else count
        specs: list[tuple[str, PartialShape]] = [
            (s.dtype, s.shape if s.shape == n.shape else tuple(None for _ in s.shape))
            for s, n in zip(states, following, strict=True)
        ]
        out = self.add("Loop", limit, condition, *states, body=body, outputs=len(states), spec=specs)
        return [out] if isinstance(out, Tensor) else list(out)

    def if_(
        self,
        condition: Tensor,
        then: Callable[[], Sequence[Tensor]],
        otherwise: Callable[[], Sequence[Tensor]],
    ) -> list[Tensor]:
        """ONNX If: the tensors of one of two bodies; both must give the same dtypes and ranks."""
        bodies, results = [], []
        for label, build in (("then", then), ("else", otherwise)):
            body = self.body(label)
            with body:
                made = [body.output(t, f"{body.name}/out") for t in build()]
            bodies.append(body)
            results.append(made)
        specs: list[tuple[str, PartialShape]] = []
        for a, b in zip(*results, strict=True):
            if a.dtype != b.dtype or a.ndim != b.ndim:
                raise GraphError(f"{self.path}: the branches of If give {a!r} and {b!r}")
            specs.append(
                (a.dtype, tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)))
            )
        out = self.add(
            "If", condition, then_branch=bodies[0], else_branch=bodies[1], outputs=len(specs), spec=specs
        )
        return [out] if isinstance(out, Tensor) else list(out)
