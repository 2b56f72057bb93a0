"""Connectionist temporal classification: its loss, and decoding (`keras.ops.nn`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.ops.dispatch import cast_to, convert, graph, op
from portable_layers.ops.elementwise import scalar
from portable_layers.ops.indexing import take_along_axis
from portable_layers.ops.joining import join
from portable_layers.ops.nn_activations import log_softmax
from portable_layers.ops.reduction import positions, reduce
from portable_layers.ops.shaping import broadcast_to, expand_dims, reshape, squeeze, transpose
from portable_layers.ops.slicing import slice_axis
from portable_layers.ops.sorting import ordered
from portable_layers.tensor import Tensor

# The logarithm of what is impossible; sums of a few stay in the range of float32.
_IMPOSSIBLE = -1e30


@op("nn.CTCLoss", "target", "output", "target_length", "output_length")
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """`-log` of the probability of each target sequence, over all its alignments.

    Args:
        target: `(batch, labels)`.
        output: `(batch, time, classes)`, logits.
        target_length, output_length: `(batch,)`, how much of them counts.
        mask_index: the class that stands for no label.

    Returns:
        `(batch,)`.
    """
    logits = convert(output)
    dtype = dtypes.result_type(logits.dtype, "float32")
    logs = log_softmax(cast_to(logits, "float32"))
    g = graph()
    labels = cast_to(target, "int64")
    batch, count = labels.shape
    # Blanks before, between and behind the labels.
    blank = broadcast_to(g.constant(np.asarray(mask_index, np.int64)), (batch, count, 1))
    pairs = join([blank, expand_dims(labels, -1)], 2)
    states = join(
        [reshape(pairs, (batch, 2 * count)), slice_axis(reshape(blank, (batch, count)), 1, 0, 1)], 1
    )
    size = 2 * count + 1
    # A label may follow the one before without a blank where it is another one.
    before = _moved(states, 2, mask_index)
    skips = g.add(
        "And",
        g.add("Not", g.add("Equal", states, np.asarray(mask_index, np.int64))),
        g.add("Not", g.add("Equal", states, before)),
    )
    blocked = g.add("Where", skips, np.asarray(0, np.float32), np.asarray(_IMPOSSIBLE, np.float32))
    emitted = take_along_axis(logs, expand_dims(states, 1), axis=-1)
    steps = transpose(emitted, (1, 0, 2))
    lengths = expand_dims(cast_to(output_length, "int64"), -1)
    first = np.asarray(0, np.float32)
    start = g.add(
        "Where",
        g.add("Equal", positions(size), np.asarray(0, np.int64)),
        first,
        np.asarray(_IMPOSSIBLE, np.float32),
    )
    start = broadcast_to(expand_dims(start, 0), (batch, size))

    def step(now: Tensor, emission: Tensor, time: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        g = graph()
        ways = [now, _moved(now, 1, _IMPOSSIBLE), g.add("Add", _moved(now, 2, _IMPOSSIBLE), blocked)]
        best = g.add("Max", *ways)
        total: Any = None
        for way in ways:
            share = g.add("Exp", g.add("Sub", way, best))
            total = share if total is None else g.add("Add", total, share)
        following = g.add("Add", g.add("Add", g.add("Log", total), best), emission)
        following = g.add("Max", following, scalar(_IMPOSSIBLE, following))
        return [g.add("Where", g.add("Less", time, lengths), following, now, shape=now.shape)], []

    (final,), _ = g.scan(step, [start], [steps, positions(steps.shape[0])])
    # It ends in the last label or in the blank behind it.
    last = g.add("Mul", expand_dims(cast_to(target_length, "int64"), -1), np.asarray(2, np.int64))
    ends = [last, g.add("Max", g.add("Sub", last, np.asarray(1, np.int64)), np.asarray(0, np.int64))]
    blank_end, label_end = (squeeze(take_along_axis(final, e, axis=1), 1) for e in ends)
    has_label = squeeze(g.add("Greater", last, np.asarray(0, np.int64)), 1)
    label_end = g.add("Where", has_label, label_end, scalar(_IMPOSSIBLE, label_end))
    best = g.add("Max", blank_end, label_end)
    both = g.add("Add", *(g.add("Exp", g.add("Sub", e, best)) for e in (blank_end, label_end)))
    loss = g.add("Neg", g.add("Add", g.add("Log", both), best))
    impossible = g.add("Greater", loss, scalar(-_IMPOSSIBLE / 2, loss))
    return cast_to(g.add("Where", impossible, scalar(np.inf, loss), loss), dtype)


def _moved(x: Tensor, places: int, fill: float) -> Tensor:
    """x along its last axis moved so many places to the end, filled up with a number."""
    filled = scalar(fill, x)
    column = broadcast_to(filled, (x.shape[0], places))
    # One more than x is long, so that the cut fits any length.
    whole = graph().add("Concat", column, x, axis=1)
    end = graph().shape_tensor([x.shape[1]])
    return graph().add("Slice", whole, np.zeros(1, np.int64), end, np.array([1], np.int64), shape=x.shape)


@op("nn.CTCDecode", "inputs", "sequence_lengths")
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> Any:
    """The most likely label at each step, repeated ones merged and blanks left out.

    Args:
        inputs: `(batch, time, classes)`, logits.
        sequence_lengths: `(batch,)`, how many steps count.
        strategy: `greedy`; a beam search keeps sets of sequences that ONNX has no form for.

    Returns:
        Labels `(1, batch, time)` as int32, filled up with -1, and `(batch, 1)`: minus the sum of the
        chosen logits.

    Raises:
        ValueError: for another strategy.
    """
    if strategy != "greedy":
        raise ValueError(f"ctc_decode knows strategy='greedy' only. Received: strategy={strategy!r}")
    x = convert(inputs)
    x = cast_to(x, dtypes.result_type(x.dtype, "float32"))
    time = x.shape[1]
    g = graph()
    lengths = expand_dims(cast_to(sequence_lengths, "int64"), -1)
    steps = expand_dims(positions(time), 0)
    counted = g.add("Less", steps, lengths)
    best = cast_to(g.add("ArgMax", x, axis=2, keepdims=0), "int64")
    blank = np.asarray(mask_index % int(x.shape[2]) if isinstance(x.shape[2], int) else mask_index, np.int64)
    kept = g.add("And", counted, g.add("Not", g.add("Equal", best, blank)))
    if merge_repeated:
        new = g.add("Not", g.add("Equal", best, _moved(best, 1, -1)))
        kept = g.add("And", kept, new)
    # Those that are kept come first, in their order.
    dropped = cast_to(g.add("Not", kept), "int32")
    _, order = ordered(dropped, 1)
    labels = take_along_axis(best, order, axis=1)
    count = reduce("ReduceSum", cast_to(kept, "int64"), 1, True)
    labels = g.add("Where", g.add("Less", steps, count), labels, np.asarray(-1, np.int64))
    largest = reduce("ReduceMax", x, 2)
    score = reduce("ReduceSum", g.add("Where", counted, largest, scalar(0, largest)), 1, True)
    return expand_dims(cast_to(labels, "int32"), 0), g.add("Neg", score)
