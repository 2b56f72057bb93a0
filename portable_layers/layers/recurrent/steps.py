"""Running any cell step by step: ONNX Scan, with Keras's rules for masked steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from portable_layers import ops
from portable_layers.dims import Shape
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.tensor import Tensor

# An element of the sequence and the states; gives the output and the next states.
Step: TypeAlias = Callable[[Tensor, list[Tensor]], tuple[Tensor, Sequence[Tensor]]]


def run_steps(
    step: Step,
    sequence: Tensor,
    states: Sequence[Tensor],
    output_shape: Shape,
    mask: Tensor | None,
    reverse: bool,
    zero_output_for_mask: bool,
    return_sequences: bool,
    gives_state: bool = False,
) -> tuple[Tensor, Tensor | None, list[Tensor]]:
    """Run `step` over a sequence.

    Args:
        step: what is done with each element.
        sequence: `(batch, time, ...)`.
        states: their initial values, `(batch, ...)`.
        output_shape: of one step.
        mask: bool `(batch, time)`; a masked step keeps the states and repeats the output of the step
            before it, zeros at the start. None where all steps are valid.
        reverse: go from the last step to the first.
        zero_output_for_mask: a masked step gives zeros.
        return_sequences: whether the outputs of all steps are wanted.
        gives_state: whether the output of a step is its first state.

    Returns:
        The output of the step that was run last, the outputs `(batch, time, ...)` in the order of the
        sequence (or None), and the final states.
    """
    dtype = states[0].dtype if states else sequence.dtype
    # Without all outputs the last one is carried along, and a masked step needs the one before.
    carries = mask is not None or not (return_sequences or gives_state)
    start = [ops.zeros(output_shape, dtype)] if carries else []
    elements = [sequence] if mask is None else [sequence, mask]

    def body(*now: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        old, element = list(now[len(start) : len(start) + len(states)]), now[len(start) + len(states)]
        output, new = step(element, old)
        output = cast_to(output, dtype)
        new = [cast_to(n, o.dtype) for n, o in zip(new, old, strict=True)]
        if mask is not None:
            valid = now[-1]
            output = _where(valid, output, 0 if zero_output_for_mask else now[0])
            new = [_where(valid, n, o) for n, o in zip(new, old, strict=True)]
        return ([output] if carries else []) + new, [output] if return_sequences else []

    final, stacked = graph().scan(body, [*start, *states], elements, reverse=reverse, axis=1)
    outputs = stacked[0] if return_sequences else None
    if carries:
        return final[0], outputs, final[1:]
    if outputs is None:
        return final[0], None, final
    return outputs[:, 0 if reverse else -1], outputs, final


def _where(valid: Tensor, new: Tensor, old: Tensor | float) -> Tensor:
    """`new` in the rows that are valid."""
    rows = ops.expand_dims(valid, list(range(1, new.ndim)))
    return graph().add("Where", rows, new, cast_to(old, new.dtype), shape=new.shape)
