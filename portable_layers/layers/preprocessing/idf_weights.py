"""The weights of mode `tf_idf`: how much each index of a vocabulary counts."""

from __future__ import annotations

import numpy as np

from portable_layers.variable import Variable


class IdfWeights:
    """The weight of each index: a variable that a `.keras` file holds and that is no weight of the layer."""

    def __init__(self) -> None:
        self._variable: Variable | None = None

    def set(self, values: np.ndarray) -> None:
        self._variable = Variable(values, dtype="float32", trainable=False, name="idf_weights")

    def values(self) -> np.ndarray | None:
        return None if self._variable is None else self._variable.numpy()

    def variable(self, depth: int) -> Variable:
        if self._variable is None or self._variable.shape != (depth,):
            self.set(np.zeros(depth, np.float32))
        assert self._variable is not None
        return self._variable
