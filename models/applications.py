"""Networks of `keras.applications` with seeded weights, for parity tests and benchmarks."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

# At least these are held to Keras's numbers; the rest is covered by `benchmarks/export.py --all`.
NETWORKS = (
    "MobileNet", "MobileNetV2", "MobileNetV3Small", "ResNet50", "ResNet50V2", "DenseNet121",
    "EfficientNetB0", "EfficientNetV2B0", "InceptionV3", "InceptionResNetV2", "Xception", "VGG16",
    "NASNetMobile", "ConvNeXtTiny",
)  # fmt: skip


def build(name: str, size: int | None = None) -> Any:
    """A live Keras network with seeded random weights and non-trivial batch-norm statistics.

    Args:
        name: as in `keras.applications`.
        size: height and width of the input; the network's own by default. Other sizes come without
            the classifier, which some networks tie to their own size, but with its pooling.
    """
    import keras

    keras.utils.set_random_seed(0)
    keras.utils.clear_session()
    constructor = getattr(keras.applications, name)
    if size is None:
        model = constructor(weights=None)
    else:
        model = constructor(weights=None, input_shape=(size, size, 3), include_top=False, pooling="avg")
    rng = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable, low, high in ((layer.moving_mean, -0.1, 0.1), (layer.moving_variance, 0.8, 1.2)):
                variable.assign(rng.uniform(low, high, variable.shape).astype("float32"))
        elif isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            layer.adapt_mean.assign(rng.uniform(-1, 1, layer.adapt_mean.shape).astype("float32"))
            layer.adapt_variance.assign(rng.uniform(0.5, 2, layer.adapt_variance.shape).astype("float32"))
            layer.finalize_state()
    return model


def all_networks() -> list[str]:
    """Every network of `keras.applications`."""
    import keras

    return [n for n, f in vars(keras.applications).items() if inspect.isfunction(f)]
