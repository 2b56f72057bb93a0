"""TimeDistributed: one layer applied to every step of a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from portable_layers import ops, tree
from portable_layers.cases import Array, case
from portable_layers.dims import product
from portable_layers.layer import Layer
from portable_layers.layers.core.dense import Dense
from portable_layers.layers.core.wrapper import Wrapper
from portable_layers.ops.dispatch import graph
from portable_layers.tensor import Tensor


class TimeDistributed(Wrapper):
    """The layer inside, applied to each time step by itself: time is folded into the batch.

    Args:
        layer: any layer or model.

    Call arguments:
        inputs: `(batch, time, ...)`, or a structure of such tensors if the layer takes one.
        mask: `(batch, time, ...)`, handed to the layer if it takes masks; the input's own by default.

    Output shape: `(batch, time, ...)`, of what the layer gives for `(batch, ...)`
    """

    cases = (
        case(
            Array((None, 3), sizes=(4,)),
            layer=Dense(2),
            ops="Reshape MatMul Add Shape Shape Concat Reshape",
            dtypes=("float16", "float64"),
        ),
        case((4, 2, 3), layer=Dense(2, activation="relu"), ops="Reshape MatMul Add Relu Reshape"),
    )

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        if isinstance(input_shape, dict):
            super().build({k: _shape_of_step(s) for k, s in input_shape.items()})
        elif isinstance(input_shape, list) and input_shape and isinstance(input_shape[0], list | tuple):
            super().build([_shape_of_step(s) for s in input_shape])
        else:
            super().build(_shape_of_step(input_shape))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        first: Tensor = tree.flatten(inputs)[0]
        masks = [m for m in tree.flatten(mask) if m is not None]
        if masks:
            _check_mask(masks[0], first)
        batch, time = first.shape[:2]
        if isinstance(time, int) and (graph().training or _is_stateful(self.layer)):
            # What a step leaves behind, or the statistics of one step, must not be mixed up.
            steps = [self._apply(_step(inputs, i), _step(mask, i)) for i in range(time)]
            return tree.map_structure(lambda *parts: ops.stack(parts, axis=1), *steps)
        if _is_stateful(self.layer):
            raise ValueError(
                f"layer {self.name}: a stateful layer inside needs a known number of steps. "
                f"Received: {first!r}"
            )
        folded = tree.map_structure(lambda t: None if t is None else _fold(t), (inputs, mask))
        return tree.map_structure(lambda t: ops.reshape(t, (batch, time, *t.shape[1:])), self._apply(*folded))

    def _apply(self, inputs: Any, mask: Any) -> Any:
        masked = any(m is not None for m in tree.flatten(mask))
        given = {"mask": mask if masked else None, "training": graph().training or None}
        # As in Keras, the layer inside neither casts its inputs nor gives masks to its outputs.
        taken = {k: v for k, v in given.items() if v is not None and k in self.layer._signature.parameters}
        with graph().scope(self.layer.name):
            return self.layer.call(inputs, **taken)


def _fold(x: Tensor) -> Tensor:
    return ops.reshape(x, (product(x.shape[:2]), *x.shape[2:]))


def _step(x: Any, number: int) -> Any:
    return tree.map_structure(lambda t: None if t is None else t[:, number], x)


def _shape_of_step(shape: Any) -> tuple:
    if not isinstance(shape, list | tuple) or len(shape) < 3:
        raise ValueError(
            f"TimeDistributed takes inputs of rank 3 and more, (batch, time, ...). Received: shape={shape}"
        )
    return (shape[0], *shape[2:])


def _check_mask(mask: Tensor, x: Tensor) -> None:
    fits = mask.ndim >= 2 and all(
        m == n or not (isinstance(m, int) and isinstance(n, int))
        for m, n in zip(mask.shape[:2], x.shape[:2], strict=True)
    )
    if not fits:
        raise ValueError(
            f"a mask must begin with the axes (batch, time) of the input {x!r}. Received: {mask!r}"
        )


def _is_stateful(layer: Layer) -> bool:
    return any(getattr(x, "stateful", False) for x in (layer, *_inner(layer)))


def _inner(layer: Layer) -> Iterator[Layer]:
    yield from layer._flatten_layers()
