"""Hashing and HashedCrossing: values, and combinations of values, as numbers of bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.layer import Layer
from portable_layers.layers.preprocessing.categories import (
    check_sparse,
    checked_output_mode,
    encode,
    sparse_reason,
)
from portable_layers.layers.preprocessing.fingerprints import HASHED_STRINGS, bucket, crossed, hashable
from portable_layers.ops.dispatch import cast_to, graph
from portable_layers.ops.shaping import squeeze


class Hashing(Layer):
    """The hash of each element modulo `num_bins`: of its string (FarmHash64), or with a salt (SipHash).

    Integers can be exported; strings cannot: no operator gives TensorFlow's hashes of them.

    Args:
        num_bins: how many bins there are, that of the mask included.
        mask_value: what goes into bin 0, which nothing else goes into then.
        salt: one or two integers, the key of SipHash64.
        output_mode: `int` (int64), `one_hot`, `multi_hot` or `count` (float32).
        sparse: whether the output is sparse, which cannot be exported.

    Input shape:  any; integers, strings, or floats, which are rounded towards 0
    Output shape: that of the input (`int`), else see `CategoryEncoding`
    """

    convert_inputs = False

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else "float32"
        super().__init__(**kwargs)
        if not isinstance(num_bins, int) or num_bins <= 0:
            raise ValueError(f"num_bins must be a positive integer. Received: num_bins={num_bins}")
        if output_mode == "int" and self.dtype_policy.name not in ("int32", "int64"):
            raise ValueError(
                "dtype must be int32 or int64 where output_mode is int. "
                f"Received: dtype={self.dtype_policy.name}"
            )
        self.output_mode = checked_output_mode(output_mode)
        check_sparse(sparse, self.output_mode)
        self.salt = checked_salt(salt)
        # Only a call tells what is hashed.
        self._hashes_strings = False

    def call(self, inputs: Any) -> Any:
        x = inputs
        self._hashes_strings = self._hashes_strings or x.dtype == "string"
        if self.output_mode == "one_hot" and x.ndim and x.shape[-1] == 1:
            x = squeeze(x, -1)
        bins, masked = self.num_bins, None
        if self.mask_value is not None and bins > 1:
            bins -= 1
            value = np.asarray(self.mask_value, dtypes.to_numpy(x.dtype))
            masked = graph().add("Equal", x, value)
        if dtypes.is_float(x.dtype):
            x = cast_to(x, "int64")
        if not hashable(x.dtype):
            raise TypeError(f"layer {self.name} hashes integers, floats and strings. Received: {x!r}")
        places = bucket(x, bins, self.salt)
        if masked is not None:
            one, zero = np.asarray(1, np.int64), np.asarray(0, np.int64)
            places = graph().add("Where", masked, zero, graph().add("Add", places, one))
        return encode(places, self.output_mode, self.num_bins, self.dtype)

    def unsupported_reason(self) -> str | None:
        if self._hashes_strings:
            return HASHED_STRINGS
        return sparse_reason(self.sparse)


class HashedCrossing(Layer):
    """The hash of two or more features together, modulo `num_bins`.

    Integers can be exported; strings cannot: no operator gives TensorFlow's hashes of them.

    Args:
        num_bins: how many bins there are.
        output_mode: `int` or `one_hot`.
        sparse: whether the output is sparse, which cannot be exported.

    Input shape:  a list of `(batch,)` or `(batch, 1)`; integers or strings
    Output shape: that of one input (`int`), or `(batch, num_bins)`
    """

    convert_inputs = False

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        if output_mode == "int" and dtype is None:
            dtype = "int64"
        super().__init__(name=name, dtype=dtype)
        self.output_mode = checked_output_mode(output_mode, ("int", "one_hot"))
        self._hashes_strings = False

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise ValueError(f"layer {self.name} must be called on a list of two inputs or more")
        first = inputs[0]
        if first.ndim > 2 or (first.ndim == 2 and first.shape[-1] != 1):
            raise ValueError(
                f"inputs of {self.name} must be of shape (batch,) or (batch, 1). Received: {first!r}"
            )
        for x in inputs:
            if x.ndim != first.ndim or not hashable(x.dtype):
                raise ValueError(
                    f"inputs of {self.name} must be integers or strings of one shape. Received: {inputs!r}"
                )
        self._hashes_strings = self._hashes_strings or any(x.dtype == "string" for x in inputs)
        return encode(crossed(inputs, self.num_bins), self.output_mode, self.num_bins, self.compute_dtype)

    def unsupported_reason(self) -> str | None:
        return HASHED_STRINGS if self._hashes_strings else sparse_reason(self.sparse)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {k: v for k, v in config.items() if k != "trainable"} | {"dtype": self.dtype}


def checked_salt(salt: Any) -> list[int] | None:
    """The key of SipHash as two numbers.

    Raises:
        ValueError: for anything but one or two integers.
    """
    if salt is None:
        return None
    if isinstance(salt, int):
        return [salt, salt]
    if isinstance(salt, list | tuple) and len(salt) == 2:
        return list(salt)
    raise ValueError(f"salt must be one or two integers. Received: salt={salt!r}")
