"""CategoryEncoding: numbers of known categories as vectors."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layer import Layer
from portable_layers.layers.preprocessing.categories import checked_output_mode, encode, sparse_reason

_MODES = ("one_hot", "multi_hot", "count")
_SCATTER = "GreaterOrEqual Less And Where"
_COUNT = f"{_SCATTER} Shape Concat Expand Concat Expand ScatterElements Slice"
# The size of a sample that is known only when the model runs is read once more.
_COUNT_ANY = _COUNT.replace("Concat Expand Scatter", "Shape Concat Expand Scatter")


class CategoryEncoding(Layer):
    """Category numbers as `one_hot` vectors, or all of a sample as one `multi_hot` or `count` vector.

    Args:
        num_tokens: how many categories there are; other numbers count for nothing.
        output_mode: `one_hot`, `multi_hot` or `count`.
        sparse: whether the output is sparse, which cannot be exported.

    Call arguments:
        inputs: the numbers.
        count_weights: what each number counts (mode `count` only), in the shape of the inputs.

    Input shape:  `(batch, sample)` or `(batch,)`
    Output shape: `(batch, num_tokens)`; `(batch, sample, num_tokens)` for `one_hot` and samples longer
        than 1
    """

    convert_inputs = False
    cases = (
        case(Array((3,), "int64", 0, 6), num_tokens=6, ops=_COUNT + " Greater Cast"),
        case(
            Array((3,), "int32", 0, 6), num_tokens=6, output_mode="one_hot", ops="Cast Unsqueeze Equal Cast"
        ),
        case(Array((1,), "int32", 0, 6), num_tokens=6, output_mode="one_hot", ops="Cast Equal Cast"),
        case(Array((None,), "int64", 0, 6), num_tokens=6, output_mode="count", ops=_COUNT_ANY),
    )

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.output_mode = checked_output_mode(output_mode, _MODES)
        if not isinstance(num_tokens, int) or num_tokens < 1:
            raise ValueError(f"num_tokens must be a positive integer. Received: num_tokens={num_tokens}")

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(
                    "count_weights is used only where output_mode is count. "
                    f"Received: output_mode={self.output_mode!r}"
                )
            count_weights = ops.cast(count_weights, self.compute_dtype)
        return encode(inputs, self.output_mode, self.num_tokens, self.dtype, count_weights)

    def unsupported_reason(self) -> str | None:
        return sparse_reason(self.sparse)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse"]  # Keras leaves it out
        return config
