"""Average pooling: the mean of each window, 1D, 2D and 3D."""

from __future__ import annotations

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.pooling.pooling import _Pooling

_DTYPES = ("float16", "bfloat16", "mixed_float16")


class _AveragePooling(_Pooling):
    pool = staticmethod(ops.average_pool)


class AveragePooling1D(_AveragePooling):
    __doc__ = f"The mean of each window. {_Pooling.__doc__}"
    rank = 1
    aliases = ("AvgPool1D",)
    cases = (
        case((6, 3), pool_size=2, ops="Transpose AveragePool Transpose", dtypes=_DTYPES),
        case(Array((6, 3), "float64"), pool_size=2, dtype="float64", ops="Gather ReduceMean"),
        case((5, 3), pool_size=3, strides=2, padding="same", ops="Transpose AveragePool Transpose"),
        case((3, 7), pool_size=2, strides=3, data_format="channels_first", ops="AveragePool"),
        case(
            Array((None, 3), sizes=(7,)), pool_size=3, padding="same", ops="Transpose AveragePool Transpose"
        ),
    )


class AveragePooling2D(_AveragePooling):
    __doc__ = f"The mean of each window. {_Pooling.__doc__}"
    rank = 2
    aliases = ("AvgPool2D",)
    cases = (
        case((6, 6, 3), pool_size=2, ops="Transpose AveragePool Transpose", dtypes=_DTYPES),
        case(
            (5, 6, 3), pool_size=(2, 3), strides=(3, 1), padding="same", ops="Transpose AveragePool Transpose"
        ),
        case(
            (3, 5, 5), pool_size=3, strides=2, padding="same", data_format="channels_first", ops="AveragePool"
        ),
        case((2, 2, 3), pool_size=4, strides=1, padding="same", ops="Transpose AveragePool Transpose"),
        case(
            Array((None, None, 3), sizes=(5, 8)),
            pool_size=3,
            strides=2,
            padding="same",
            ops="Transpose AveragePool Transpose",
        ),
        case(
            Array((4, 4, 2), "float64"),
            pool_size=2,
            dtype="float64",
            ops="Gather ReduceMean Gather ReduceMean",
        ),
    )


class AveragePooling3D(_AveragePooling):
    __doc__ = f"The mean of each window. {_Pooling.__doc__}"
    rank = 3
    aliases = ("AvgPool3D",)
    cases = (
        case((4, 6, 5, 2), pool_size=2, ops="Transpose AveragePool Transpose", dtypes=("bfloat16",)),
        case((3, 4, 5, 2), pool_size=(2, 3, 2), strides=(2, 2, 1), ops="Transpose AveragePool Transpose"),
        case((2, 3, 4, 5), pool_size=2, padding="same", data_format="channels_first", ops="AveragePool"),
    )
