"""What all convolution layers share: the arguments that say where windows lie, and the bias."""

from __future__ import annotations

import inspect
from typing import Any

from portable_layers import regularizers
from portable_layers.layer import InputSpec, Layer
from portable_layers.ops.layout import standardize_data_format
from portable_layers.ops.windows import spread


class _WindowedLayer(Layer):
    """A layer over `rank` spatial axes; subclasses set `rank`."""

    rank: int
    # The values that padding may have.
    paddings: tuple[str, ...] = ("valid", "same")

    def _set_windows(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
    ) -> None:
        """Check these arguments and keep them in Keras's form."""
        self.kernel_size = spread(kernel_size, self.rank, "kernel_size")
        self.strides = spread(strides, self.rank, "strides")
        self.dilation_rate = spread(dilation_rate, self.rank, "dilation_rate")
        self.padding = padding.lower() if isinstance(padding, str) else padding
        if self.padding not in self.paddings:
            raise ValueError(
                f"padding must be one of {', '.join(self.paddings)}. Received: padding={padding!r}"
            )
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=self.rank + 2)

    def _check_positive(self, **sizes: Any) -> None:
        for name, size in sizes.items():
            if size is not None and (not isinstance(size, int) or size <= 0):
                raise ValueError(f"{name} must be a positive integer. Received: {name}={size!r}")

    def _check_strides_or_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "strides over 1 and dilation_rate over 1 exclude each other. "
                f"Received: strides={self.strides}, dilation_rate={self.dilation_rate}"
            )

    def _channels(self, input_shape: Any) -> int:
        """The input's channels, which `input_spec` then asks for.

        Raises:
            ValueError: for another rank, or channels that are not known.
        """
        axis = -1 if self.data_format == "channels_last" else 1
        if len(input_shape) != self.rank + 2 or input_shape[axis] is None:
            raise ValueError(
                f"layer {self.name} ({type(self).__name__}) takes an input of rank {self.rank + 2} with a "
                f"known number of channels. Received: shape={tuple(input_shape)}, data_format={self.data_format!r}"
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={axis: input_shape[axis]})
        return input_shape[axis]

    def _add_kernel(self, name: str, shape: tuple[int, ...], kind: str) -> Any:
        """A weight with the initializer, regularizer and constraint that are named after its kind."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    def _add_bias(self, size: int) -> Any:
        return self._add_kernel("bias", (size,), "bias") if self.use_bias else None

    @classmethod
    def upgrade_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        # Keras 2 derived all of these layers from Conv, and wrote its arguments where they mean nothing.
        inherited = {"groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"}
        taken = inspect.signature(cls.__init__).parameters
        return {k: v for k, v in config.items() if k in taken or k not in inherited}

    def get_config(self) -> dict[str, Any]:
        # Keras writes this key here also where it is None.
        regularizer = regularizers.serialize(self.activity_regularizer)
        return {**super().get_config(), "activity_regularizer": regularizer}
