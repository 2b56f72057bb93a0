"""What pooling over sliding windows shares."""

from __future__ import annotations

from typing import Any

from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.layout import standardize_data_format
from portable_layers.ops.windows import spread


class _Pooling(Layer):
    """One number for each window of `pool_size`, moved by `strides`.

    With padding `valid` windows lie inside the input; with `same` there is one for each step of
    `strides`, and what lies outside does not count.

    Input shape:  `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` for `channels_first`
    Output shape: the same with other sizes in `spatial`
    """

    rank: int
    pool: Any

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.pool_size = spread(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else spread(strides, self.rank, "strides")
        if padding not in ("valid", "same"):
            raise ValueError(f"padding must be 'valid' or 'same'. Received: padding={padding!r}")
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return type(self).pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)
