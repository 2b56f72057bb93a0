"""Max pooling: the largest element of each window, 1D, 2D and 3D."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.pooling.pooling import _Pooling

_DTYPES = ("float16", "bfloat16", "float64", "mixed_float16")


class _MaxPooling(_Pooling):
    pool = staticmethod(ops.max_pool)

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling1D(_MaxPooling):
    __doc__ = f"The largest element of each window. {_Pooling.__doc__}"
    rank = 1
    aliases = ("MaxPool1D",)
    cases = (
        case((6, 3), ops="Transpose MaxPool Transpose", dtypes=_DTYPES),
        case((5, 3), pool_size=3, strides=2, padding="same", ops="Transpose MaxPool Transpose"),
        case((3, 7), pool_size=2, strides=3, data_format="channels_first", ops="MaxPool"),
        case(Array((None, 3), sizes=(7,)), pool_size=3, padding="same", ops="Transpose MaxPool Transpose"),
        case(Array((6, 3), dtype="int32", low=-9, high=9), ops="Gather ReduceMax"),
    )


class MaxPooling2D(_MaxPooling):
    __doc__ = f"The largest element of each window. {_Pooling.__doc__}"
    rank = 2
    aliases = ("MaxPool2D",)
    cases = (
        case((6, 6, 3), ops="Transpose MaxPool Transpose", dtypes=_DTYPES),
        case((5, 6, 3), pool_size=(2, 3), strides=(3, 1), padding="same", ops="Transpose MaxPool Transpose"),
        case((3, 5, 5), pool_size=3, strides=2, padding="same", data_format="channels_first", ops="MaxPool"),
        case((2, 2, 3), pool_size=4, strides=1, padding="same", ops="Transpose MaxPool Transpose"),
        case(
            Array((None, None, 3), sizes=(5, 8)),
            pool_size=3,
            strides=2,
            padding="same",
            ops="Transpose MaxPool Transpose",
        ),
        case(Array((4, 4, 2), dtype="uint8", low=0, high=255), ops="Transpose MaxPool Transpose"),
    )


class MaxPooling3D(_MaxPooling):
    __doc__ = f"The largest element of each window. {_Pooling.__doc__}"
    rank = 3
    aliases = ("MaxPool3D",)
    cases = (
        case((4, 6, 5, 2), ops="Transpose MaxPool Transpose", dtypes=("bfloat16",)),
        case((3, 4, 5, 2), pool_size=(2, 3, 2), strides=(2, 2, 1), ops="Transpose MaxPool Transpose"),
        case((2, 3, 4, 5), strides=1, padding="same", data_format="channels_first", ops="MaxPool"),
    )
