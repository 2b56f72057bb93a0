"""Pooling of any rank (`keras.ops.nn`)."""

from __future__ import annotations

from typing import Any

from portable_layers.ops.dispatch import convert, graph, op
from portable_layers.ops.layout import channels_back, channels_first
from portable_layers.ops.windows import spread, window


@op("nn.MaxPool", "inputs")
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The largest element of each window; strides are the pool size by default."""
    return _pool("MaxPool", inputs, pool_size, strides, padding, data_format)


@op("nn.AveragePool", "inputs")
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The mean of each window; padding does not count."""
    return _pool("AveragePool", inputs, pool_size, strides, padding, data_format)


def _pool(
    op_type: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None
) -> Any:
    x = convert(inputs)
    data_format = data_format or "channels_last"
    rank = x.ndim - 2
    sizes = spread(pool_size, rank, "pool_size")
    strides = sizes if strides is None else spread(strides, rank, "strides")
    first = channels_first(x, data_format)
    where = window(first.shape[2:], sizes, strides, (1,) * rank, padding)
    y = graph().add(
        op_type,
        first,
        kernel_shape=sizes,
        strides=strides,
        shape=(*first.shape[:2], *where.output),
        **where.attributes,
    )
    return channels_back(y, data_format)
