"""AdditiveAttention: attention whose scores are sums of tanh (Bahdanau's)."""

from __future__ import annotations

from typing import Any

from portable_layers import ops
from portable_layers.cases import Array, case
from portable_layers.layers.attention.attention import Attention
from portable_layers.tensor import Tensor


class AdditiveAttention(Attention):
    """`softmax(sum(scale * tanh(query + key))) @ value`.

    Args:
        use_scale: whether there is a weight `scale` of the size of the features; else it is 1.
        dropout, seed: as for `Attention`.

    Input shape, output shape: as for `Attention`
    """

    cases = (
        case((5, 4), (3, 4), ops="Unsqueeze Unsqueeze Add Tanh MatMul Softmax MatMul",
             dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case(Array((None, 4), sizes=(5,)), Array((None, 6), sizes=(3,)), Array((None, 4), sizes=(3,)),
             use_scale=False, dropout=0.3, seed=2, call={"return_attention_scores": True},
             ops="Unsqueeze Unsqueeze Add Tanh ReduceSum Softmax MatMul"),
    )  # fmt: skip

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check_list(input_shape, "inputs")
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight(
                name="scale", shape=(input_shape[0][-1],), initializer="glorot_uniform", dtype=self.dtype
            )

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        x = ops.tanh(self._sums(query, key))
        # The product with a vector is the sum over the features, without a product of all of them.
        return ops.sum(x, axis=-1) if self.scale is None else ops.matmul(x, self.scale)

    def config_arguments(self) -> list[str]:
        return [*super().config_arguments(), "seed"]
