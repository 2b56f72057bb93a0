"""BatchNormalization: each channel by its moving mean and variance."""

from __future__ import annotations

from typing import Any

import numpy as np

from portable_layers import dtypes, ops
from portable_layers.cases import case
from portable_layers.layer import InputSpec, Layer


class BatchNormalization(Layer):
    """`(x - moving_mean) / sqrt(moving_variance + epsilon) * gamma + beta` along an axis.

    In training the batch's own mean and variance take the place of the moving ones (unless the layer
    is not trainable), over the unmasked positions only; the moving ones are not updated by the graph.

    Input shape:  any, with a known size along `axis`
    Output shape: that of the input
    """

    cases = (
        case((4,), ops="BatchNormalization", dtypes=("float16", "bfloat16", "float64", "mixed_float16")),
        case((5, 6, 4), ops="Transpose BatchNormalization Transpose", epsilon=1e-2, momentum=0.5),
        case((4, 5, 6), axis=1, ops="BatchNormalization", scale=False),
        case((5, 4, 6), axis=2, ops="Transpose BatchNormalization Transpose", center=False),
        case((3, 5), axis=-2, ops="BatchNormalization", center=False, scale=False),
        case((4,), renorm=True, renorm_clipping={"rmax": 3.0}, ops="BatchNormalization"),
    )

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.axis, self.momentum, self.epsilon = int(axis), float(momentum), float(epsilon)
        self.renorm_clipping: Any = _checked_clipping(renorm_clipping or {}) if renorm else renorm_clipping
        self.supports_masking = True
        self.gamma = self.beta = None

    @classmethod
    def upgrade_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        # Keras 2 wrote the axis as a list of one, and options of its training kernel.
        if isinstance(config.get("axis"), list | tuple) and len(config["axis"]) == 1:
            config["axis"] = config["axis"][0]
        for key in ("fused", "virtual_batch_size", "adjustment"):
            config.pop(key, None)
        return config

    def build(self, input_shape: Any) -> None:
        size = input_shape[self.axis]
        if self.scale:
            self.gamma = self._add("gamma", size, self.gamma_initializer, True)
        if self.center:
            self.beta = self._add("beta", size, self.beta_initializer, True)
        self.moving_mean = self._add("moving_mean", size, self.moving_mean_initializer)
        self.moving_variance = self._add("moving_variance", size, self.moving_variance_initializer)
        if self.renorm:

            def stddev(shape: Any, dtype: Any = None) -> np.ndarray:
                return np.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

            self.moving_stddev = self._add("moving_stddev", size, stddev)
            self.renorm_mean = self._add("renorm_mean", size, self.moving_mean_initializer)
            self.renorm_stddev = self._add("renorm_stddev", size, stddev)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def _add(self, name: str, size: int, initializer: Any, trainable: bool = False) -> Any:
        regularizer, constraint = (
            getattr(self, f"{name}_{kind}") if trainable else None for kind in ("regularizer", "constraint")
        )
        return self.add_weight(
            (size,), initializer, None, trainable, False, regularizer, constraint, name=name
        )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if mask is not None and mask.ndim != inputs.ndim - 1:
            raise ValueError(
                f"the mask must have one axis less than the inputs. Received: mask={mask!r}, inputs={inputs!r}"
            )
        x = ops.cast(inputs, dtypes.result_type(inputs.dtype, "float32"))
        gamma, beta = self.gamma, self.beta
        if training and self.trainable:
            mean, variance = self._batch_moments(x, mask)
            if self.renorm:
                gamma, beta = self._renormed(mean, variance, x.dtype)
        else:
            mean, variance = (ops.cast(v, x.dtype) for v in (self.moving_mean, self.moving_variance))
        y = ops.batch_normalization(x, mean, variance, self.axis, beta, gamma, self.epsilon)
        return ops.cast(y, self.compute_dtype)

    def _batch_moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        axes = [a for a in range(x.ndim) if a != self.axis % x.ndim]
        if mask is None:
            return ops.moments(x, axes)
        kept = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), x.shape)
        count = ops.sum(ops.cast(kept, x.dtype), axes, keepdims=True) + 1e-7  # keras.config.epsilon()
        mean = ops.sum(ops.where(kept, x, 0.0), axes, keepdims=True) / count
        squares = ops.square(ops.where(kept, x - mean, 0.0))
        variance = ops.sum(squares, axes, keepdims=True) / count
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    def _renormed(self, mean: Any, variance: Any, dtype: str) -> tuple[Any, Any]:
        """Gamma and beta of batch renormalization: those of `(normal * r + d) * gamma + beta`."""
        floor = ops.cast(float(np.sqrt(self.epsilon)), dtype)
        stddev = ops.maximum(ops.cast(self.renorm_stddev, dtype), floor)
        r = ops.sqrt(variance + self.epsilon) / stddev
        d = (mean - ops.cast(self.renorm_mean, dtype)) / stddev
        low, high, reach = (self.renorm_clipping.get(k) for k in ("rmin", "rmax", "dmax"))
        r = r if low is None else ops.maximum(r, low)
        r = r if high is None else ops.minimum(r, high)
        d = d if reach is None else ops.clip(d, -float(reach), float(reach))
        if self.gamma is not None:
            r, d = r * ops.cast(self.gamma, dtype), d * ops.cast(self.gamma, dtype)
        return r, d if self.beta is None else d + ops.cast(self.beta, dtype)


def _checked_clipping(clipping: dict[str, float]) -> dict[str, float]:
    unknown = clipping.keys() - {"rmax", "rmin", "dmax"}
    if unknown:
        raise ValueError(f"renorm_clipping takes rmax, rmin and dmax. Received: {clipping}")
    rmax, rmin, dmax = (clipping.get(k) for k in ("rmax", "rmin", "dmax"))
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(
            f"rmax must not be below rmin in renorm_clipping. Received: rmax={rmax}, rmin={rmin}"
        )
    if dmax is not None and dmax < 0:
        raise ValueError(f"dmax must not be negative in renorm_clipping. Received: dmax={dmax}")
    return clipping
