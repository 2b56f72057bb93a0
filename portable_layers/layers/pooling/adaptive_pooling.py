"""Adaptive max and average pooling: so many windows as the output shall have, 1D, 2D and 3D."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import case
from portable_layers.layer import Layer
from portable_layers.ops.layout import standardize_data_format
from portable_layers.ops.windows import spread


class _AdaptivePooling(Layer):
    """`output_size` windows that together cover the input; they overlap where the sizes do not divide.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` for `channels_first`;
    the sizes must be known
    Output shape: the same with `output_size` in the place of `spatial`
    """

    rank: int
    pool: Any

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(output_size, int | list | tuple):
            raise TypeError(
                f"output_size must be an integer or {self.rank} integers. Received: output_size={output_size!r}"
            )
        self.output_size = spread(output_size, self.rank, "output_size")
        self.data_format = standardize_data_format(data_format)

    def call(self, inputs: Any) -> Any:
        return type(self).pool(inputs, self.output_size, self.data_format)


class _AdaptiveMaxPooling(_AdaptivePooling):
    pool = staticmethod(ops.adaptive_max_pool)


class _AdaptiveAveragePooling(_AdaptivePooling):
    pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    __doc__ = f"The largest element of each of {_AdaptivePooling.__doc__}"
    rank = 1
    cases = (
        case((8, 3), output_size=4, ops="Transpose MaxPool Transpose", dtypes=("float64",)),
        case((10, 3), output_size=4, ops="Gather ReduceMax", dtypes=("float16", "bfloat16", "float64")),
        case((3, 3), output_size=5, data_format="channels_first", ops="Gather ReduceMax"),
    )


class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    __doc__ = f"The largest element of each of {_AdaptivePooling.__doc__}"
    rank = 2
    cases = (
        case((8, 9, 3), output_size=(4, 3), ops="Transpose MaxPool Transpose"),
        case((3, 8, 8), output_size=(4, 2), data_format="channels_first", ops="MaxPool"),
        case((8, 7, 3), output_size=3, ops="Gather ReduceMax Gather ReduceMax"),
    )


class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    __doc__ = f"The largest element of each of {_AdaptivePooling.__doc__}"
    rank = 3
    cases = (
        case((4, 6, 2, 3), output_size=2, ops="Transpose MaxPool Transpose"),
        case(
            (2, 5, 4, 8),
            output_size=(2, 4, 3),
            data_format="channels_first",
            ops="Gather ReduceMax Gather ReduceMax",
        ),
    )


class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    __doc__ = f"The mean of each of {_AdaptivePooling.__doc__}"
    rank = 1
    cases = (
        case((8, 3), output_size=4, ops="Transpose AveragePool Transpose", dtypes=("float16", "bfloat16")),
        case((10, 3), output_size=4, ops="Gather ReduceMean", dtypes=("float64",)),
        case((8, 3), output_size=3, ops="Gather Where ReduceSum Div", dtypes=("float64",)),
    )


class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    __doc__ = f"The mean of each of {_AdaptivePooling.__doc__}"
    rank = 2
    cases = (
        case((8, 9, 3), output_size=(4, 3), ops="Transpose AveragePool Transpose"),
        case((3, 7, 7), output_size=3, data_format="channels_first", ops="AveragePool"),
        case((8, 5, 3), output_size=(3, 5), ops="Gather Where ReduceSum Div"),
    )


class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    __doc__ = f"The mean of each of {_AdaptivePooling.__doc__}"
    rank = 3
    cases = (
        case((4, 6, 2, 3), output_size=2, ops="Transpose AveragePool Transpose"),
        case((2, 2, 2, 2), output_size=2, data_format="channels_first", ops="AveragePool"),
    )
