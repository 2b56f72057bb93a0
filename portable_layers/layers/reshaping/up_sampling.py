"""Up-sampling: the spatial axes grow by whole factors, 1D, 2D and 3D."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import Array, case
from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.image.filters import METHODS
from portable_layers.ops.image.resizing import repeat_axes, resize_axes
from portable_layers.ops.layout import spatial_axes, standardize_data_format
from portable_layers.ops.windows import spread

_DTYPES = ("float16", "bfloat16", "float64")


class UpSampling1D(Layer):
    """Each step repeated `size` times.

    Input shape:  `(batch, steps, features)`
    Output shape: `(batch, steps * size, features)`
    """

    cases = (
        case((3, 2), ops="Resize", dtypes=_DTYPES),
        case((3, 2), size=1, ops="Identity"),
        case(Array((None, 2), sizes=(4,)), size=3, ops="Resize"),
        case(Array((3, 2), dtype="int64", low=-9, high=9), ops="Unsqueeze Tile Reshape"),
    )

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"size must be a positive integer. Received: size={size!r}")
        if size <= 0:
            raise ValueError(f"size must be a positive integer. Received: size={size!r}")
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
        return repeat_axes(inputs, {1: self.size})


class UpSampling2D(Layer):
    """Images grown by whole factors.

    Args:
        size: factor of height and width.
        interpolation: `nearest`, `bilinear`, `bicubic`, `lanczos3`, `lanczos5` or `area`.

    Input shape:  `(batch, height, width, channels)`, or `(batch, channels, height, width)` for
    `channels_first`
    Output shape: the same with `height * size[0]` and `width * size[1]`
    """

    cases = (
        case((3, 4, 2), ops="Resize", dtypes=_DTYPES),
        case((2, 3, 4), size=(1, 3), data_format="channels_first", ops="Resize"),
        case((3, 4, 2), size=1, ops="Identity"),
        case(
            (3, 4, 2),
            interpolation="bilinear",
            ops="Transpose Resize Transpose",
            dtypes=("float16", "float64", "bfloat16"),
        ),
        case((2, 3, 4), size=(2, 3), interpolation="bilinear", data_format="channels_first", ops="Resize"),
        case((5, 4, 2), size=(2, 4), interpolation="bicubic", ops="Transpose Resize Transpose"),
        case((5, 4, 2), size=(2, 3), interpolation="bicubic", ops="Transpose MatMul MatMul Transpose"),
        case((5, 4, 2), size=(2, 3), interpolation="lanczos3", ops="Transpose MatMul MatMul Transpose"),
        case((2, 5, 4), size=(1, 3), interpolation="lanczos5", data_format="channels_first", ops="MatMul"),
        case(Array((None, None, 2), sizes=(3, 5)), size=(2, 3), ops="Resize"),
        case(
            Array((None, None, 2), sizes=(3, 5)),
            size=(2, 3),
            interpolation="bilinear",
            ops="Transpose Resize Transpose",
        ),
        case(
            Array((3, 4, 2), dtype="int32", low=-9, high=9),
            interpolation="bilinear",
            ops="Cast Gather Gather Sub Mul Add Gather Gather Sub Mul Add Round Clip Cast",
        ),
    )

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.size = spread(size, 2, "size")
        self.data_format = standardize_data_format(data_format)
        self.interpolation = interpolation.lower()
        if self.interpolation not in METHODS:
            raise ValueError(
                f"interpolation must be one of {', '.join(METHODS)}. Received: interpolation={interpolation!r}"
            )
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        factors = dict(zip(spatial_axes(4, self.data_format), self.size, strict=True))
        if self.interpolation == "nearest":
            return repeat_axes(inputs, factors)
        sizes = {axis: inputs.shape[axis] * n for axis, n in factors.items()}
        return resize_axes(inputs, sizes, self.interpolation, data_format=self.data_format)


class UpSampling3D(Layer):
    """Volumes grown by whole factors; each element is repeated.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` for `channels_first`
    Output shape: the same, each of `spatial` times its factor in `size`
    """

    cases = (
        case((2, 3, 2, 2), ops="Resize", dtypes=_DTYPES),
        case((2, 2, 3, 2), size=(1, 2, 3), data_format="channels_first", ops="Resize"),
        case(Array((2, 3, 2, 2), dtype="int64", low=-9, high=9), ops="Unsqueeze Tile Reshape"),
    )

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = spread(size, 3, "size")
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Any) -> Any:
        axes = spatial_axes(5, self.data_format)
        return repeat_axes(inputs, dict(zip(axes, self.size, strict=True)))
