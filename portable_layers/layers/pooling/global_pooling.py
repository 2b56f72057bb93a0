"""Global max and average pooling: one number a channel, 1D, 2D and 3D."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.elementwise import tensorflow_divide
from portable_layers.ops.layout import spatial_axes, standardize_data_format

_DTYPES = ("float16", "bfloat16", "float64", "mixed_float16")


class _GlobalPooling(Layer):
    """All of `spatial` as one number a channel.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` for `channels_first`
    Output shape: `(batch, channels)`; with `keepdims` each of `spatial` stays, as 1
    """

    rank: int
    pool: Any

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.built = True

    @property
    def _axes(self) -> tuple[int, ...]:
        return spatial_axes(self.rank + 2, self.data_format)

    def call(self, inputs: Any) -> Any:
        return type(self).pool(inputs, axis=self._axes, keepdims=self.keepdims)


class _GlobalMaxPooling(_GlobalPooling):
    pool = staticmethod(ops.max)


class _GlobalAveragePooling(_GlobalPooling):
    pool = staticmethod(ops.mean)


class GlobalMaxPooling1D(_GlobalMaxPooling):
    __doc__ = f"The largest element of each channel. {_GlobalPooling.__doc__}"
    rank = 1
    aliases = ("GlobalMaxPool1D",)
    cases = (
        case((5, 3), ops="ReduceMax", dtypes=_DTYPES),
        case((3, 5), data_format="channels_first", keepdims=True, ops="ReduceMax"),
        case(Array((5, 3), dtype="int32", low=-9, high=9), ops="ReduceMax"),
    )


class GlobalMaxPooling2D(_GlobalMaxPooling):
    __doc__ = f"The largest element of each channel. {_GlobalPooling.__doc__}"
    rank = 2
    aliases = ("GlobalMaxPool2D",)
    cases = (
        case((5, 4, 3), ops="ReduceMax", dtypes=_DTYPES),
        case((3, 5, 4), data_format="channels_first", keepdims=True, ops="ReduceMax"),
        case(Array((None, None, 3), sizes=(4, 6)), ops="ReduceMax"),
    )


class GlobalMaxPooling3D(_GlobalMaxPooling):
    __doc__ = f"The largest element of each channel. {_GlobalPooling.__doc__}"
    rank = 3
    aliases = ("GlobalMaxPool3D",)
    cases = (
        case((2, 5, 4, 3), ops="ReduceMax", dtypes=_DTYPES),
        case((3, 5, 4, 2), data_format="channels_first", keepdims=True, ops="ReduceMax"),
    )


class GlobalAveragePooling1D(_GlobalAveragePooling):
    __doc__ = f"The mean of each channel, over the steps that a mask keeps. {_GlobalPooling.__doc__}"
    rank = 1
    aliases = ("GlobalAvgPool1D",)
    cases = (
        case((5, 3), ops="ReduceMean", dtypes=("float64",)),
        case((3, 5), data_format="channels_first", keepdims=True, ops="ReduceMean"),
        case(Array((None, 3), sizes=(4,)), ops="ReduceMean"),
        case(Array((5, 3), dtype="int32", low=-9, high=9), ops="Cast ReduceMean"),
    )

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        mask = ops.cast(ops.expand_dims(mask, 3 - self._axes[0]), "bool")
        kept = ops.where(mask, inputs, 0)
        total = ops.sum(kept, axis=self._axes, keepdims=self.keepdims)
        count = ops.sum(ops.cast(mask, kept.dtype), axis=self._axes, keepdims=self.keepdims)
        return tensorflow_divide(total, count)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None


class GlobalAveragePooling2D(_GlobalAveragePooling):
    __doc__ = f"The mean of each channel. {_GlobalPooling.__doc__}"
    rank = 2
    aliases = ("GlobalAvgPool2D",)
    cases = (
        case((5, 4, 3), ops="ReduceMean", dtypes=("float64",)),
        case((3, 5, 4), data_format="channels_first", keepdims=True, ops="ReduceMean"),
        case(Array((None, None, 3), sizes=(4, 6)), ops="ReduceMean"),
        case((5, 4, 3), dtype="float16", ops="Cast Cast ReduceMean Cast"),
    )


class GlobalAveragePooling3D(_GlobalAveragePooling):
    __doc__ = f"The mean of each channel. {_GlobalPooling.__doc__}"
    rank = 3
    aliases = ("GlobalAvgPool3D",)
    cases = (
        case((2, 5, 4, 3), ops="ReduceMean", dtypes=("float64",)),
        case((3, 5, 4, 2), data_format="channels_first", keepdims=True, ops="ReduceMean"),
    )
