"""Bidirectional: a recurrent layer run over a sequence from both ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layer import Layer
from portable_layers.layers.recurrent.cell_layer import _FusedLayer, as_float
from portable_layers.layers.recurrent.fused import can_fuse, run_fused
from portable_layers.layers.recurrent.gru import GRU
from portable_layers.layers.recurrent.lstm import LSTM
from portable_layers.layers.recurrent.rnn import mask_of_steps
from portable_layers.layers.recurrent.simple_rnn import SimpleRNN
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.serialization import deserialize_object, serialize_object
from portable_layers.tensor import Tensor

_STEPS = Array((None, 3), sizes=(4,))
_MERGES = ("concat", "sum", "mul", "ave", None)
_COMMON = ("stateful", "return_sequences", "return_state")


class Bidirectional(Layer):
    """A layer and its mirror image over the same sequence, their outputs merged.

    Layers RNN, GRU and LSTM with a fused operator are one node for both directions.

    Args:
        layer: a recurrent layer; it is copied as `forward_layer`.
        merge_mode: how the outputs become one: `concat`, `sum`, `mul`, `ave`; None gives both.
        weights: of no meaning, as in Keras 3.
        backward_layer: the layer for the other direction, with `go_backwards` the other way round; a
            copy of `layer` by default.

    Call arguments:
        sequences: `(batch, time, ...)`.
        initial_state: the states of the forward layer, then those of the backward one.
        mask: `(batch, time)`; the input's own by default. With `return_sequences`, masked steps give
            zeros.

    Output shape: that of the layer inside, with the last axis twice as long for `concat`; with
        `return_state` a tuple of the outputs, the forward states and the backward ones
    """

    cases = (
        case(
            _STEPS,
            layer=LSTM(2, return_sequences=True),
            ops="Transpose LSTM Transpose Reshape",
            dtypes=("float64", "mixed_float16"),
        ),
        case((4, 3), layer=GRU(2), merge_mode="ave", ops="Transpose GRU Transpose Reshape Split Add Div"),
        case(
            (4, 3),
            layer=SimpleRNN(2, return_sequences=True, return_state=True),
            merge_mode=None,
            ops="Transpose RNN Transpose Reshape Split Squeeze Squeeze Split",
        ),
        case(
            (4, 3),
            layer=GRU(3, return_sequences=True, activation="gelu"),
            backward_layer=LSTM(3, return_sequences=True, go_backwards=True),
            merge_mode="mul",
            ops="Shape Concat Expand MatMul Add Scan Transpose LSTM Squeeze Slice Slice Transpose Mul",
        ),
    )

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ):
        if not isinstance(layer, Layer):
            raise ValueError(f"layer must be a recurrent layer. Received: layer={layer!r}")
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise ValueError(f"backward_layer must be a recurrent layer. Received: {backward_layer!r}")
        if merge_mode not in _MERGES:
            raise ValueError(f"merge_mode must be one of {_MERGES}. Received: merge_mode={merge_mode!r}")
        super().__init__(**kwargs)
        self.forward_layer: Any = _copy(layer, "forward_")
        self.backward_layer: Any = backward_layer or _copy(layer, "backward_", go_backwards=True)
        self._check_directions()
        for inner in (self.forward_layer, self.backward_layer):
            if getattr(inner, "zero_output_for_mask", None) is not None:
                inner.zero_output_for_mask = inner.return_sequences
        self.merge_mode = merge_mode
        self.stateful, self.return_sequences = layer.stateful, layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _check_directions(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                "the forward layer and the backward layer must differ in go_backwards. "
                f"Received: {forward.go_backwards} for both"
            )
        for name in _COMMON:
            if getattr(forward, name) != getattr(backward, name):
                raise ValueError(
                    f"the forward layer and the backward layer must have the same {name}. "
                    f"Received: {getattr(forward, name)} and {getattr(backward, name)}"
                )

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for inner in (self.forward_layer, self.backward_layer):
            if not inner.built:
                inner.build(sequences_shape)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None) -> Any:
        forward, backward = self.forward_layer, self.backward_layer
        starts: list[Any] = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            starts = [initial_state[:half], initial_state[half:]]
        sequences = ops.cast(sequences, as_float(sequences.dtype, self.compute_dtype))
        cells = self._fused_cells(sequences, mask, training)
        if cells is not None:
            output, states = self._run_fused(cells, sequences, starts, mask, training)
        else:
            y = forward(sequences, initial_state=starts[0], mask=mask)
            y_rev = backward(sequences, initial_state=starts[1], mask=mask)
            states = []
            if self.return_state:
                (y, *ends), (y_rev, *ends_rev) = y, y_rev
                states = [*ends, *ends_rev]
            if self.return_sequences:
                y_rev = ops.flip(y_rev, axis=1)
            output = self._merged(cast_to(y, self.compute_dtype), cast_to(y_rev, self.compute_dtype))
        if not self.return_state:
            return output
        return (*output, *states) if self.merge_mode is None else (output, *states)

    def _merged(self, y: Tensor, y_rev: Tensor) -> Any:
        if self.merge_mode == "concat":
            return ops.concatenate([y, y_rev], axis=-1)
        if self.merge_mode == "sum":
            return ops.add(y, y_rev)
        if self.merge_mode == "ave":
            return ops.divide(ops.add(y, y_rev), 2)
        return ops.multiply(y, y_rev) if self.merge_mode == "mul" else (y, y_rev)

    def _fused_cells(self, sequences: Tensor, mask: Any, training: Any) -> list[Any] | None:
        """What one node for both directions has to do; None where there must be two."""
        layers = (self.forward_layer, self.backward_layer)
        if not all(isinstance(x, _FusedLayer) for x in layers) or self.forward_layer.go_backwards:
            return None
        if mask is not None and self.backward_layer.zeroes_late:
            return None
        if any(x.cell.drops_in(training) for x in layers):
            return None  # each direction has dropout masks of its own
        if {x.compute_dtype for x in layers} != {sequences.dtype}:
            return None
        cells = [x.cell.fused() for x in layers]
        return cells if can_fuse(cells, sequences.dtype) else None

    def _run_fused(
        self, cells: Sequence[Any], sequences: Tensor, starts: list[Any], mask: Any, training: Any
    ) -> tuple[Any, list[Tensor]]:
        layers = (self.forward_layer, self.backward_layer)
        given = []
        for layer, start in zip(layers, starts, strict=True):
            with graph().scope(layer.name), layer.running(sequences, start, training) as states:
                given.append(states)
        initial = None
        if all(states is not None for states in given):
            pairs = zip(*given, strict=True)
            initial = [ops.stack([cast_to(s, sequences.dtype) for s in pair], axis=0) for pair in pairs]
        last, outputs, ended = run_fused(
            cells,
            "bidirectional",
            sequences,
            initial,
            mask_of_steps(mask),
            self.return_sequences,
            self.forward_layer.zero_output_for_mask,
        )
        states = [t for layer, ends in zip(layers, ended, strict=True) for t in layer.finish(ends)]
        both = cast_to(last if outputs is None else outputs, self.compute_dtype)
        return both if self.merge_mode == "concat" else self._merged(*ops.split(both, 2, axis=-1)), states

    def compute_mask(self, sequences: Any, mask: Any) -> Any:
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        mask = mask if self.return_sequences else None
        return (mask, mask) if self.merge_mode is None else mask

    # States of calls on arrays

    @property
    def states(self) -> list[Any] | None:
        """What the layers inside hold; None before the first call."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return [*forward, *backward] if forward and backward else None

    def reset_state(self) -> None:
        """Let the next call on arrays begin with zeros.

        Raises:
            AttributeError: for a layer that is not stateful.
        """
        if not self.stateful:
            raise AttributeError(f"layer {self.name} is not stateful")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    # Config

    @property
    def layer(self) -> Layer:
        """The layer inside; the config's `layer`."""
        return self.forward_layer

    def config_arguments(self) -> list[str]:
        return ["merge_mode", "layer", "backward_layer"]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        from portable_layers.model import make_operation  # any layer may be inside

        inner = {k: make_operation(config[k]) for k in ("layer", "backward_layer") if config.get(k)}
        return super().from_config({**config, **inner})


def _copy(layer: Layer, prefix: str, **changes: Any) -> Layer:
    """A layer of the same config, named after it; it is built anew."""
    config = serialize_object(layer)
    config.pop("build_config", None)
    config["config"] |= {"name": f"{prefix}{layer.name.removeprefix(prefix)}", **changes}
    made = deserialize_object(config, {config["class_name"]: type(layer)}, "layer")
    if hasattr(layer, "use_cudnn"):
        made.use_cudnn = layer.use_cudnn
    return made
