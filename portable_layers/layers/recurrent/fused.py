"""ONNX's operators RNN, GRU and LSTM: when they can say what cells do, and how cells' weights are packed.

A cell of units U on F features has a kernel `(F, gates * U)`, a recurrent kernel `(U, gates * U)` and a
bias `(gates * U,)`, or `(2, gates * U)` with one for each kernel. The operators want
`(directions, gates * U, F)`, `(directions, gates * U, U)` and `(directions, 2 * gates * U)`, with the
gates in their own order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from portable_layers import activations, ops
from portable_layers.layers.recurrent.compaction import Compaction
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.packing import Packing
from portable_layers.tensor import Tensor

# ONNX's name of an activation, with alpha and beta where it takes them. Softplus is left out: ONNX
# Runtime's overflows inside of LSTM.
_ACTIVATIONS: dict[Callable[..., Any], tuple[str, float | None, float | None]] = {
    activations.get("tanh"): ("Tanh", None, None),
    activations.get("sigmoid"): ("Sigmoid", None, None),
    activations.get("relu"): ("Relu", None, None),
    activations.get("softsign"): ("Softsign", None, None),
    activations.get("elu"): ("Elu", 1.0, None),
    activations.get("leaky_relu"): ("LeakyRelu", 0.2, None),
    activations.get("hard_sigmoid"): ("HardSigmoid", 1 / 6, 0.5),
    activations.get("linear"): ("Affine", 1.0, 0.0),
}
_DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


@dataclass(frozen=True)
class FusedCell:
    """What a fused operator does in place of a cell.

    Attributes:
        op_type: `RNN`, `GRU` or `LSTM`.
        gates: for each gate of the operator, its place in Keras's order.
        activations: the operator's, in its order.
        kernel, recurrent_kernel, bias: the cell's variables; bias may be None.
        units: size of the output.
        attributes: further attributes of the operator.
    """

    op_type: str
    gates: tuple[int, ...]
    activations: tuple[Callable[..., Any], ...]
    kernel: Any
    recurrent_kernel: Any
    bias: Any
    units: int
    attributes: tuple[tuple[str, Any], ...] = ()


def can_fuse(cells: Sequence[FusedCell], dtype: str) -> bool:
    """Whether one node can stand for these cells, one a direction.

    No runtime has the operators in float64; bfloat16 is computed in float32.
    """
    first = cells[0]
    return dtype != "float64" and all(
        (c.op_type, c.units, c.attributes) == (first.op_type, first.units, first.attributes)
        and all(a in _ACTIVATIONS for a in c.activations)
        for c in cells
    )


def run_fused(
    cells: Sequence[FusedCell],
    direction: str,
    sequences: Tensor,
    states: Sequence[Tensor] | None,
    mask: Tensor | None,
    return_sequences: bool,
    zero_output_for_mask: bool,
) -> tuple[Tensor, Tensor | None, list[list[Tensor]]]:
    """Run cells over sequences as one node.

    Args:
        cells: one, or one for each direction.
        direction: `forward`, `reverse` or `bidirectional`.
        sequences: `(batch, time, features)`.
        states: initial states `(directions, batch, units)`; None for zeros.
        mask: bool `(batch, time)`, or None.
        return_sequences: whether the outputs of all steps are wanted.
        zero_output_for_mask: masked steps give zeros in place of the output before.

    Returns:
        The output of the step that was run last, `(batch, directions * units)`; the outputs
        `(batch, time, directions * units)` in the order of the inputs, or None; and of each direction
        the final states `(batch, units)`.
    """
    g, first, dtype = graph(), cells[0], sequences.dtype
    compaction = None if mask is None else Compaction(mask)
    steps = sequences if compaction is None else compaction.compact(sequences)
    count = 2 if first.op_type == "LSTM" else 1
    names, alphas, betas = _activations(cells)
    further: dict[str, Any] = dict(first.attributes)
    results = g.add(
        first.op_type,
        ops.transpose(steps, (1, 0, 2)),
        _packed(cells, _pack_kernel, "kernel", dtype),
        _packed(cells, _pack_kernel, "recurrent_kernel", dtype),
        _packed(cells, _pack_bias, "bias", dtype) if any(c.bias is not None for c in cells) else None,
        None if compaction is None else compaction.lengths,
        *(states or ()),
        outputs=1 + count,
        hidden_size=first.units,
        direction=None if direction == "forward" else direction,
        activations=names,
        activation_alpha=alphas or None,
        activation_beta=betas or None,
        **further,
    )
    every, finals = results[0], list(results[1:])
    width = len(cells) * first.units
    batch, time = sequences.shape[:2]
    if compaction is not None and states is not None:
        # A row without a valid step keeps its state, and gives zeros.
        hidden = compaction.nonempty(finals[0], 0)
        finals = [compaction.nonempty(t, s) for t, s in zip(finals, states, strict=True)]
    else:
        hidden = finals[0]
    last = _side_by_side(hidden, (1, 0, 2), (batch, width))
    outputs = None
    if return_sequences:
        outputs = _side_by_side(every, (2, 0, 1, 3), (batch, time, width))
    if compaction is not None:
        if outputs is not None:
            outputs = compaction.spread(outputs, direction == "reverse", zero_output_for_mask)
        if zero_output_for_mask:
            ran_last = compaction.mask[:, 0 if direction == "reverse" else -1]
            last = ops.where(ops.expand_dims(ran_last, -1), last, 0)
    split = [ops.split(t, len(cells), axis=0) for t in finals]
    return last, outputs, [[ops.squeeze(t[i], 0) for t in split] for i in range(len(cells))]


def _side_by_side(y: Tensor, order: tuple[int, ...], shape: tuple) -> Tensor:
    """`(..., directions, batch, units)` with the directions beside each other in the last axis."""
    axis = y.ndim - 3
    if y.shape[axis] == 1:
        y = ops.squeeze(y, axis)
        return y if y.ndim == 2 else ops.transpose(y, (1, 0, 2))
    return ops.reshape(ops.transpose(y, order), shape)


def _activations(cells: Sequence[FusedCell]) -> tuple[list[str] | None, list[float], list[float]]:
    """Names, alphas and betas of the activations; None for the operator's own."""
    found = [_ACTIVATIONS[a] for c in cells for a in c.activations]
    names = [name for name, _, _ in found]
    if names == _DEFAULTS[cells[0].op_type] * len(cells):
        return None, [], []
    alphas = [alpha for _, alpha, _ in found if alpha is not None]
    return names, alphas, [beta for _, _, beta in found if beta is not None]


def _packed(cells: Sequence[FusedCell], pack: Callable[..., Tensor], name: str, dtype: str) -> Tensor:
    """A weight of all cells in one, in the dtype that is computed in."""
    return cast_to(ops.concatenate([pack(c, getattr(c, name)) for c in cells], axis=0), dtype)


def _pack_kernel(cell: FusedCell, kernel: Any) -> Tensor:
    weight = ops.transpose(_in_order(graph().variable(kernel), cell.gates), (1, 0))
    return ops.reshape(weight, (1, *weight.shape))


def _pack_bias(cell: FusedCell, bias: Any) -> Tensor:
    size = len(cell.gates) * cell.units
    if bias is None:
        return graph().weight(Packing.zeros((1, 2 * size), cell.kernel.dtype))
    weight = _in_order(graph().variable(bias), cell.gates)
    if weight.ndim == 1:
        weight = ops.concatenate([weight, graph().weight(Packing.zeros((size,), weight.dtype))], axis=0)
    return ops.reshape(weight, (1, 2 * size))


def _in_order(weight: Tensor, gates: Sequence[int]) -> Tensor:
    """The gates, along the last axis, in the operator's order."""
    if list(gates) == list(range(len(gates))):
        return weight
    parts = ops.split(weight, len(gates), axis=-1)
    return ops.concatenate([parts[i] for i in gates], axis=-1)
