"""Tables from keys to values: ONNX's LabelEncoder."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers.ops.dispatch import graph
from portable_layers.tensor import Tensor


def look_up(x: Tensor, keys: np.ndarray, values: np.ndarray, default: Any) -> Tensor:
    """The value of each element's key, `default` where there is none."""
    key_kind, value_kind = ("string" if a.dtype == object else "int64" for a in (keys, values))
    if not len(keys):  # an operator without keys is none; shapes alone are asked for
        keys, values = np.append(keys, "" if key_kind == "string" else 0), np.append(values, default)
    table: dict[str, Any] = {
        f"keys_{key_kind}s": keys.tolist(),
        f"values_{value_kind}s": values.tolist(),
        f"default_{value_kind}": default,
    }
    return graph().add("LabelEncoder", x, domain="ai.onnx.ml", spec=[(value_kind, x.shape)], **table)
