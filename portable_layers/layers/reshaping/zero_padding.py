"""Zero padding: zeros around the spatial axes, 1D, 2D and 3D."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.layout import spatial_axes, standardize_data_format
from portable_layers.ops.windows import pairs, spread

_DTYPES = ("float16", "bfloat16", "float64")


class _ZeroPadding(Layer):
    """Zeros before and after each spatial axis.

    `padding` is an integer, one an axis, or a pair an axis: what is added before and after (1D: an
    integer or one pair).

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` for `channels_first`
    Output shape: the same with larger sizes in `spatial`
    """

    rank: int

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.padding: tuple = (
            spread(padding, 2, "padding", allow_zero=True)
            if self.rank == 1
            else pairs(padding, self.rank, "padding")
        )
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        amounts = [(0, 0)] * inputs.ndim
        around = [self.padding] if self.rank == 1 else self.padding
        for axis, amount in zip(spatial_axes(inputs.ndim, self.data_format), around, strict=True):
            amounts[axis] = amount
        return ops.pad(inputs, amounts)


class ZeroPadding1D(_ZeroPadding):
    __doc__ = _ZeroPadding.__doc__
    rank = 1
    cases = (
        case((3, 2), ops="Pad", dtypes=_DTYPES),
        case((3, 2), padding=(2, 0), ops="Pad"),
        case((2, 3), padding=(1, 2), data_format="channels_first", ops="Pad"),
        case((3, 2), padding=0, ops="Identity"),
        case(Array((None, 2), sizes=(4,)), padding=2, ops="Pad"),
    )


class ZeroPadding2D(_ZeroPadding):
    __doc__ = _ZeroPadding.__doc__
    rank = 2
    cases = (
        case((3, 4, 2), ops="Pad", dtypes=_DTYPES),
        case((3, 4, 2), padding=((1, 0), (2, 3)), ops="Pad"),
        case((2, 3, 4), padding=(1, 2), data_format="channels_first", ops="Pad"),
        case(Array((None, None, 2), sizes=(4, 3)), padding=2, ops="Pad"),
        case(Array((3, 4, 2), dtype="int32", low=-9, high=9), ops="Pad"),
    )


class ZeroPadding3D(_ZeroPadding):
    __doc__ = _ZeroPadding.__doc__
    rank = 3
    cases = (
        case((3, 4, 2, 2), ops="Pad", dtypes=_DTYPES),
        case((3, 4, 2, 2), padding=((1, 0), (2, 3), (0, 1)), ops="Pad"),
        case((2, 3, 4, 2), padding=(1, 2, 3), data_format="channels_first", ops="Pad"),
    )
