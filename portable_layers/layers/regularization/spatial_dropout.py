"""SpatialDropout1D, 2D and 3D: whole feature maps left out in training."""

from __future__ import annotations

from typing import Any

from portable_layers.cases import case
from portable_layers.layer import InputSpec
from portable_layers.layers.regularization.dropout import Dropout
from portable_layers.ops.random import dropout


class _SpatialDropout(Dropout):
    """Dropout of whole feature maps; a rank's class says its number of spatial axes."""

    rank = 0

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                f"data_format must be 'channels_last' or 'channels_first'. Received: data_format={data_format!r}"
            )
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.data_format = data_format or "channels_last"
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def disturb(self, x: Any) -> Any:
        ones = (1,) * self.rank
        last = self.data_format == "channels_last"
        return dropout(
            x, self.rate, (None, *ones, None) if last else (None, None, *ones), self.seed_generator
        )

    def get_config(self) -> dict[str, Any]:
        # Keras leaves `trainable` out here and writes the dtype by its name.
        config = {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}
        return config if self.rank == 1 else {**config, "data_format": self.data_format}


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of `(batch, time, channels)`."""

    rank = 1
    cases = (case((3, 4), rate=0.5, ops="Identity"),)

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of `(batch, rows, cols, channels)`, or channels first."""

    rank = 2
    cases = (case((3, 4, 2), rate=0.5, data_format="channels_first", ops="Identity"),)


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of `(batch, dim1, dim2, dim3, channels)`, or channels first."""

    rank = 3
    cases = (case((3, 4, 2, 2), rate=0.5, seed=1, ops="Identity"),)
