"""Merging by arithmetic: Add, Subtract, Multiply, Average, Maximum, Minimum, and their functional forms."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.merging.merge import _Merge, full_mask, reduce_masked, set_mask
from portable_layers.ops.elementwise import tensorflow_divide
from portable_layers.tensor import Tensor

_DTYPES = ("float16", "bfloat16", "float64", "mixed_float16")
_INTEGERS = Array((3, 4), dtype="int32", low=-9, high=9)


class Add(_Merge):
    __doc__ = f"The sum. {_Merge.__doc__}"
    cases = (
        case((3, 4), (3, 4), ops="Add", dtypes=_DTYPES),
        case((3, 4), (3, 1), (4,), ops="Unsqueeze Add Add"),
        case(_INTEGERS, _INTEGERS, ops="Add"),
        case(Array((None, 4), sizes=(3,)), (1, 4), ops="Add"),
        case((3, 4), as_list=True, ops="Identity"),
    )

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return _sum(inputs)


class Subtract(_Merge):
    __doc__ = f"The first input without the second. {_Merge.__doc__}"
    cases = (
        case((3, 4), (3, 4), ops="Sub", dtypes=_DTYPES),
        case((4,), (3, 4), ops="Unsqueeze Sub"),
        case(_INTEGERS, _INTEGERS, ops="Sub"),
    )

    def build(self, input_shape: Any) -> None:
        self.check_list(input_shape, 2)
        super().build(input_shape)

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return ops.subtract(inputs[0], inputs[1])


class Multiply(_Merge):
    __doc__ = f"The product of what the masks keep. {_Merge.__doc__}"
    cases = (
        case((3, 4), (3, 4), ops="Mul", dtypes=_DTYPES),
        case((3, 4), (3, 1), (4,), ops="Unsqueeze Mul Mul"),
        case(_INTEGERS, _INTEGERS, ops="Mul"),
    )

    def merge(self, inputs: list[Tensor]) -> Tensor:
        masks = [full_mask(x) for x in inputs]
        # What a mask drops is 1, so that the product is that of the rest.
        parts = [
            x if mask is None else ops.where(mask, x, ops.cast(1, x.dtype))
            for x, mask in zip(inputs, masks, strict=True)
        ]
        output = parts[0]
        for x in parts[1:]:
            output = ops.multiply(output, x)
        given = [mask for mask in masks if mask is not None]
        if len(given) == len(inputs):
            kept = given[0]
            for mask in given[1:]:
                kept = ops.logical_or(kept, mask)
            output = ops.where(kept, output, ops.cast(0, output.dtype))
            set_mask(output, kept)
        return output


class Average(_Merge):
    __doc__ = f"The mean. {_Merge.__doc__}"
    cases = (
        case((3, 4), (3, 4), ops="Add Div", dtypes=_DTYPES),
        case((3, 4), (3, 1), (4,), ops="Unsqueeze Add Add Div"),
        case(_INTEGERS, _INTEGERS, ops="Add Cast Div"),
    )

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return tensorflow_divide(_sum(inputs), len(inputs))


class Maximum(_Merge):
    __doc__ = f"The largest of what the masks keep. {_Merge.__doc__}"
    cases = (
        case((3, 4), (3, 4), ops="Max", dtypes=_DTYPES),
        case((3, 4), (3, 1), (4,), ops="Unsqueeze Max Max"),
        case(_INTEGERS, _INTEGERS, ops="Max"),
    )

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return reduce_masked(ops.maximum, inputs)


class Minimum(_Merge):
    __doc__ = f"The smallest of what the masks keep. {_Merge.__doc__}"
    cases = (
        case((3, 4), (3, 4), ops="Min", dtypes=_DTYPES),
        case((3, 4), (3, 1), (4,), ops="Unsqueeze Min Min"),
        case(_INTEGERS, _INTEGERS, ops="Min"),
    )

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return reduce_masked(ops.minimum, inputs)


def _sum(inputs: list[Tensor]) -> Tensor:
    total = inputs[0]
    for x in inputs[1:]:
        total = ops.add(total, x)
    return total


def add(inputs: Any, **kwargs: Any) -> Any:
    """`Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """`Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """`Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """`Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """`Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """`Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)
