"""`Input` and `InputLayer`: where a functional model starts."""

from __future__ import annotations

from typing import Any

from portable_layers import dtypes
from portable_layers.dims import Dim, Shape
from portable_layers.layer import Layer
from portable_layers.operation import Node
from portable_layers.tensor import KerasTensor


class InputLayer(Layer):
    """The start of a functional model; its output is the model's input.

    Args:
        shape: sizes without the batch; None for a size known only when the model runs.
        batch_size: the batch's size where it is fixed.
        dtype: Keras dtype name.
        batch_shape: the whole shape, in place of `shape` and `batch_size`.
        optional: whether None may be passed.
        sparse, ragged: not of use in ONNX; True is refused.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
    ):
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        if sparse or ragged:
            raise ValueError("sparse and ragged inputs have no counterpart in ONNX")
        if batch_shape is None:
            if shape is None:
                raise ValueError("Input needs a shape or a batch_shape")
            sizes = (shape,) if isinstance(shape, int) else tuple(shape)
            batch_shape = (batch_size, *sizes)
        elif shape is not None:
            raise ValueError("Input takes either shape or batch_shape, not both")
        for n in batch_shape:
            if n is not None and (not isinstance(n, int) or n < 0):
                raise ValueError(
                    f"an input's sizes must be non-negative integers or None. Received: {batch_shape}"
                )
        super().__init__(name=name)
        self.batch_shape = tuple(batch_shape)
        self._dtype = dtypes.standardize(dtype or "float32")
        self.sparse, self.ragged, self.optional = bool(sparse), bool(ragged), optional
        self.supports_masking = True
        self.built = True
        self._path = self.name
        tensor = KerasTensor(name_dims(self.batch_shape, self.name), self._dtype, name=self.name)
        Node(self, (), {}, [tensor])

    def call(self) -> Any:
        raise TypeError("an input layer is not called")

    @property
    def dtype(self) -> str:
        return self._dtype

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
            "optional": self.optional,
        }

    @classmethod
    def upgrade_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        if "batch_input_shape" in config:
            config["batch_shape"] = config.pop("batch_input_shape")
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = config["dtype"]["config"]["name"]
        return config

    def get_build_config(self) -> None:
        return None


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """The symbolic input of a functional model; the arguments are those of `InputLayer`."""
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        name=name,
        input_tensor=tensor,
        optional=optional,
    )
    return layer._inbound_nodes[0].outputs[0]


# What an unknown size is called, by the rank of the input and the axis.
_NAMES = {3: ("time",), 4: ("height", "width"), 5: ("depth", "height", "width")}


def name_dims(shape: tuple[int | None, ...], input_name: str) -> Shape:
    """A shape with a named dim for each None.

    All inputs share `batch`. Other sizes may differ from input to input, so they carry the input's
    name: `in0/height`.
    """
    names = _NAMES.get(len(shape), ())
    # Channels first puts the spatial axes last.
    offset = 2 if len(shape) > 3 and shape[-1] is None and shape[1] is not None else 1
    sizes: list[Any] = []
    for axis, n in enumerate(shape):
        if n is not None:
            sizes.append(n)
        elif axis == 0:
            sizes.append(Dim.named("batch"))
        else:
            place = axis - offset
            label = names[place] if 0 <= place < len(names) else f"axis{axis}"
            sizes.append(Dim.named(f"{input_name}/{label}"))
    return tuple(sizes)
