"""Values of a config that JSON has no form for: arrays, slices, bytes and `...`, in Keras's form.

Each is `{"class_name": "__numpy__", "config": {...}}` or the like; arrays without axes are plain
numbers. The definition is `keras.saving.serialize_keras_object` of Keras 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from portable_layers.arrays import DTYPES, INTEGER_DTYPES, standardize_dtype
from portable_layers.errors import SerializationError

LAMBDA_REFUSED = (
    "Lambda code is refused: it is Python bytecode inside a config. "
    "Use a named function and register it under its name."
)


def serialize_leaf(value: Any) -> Any:
    """A value that holds no other: an array or NumPy number, dtype, bytes, `...` or one of JSON's own.

    Arrays keep their dtype; a dtype becomes its name (Keras has no form for it).

    Raises:
        SerializationError: anything else, and arrays of complex numbers, strings or objects.
    """
    if isinstance(value, np.ndarray | np.generic):
        return _serialize_array(value)
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return np.dtype(value).name
    if isinstance(value, bytes):
        return _marked("bytes", value=_decode(value))
    if value is Ellipsis:
        return _marked("ellipsis")
    if isinstance(value, str | int | float):
        return value
    raise SerializationError(
        f"Cannot serialize {value!r} of type {type(value).__name__}: it has no get_config()"
    )


def deserialize_value(config: Any) -> Any:
    """Plain values of a config: containers, arrays, slices, bytes, `...`; tuples come back as lists.

    A nested object's config is left as it is, for the class that takes it.

    Raises:
        SerializationError: a malformed value or code.
    """
    if isinstance(config, list | tuple):
        return [deserialize_value(x) for x in config]
    if not isinstance(config, Mapping):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: deserialize_value(value) for key, value in config.items()}
    name, inner = config["class_name"], config["config"]
    if name == "__lambda__":
        raise SerializationError(LAMBDA_REFUSED)
    if name not in _DECODERS:
        return config
    try:
        return _DECODERS[name](inner)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SerializationError(
            f"Malformed {name} value in a config: {error!r}. Received: {inner!r}"
        ) from error


def _marked(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": f"__{kind}__", "config": config}


def _serialize_array(array: np.ndarray | np.generic) -> Any:
    if array.dtype.name not in DTYPES:
        raise SerializationError(
            f"Cannot serialize an array of dtype {array.dtype}: JSON has no such numbers"
        )
    if array.ndim == 0:
        return array.item()
    return _marked("numpy", value=array.tolist(), dtype=array.dtype.name)


def _deserialize_array(inner: Mapping[str, Any]) -> np.ndarray:
    dtype = standardize_dtype(inner["dtype"])
    value = np.asarray(inner["value"])
    kinds = "iu" if dtype.name in INTEGER_DTYPES else "b" if dtype == np.bool_ else "biuf"
    if value.size and value.dtype.kind not in kinds:
        raise ValueError(f"the values are not {dtype.name}")
    array = value.astype(dtype)
    if dtype.name in INTEGER_DTYPES and not np.array_equal(array, value):
        raise ValueError(f"the values do not fit into {dtype.name}")
    return array


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SerializationError(f"Cannot serialize bytes that are not UTF-8 text: {data!r}") from error


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "__numpy__": _deserialize_array,
    "__tensor__": _deserialize_array,
    "__slice__": lambda x: slice(*(deserialize_value(x[key]) for key in ("start", "stop", "step"))),
    "__bytes__": lambda x: x["value"].encode("utf-8"),
    "__ellipsis__": lambda _: ...,
}
