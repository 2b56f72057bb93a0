"""Cropping: begin and end of the spatial axes dropped, 1D, 2D and 3D."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.cropping import crop
from portable_layers.ops.layout import spatial_axes, standardize_data_format
from portable_layers.ops.windows import pairs, spread

_DTYPES = ("float16", "bfloat16", "float64")


class Cropping1D(Layer):
    """The steps without the first `cropping[0]` and the last `cropping[1]`.

    Input shape:  `(batch, steps, features)`
    Output shape: `(batch, steps - sum(cropping), features)`
    """

    cases = (
        case((5, 3), ops="Slice", dtypes=_DTYPES),
        case((5, 3), cropping=(0, 2), ops="Slice"),
        case((5, 3), cropping=0, ops="Identity"),
        case(Array((None, 3), sizes=(6,)), cropping=(2, 1), ops="Slice"),
    )

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__(**kwargs)
        self.cropping = spread(cropping, 2, "cropping", allow_zero=True)
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
        before, after = self.cropping
        return crop(inputs, {1: (before, after)})


class _Cropping(Layer):
    """Begin and end of each spatial axis dropped.

    `cropping` is an integer, one an axis, or a pair an axis: what is dropped before and after.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` for `channels_first`
    Output shape: the same with smaller sizes in `spatial`
    """

    rank: int

    def __init__(self, cropping: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.cropping = pairs(cropping, self.rank, "cropping")
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        axes = spatial_axes(self.rank + 2, self.data_format)
        return crop(inputs, dict(zip(axes, self.cropping, strict=True)))


class Cropping2D(_Cropping):
    __doc__ = _Cropping.__doc__
    rank = 2
    cases = (
        case((5, 6, 3), cropping=1, ops="Slice", dtypes=_DTYPES),
        case((5, 6, 3), cropping=((1, 2), (0, 3)), ops="Slice"),
        case((3, 5, 6), cropping=(1, 2), data_format="channels_first", ops="Slice"),
        case((5, 6, 3), ops="Identity"),
        case(Array((None, None, 3), sizes=(6, 5)), cropping=((2, 0), (1, 1)), ops="Slice"),
    )

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    __doc__ = _Cropping.__doc__
    rank = 3
    cases = (
        case((5, 6, 7, 2), ops="Slice", dtypes=_DTYPES),
        case((5, 6, 7, 2), cropping=((1, 2), (0, 3), (0, 0)), ops="Slice"),
        case((2, 5, 6, 7), cropping=(1, 2, 3), data_format="channels_first", ops="Slice"),
    )

    def __init__(
        self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(cropping, data_format, **kwargs)
