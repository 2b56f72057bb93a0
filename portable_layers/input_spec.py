"""What a layer takes as input, and the check of it (`keras.layers.InputSpec`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portable_layers import tree
from portable_layers.errors import InputError
from portable_layers.tensor import KerasTensor, Tensor


class InputSpec:
    """Constraints on the input of a layer.

    Args:
        dtype: the dtype it must have.
        shape: its shape; None is any size.
        ndim, min_ndim, max_ndim: its rank.
        axes: required sizes by axis.
        allow_last_axis_squeeze: whether a last axis of 1 may be missing or added.
        name: the key of the input in a dict.
        optional: whether None may be passed.
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: tuple | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = dtype
        self.shape = tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional

    def check(self, x: Any, layer: str) -> None:
        """Check one input.

        Raises:
            InputError: naming the layer, what was expected and what came.
        """
        if x is None:
            if not self.optional:
                raise InputError(f"layer {layer} takes no None as input")
            return
        if not hasattr(x, "shape"):
            return
        shape = tuple(n if isinstance(n, int) else None for n in _shape(x))
        expected = None
        if self.ndim is not None and not self.allow_last_axis_squeeze and len(shape) != self.ndim:
            expected = f"ndim={self.ndim}"
        elif self.max_ndim is not None and len(shape) > self.max_ndim:
            expected = f"max_ndim={self.max_ndim}"
        elif self.min_ndim is not None and len(shape) < self.min_ndim:
            expected = f"min_ndim={self.min_ndim}"
        elif self.dtype is not None and str(x.dtype) != self.dtype:
            expected = f"dtype={self.dtype}"
        else:
            for axis, size in self.axes.items():
                if size is not None and -len(shape) <= axis < len(shape) and shape[axis] not in (size, None):
                    expected = f"axis {axis} of size {size}"
            if self.shape is not None and expected is None and not self._fits(shape):
                expected = f"shape={self.shape}"
        if expected:
            raise InputError(
                f"layer {layer} takes an input with {expected}. Received: shape={shape}, dtype={x.dtype}"
            )

    def _fits(self, shape: tuple) -> bool:
        wanted = self.shape or ()
        if self.allow_last_axis_squeeze:
            if shape and shape[-1] == 1:
                shape = shape[:-1]
            if wanted and wanted[-1] == 1:
                wanted = wanted[:-1]
        if len(shape) != len(wanted):
            return False
        return all(a is None or b is None or a == b for a, b in zip(wanted, shape, strict=True))


def check_inputs(specs: Any, inputs: Any, layer: str) -> None:
    """Check the first argument of a layer against its `input_spec` (one spec, or one an input)."""
    if specs is None:
        return
    specs = specs if isinstance(specs, list | tuple) else [specs]
    if isinstance(inputs, dict) and all(s.name is not None for s in specs):
        missing = [s.name for s in specs if s.name not in inputs and not s.optional]
        if missing:
            raise InputError(
                f"layer {layer} misses the inputs {', '.join(missing)}. Received: {', '.join(inputs)}"
            )
        inputs = [inputs.get(s.name) for s in specs]
    flat = tree.flatten(inputs)
    if len(flat) != len(specs):
        raise InputError(f"layer {layer} takes {len(specs)} inputs. Received: {len(flat)}")
    for spec, x in zip(specs, flat, strict=True):
        spec.check(x, layer)


def _shape(x: Any) -> tuple:
    return x.shape if isinstance(x, Tensor | KerasTensor) else tuple(x.shape)
