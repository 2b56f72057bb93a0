"""Rows of neural network functions, losses, signals, segments and loops."""

import numpy as np
from rows import X, bools, floats, ints, row, values

_F, _H = floats(2, 3, 4, low=-3, high=3), floats(2, 3, 4, dtype="float16")
_D = floats(2, 3, 4, dtype="float64")
_P = X(np.random.default_rng(0).dirichlet([1.0] * 4, (2, 3)).astype("float32"))
_T = X(np.random.default_rng(1).dirichlet([1.0] * 4, (2, 3)).astype("float32"))
_IMAGE = floats(2, 6, 8, 4)
_FIRST = floats(2, 4, 6, 8)
_SIGNAL = floats(2, 40)


def _attention(**options):
    q, k, v = (floats(2, n, h, 8, seed=s) for n, h, s in ((5, 4, 0), (6, 2, 1), (6, 2, 2)))
    return row("dot_product_attention", q, k, v, **options)


ROWS = [
    *[
        row(name, x, note=str(x.array.dtype))
        for name in (
            "relu", "relu6", "sigmoid", "sparse_sigmoid", "softplus", "softsign", "soft_shrink", "sparse_plus",
            "silu", "squareplus", "log_sigmoid", "leaky_relu", "hard_sigmoid", "hard_silu", "hard_tanh",
            "tanh_shrink", "elu", "selu", "celu", "gelu", "glu", "hard_shrink", "softmax", "log_softmax", "sparsemax",
        )
        for x in (_F, _H, _D)
    ],
    *[
        row(name, floats(2, 3, 4, dtype="bfloat16"), note="bfloat16", functional=False)
        for name in ("relu", "sigmoid", "softplus", "gelu", "elu", "softmax", "silu")
    ],
    row("swish", _F), row("hard_swish", _F),
    row("relu", ints(2, 3), note="int"),
    row("threshold", _F, 0.5, -1.0),
    row("soft_shrink", _F, 0.3, note="threshold"),
    row("elu", _F, alpha=0.3, note="alpha"),
    row("celu", _F, alpha=0.3, note="alpha"),
    row("gelu", _F, approximate=False, note="exact"),
    row("gelu", _D, approximate=False, note="exact float64"),
    row("glu", _F, axis=-1, note="axis"),
    row("softmax", _F, axis=None, note="all"),
    row("softmax", _F, axis=(1, 2), note="axes", functional=False),
    row("sparsemax", _F, axis=1, note="axis"),
    # Pooling and patches.
    row("max_pool", _IMAGE, 2),
    row("max_pool", _IMAGE, (2, 3), strides=1, padding="SAME", note="same"),
    row("average_pool", _IMAGE, 2, padding="same"),
    *[
        row(name, x, size, note=f"{x.array.ndim}{size}")
        for name in ("adaptive_max_pool", "adaptive_average_pool")
        for x, size in ((floats(2, 7, 3), (3,)), (_IMAGE, (4, 3)), (_IMAGE, (2, 2)), (floats(2, 4, 5, 6, 2), (2, 3, 4)))
    ],
    row("adaptive_average_pool", _FIRST, (4, 4), data_format="channels_first", note="first"),
    row("conv", _IMAGE, floats(3, 3, 4, 2, seed=1).array, padding="same"),
    row("conv", floats(2, 9, 4), floats(3, 4, 2, seed=1).array, strides=2, note="1D"),
    row("depthwise_conv", _IMAGE, floats(3, 3, 4, 2, seed=1).array),
    row("separable_conv", _IMAGE, floats(3, 3, 4, 2, seed=1).array, floats(1, 1, 8, 3, seed=2).array),
    row("conv_transpose", _IMAGE, floats(3, 3, 2, 4, seed=1).array, strides=2),
    row("unfold", _FIRST, (2, 3), functional=False),
    row("unfold", _FIRST, 3, dilation=2, padding=1, stride=2, note="options", functional=False),
    row("fold", floats(2, 12, 5 * 6), (6, 7), 2),
    row("fold", floats(2, 8, 12), (6, 5), 2, padding=1, stride=2, note="options"),
    row("depth_to_space", _IMAGE, 2),
    row("depth_to_space", _FIRST, 2, data_format="channels_first", note="first"),
    row("space_to_depth", _IMAGE, 2),
    row("space_to_depth", _FIRST, 2, data_format="channels_first", note="first"),
    # Normalization.
    row("batch_normalization", _F, floats(4, seed=1).array, floats(4, low=0.5, seed=2).array, -1,
        offset=floats(4, seed=3).array, scale=floats(4, seed=4).array),
    row("layer_normalization", _F, floats(4, seed=1).array, floats(4, seed=2).array),
    row("rms_normalization", _F, scale=floats(4, seed=1).array),
    row("normalize", _F),
    row("normalize", _F, axis=1, order=1, note="order 1"),
    row("normalize", _F, order=3, note="order 3"),
    # Classes and losses.
    row("one_hot", ints(2, 3, low=-1, high=6), 5),
    row("one_hot", ints(2, 3, low=0), 5, axis=1, dtype="int32", note="axis"),
    row("one_hot", ints(2, 3, low=0), 5, dtype="bool", note="bool"),
    row("multi_hot", ints(2, 3, low=0), 6),
    row("multi_hot", ints(2, 3, low=0), 6, dtype="bool", note="bool"),
    *[row("binary_crossentropy", _T, x, from_logits=b, note=str(b)) for x, b in ((_P, False), (_F, True))],
    *[row("categorical_crossentropy", _T, x, from_logits=b, note=str(b)) for x, b in ((_P, False), (_F, True))],
    row("categorical_crossentropy", _T, _P, axis=1, note="axis"),
    *[
        row("sparse_categorical_crossentropy", ints(2, 3, low=0, high=4), x, from_logits=b, note=str(b))
        for x, b in ((_P, False), (_F, True))
    ],
    row("sparse_categorical_crossentropy", ints(2, 3, 1, low=0, high=4), _P, note="column"),
    row("psnr", _P, _T, 1.0),
    row("ctc_loss", ints(3, 4, low=1, high=6), floats(3, 9, 6), values(4, 2, 3, dtype="int32"),
        values(9, 8, 5, dtype="int32")),
    row("ctc_loss", values([1, 1, 2, 0], [3, 3, 3, 3], dtype="int32"), floats(2, 9, 6), values(3, 4, dtype="int32"),
        values(9, 9, dtype="int32"), mask_index=5, note="repeated"),
    row("ctc_decode", X(np.random.default_rng(0).normal(size=(3, 9, 4)).astype("float32")),
        values(9, 5, 7, dtype="int32")),
    row("ctc_decode", X(np.random.default_rng(0).normal(size=(3, 9, 4)).astype("float32")),
        values(9, 5, 7, dtype="int32"), merge_repeated=False, mask_index=3, note="kept"),
    # Attention.
    _attention(),
    _attention(is_causal=True, note="causal"),
    _attention(mask=bools(2, 1, 5, 6), scale=0.5, note="mask", functional=False),
    _attention(bias=floats(2, 4, 5, 6, seed=7), note="bias"),
    # Signals.
    row("fft", (_SIGNAL, floats(2, 40, seed=1))),
    row("fft", (floats(9), floats(9, seed=1)), static=True, note="vector"),
    row("fft2", (floats(2, 6, 5), floats(2, 6, 5, seed=1))),
    row("ifft2", (floats(2, 6, 5), floats(2, 6, 5, seed=1))),
    row("rfft", _SIGNAL),
    row("rfft", _SIGNAL, fft_length=32, note="cut"),
    row("rfft", _SIGNAL, fft_length=45, note="filled"),
    row("irfft", (floats(2, 9), floats(2, 9, seed=1))),
    row("irfft", (floats(2, 9), floats(2, 9, seed=1)), fft_length=15, note="odd"),
    row("stft", _SIGNAL, 8, 4, 8, tolerance=2e-5),
    row("stft", _SIGNAL, 7, 3, 10, window="hamming", center=False, note="options", tolerance=2e-5),
    row("istft", (floats(2, 6, 5), floats(2, 6, 5, seed=1)), 8, 4, 8, tolerance=2e-5),
    row("istft", (floats(2, 6, 5), floats(2, 6, 5, seed=1)), 8, 3, 8, length=12, center=False, note="length",
        tolerance=2e-5),
    row("extract_sequences", _SIGNAL, 8, 3),
    row("view_as_real", _SIGNAL),
    row("cdist", floats(2, 3, 4), floats(2, 5, 4, seed=1)),
    # Segments.
    *[
        row(name, x, X(np.array([0, 2, 0, 3, 2], "int32")), num_segments=5, static=True, note=str(x.array.dtype))
        for name in ("segment_sum", "segment_max", "segment_min", "segment_prod")
        for x in (floats(5, 3), ints(5, 2))
    ],
    *[
        row(name, floats(5, 3), X(np.array([0, 0, 1, 1, 2], "int32")), note="count", functional=False)
        for name in ("segment_sum", "segment_max", "segment_min", "segment_prod")
    ],
    *[
        row(name, floats(5), X(np.array([0, 0, 2, 2, 3], "int32")), sorted=True, note="sorted", functional=False)
        for name in ("segment_sum", "segment_max", "segment_min", "segment_prod")
    ],
    # Loops over functions: a config has no form for those without a registered name.
    row("cond", X(np.array(True)), lambda: np.float32(1.0), lambda: np.float32(2.0), functional=False),
    row("switch", 1, [lambda x: x + 1, lambda x: x * 2, lambda x: x], floats(3).array, functional=False),
    row("while_loop", lambda i, x: i < 5, lambda i, x: (i + 1, x * 2), (np.int32(0), floats(3).array),
        functional=False),
    row("fori_loop", 1, 4, lambda i, x: x * 2, floats(3).array, functional=False),
    row("map", lambda x: x * x + 1, floats(4, 3).array, functional=False),
    row("vectorized_map", lambda x: x * x + 1, floats(4, 3).array, functional=False),
    row("scan", lambda c, x: (c + x, c * x), floats(3).array, floats(4, 3, seed=1).array, functional=False),
    row("scan", lambda c, x: (c + x, c * x), floats(3).array, floats(4, 3, seed=1).array, reverse=True,
        functional=False, note="reverse"),
    row("associative_scan", lambda a, b: a + b, floats(5, 3).array, functional=False),
    row("associative_scan", lambda a, b: a * b, floats(2, 5).array, reverse=True, axis=1, functional=False,
        note="reverse"),
]  # fmt: skip
