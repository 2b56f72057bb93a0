"""Rows of reductions, running sums, statistics and order."""

import numpy as np
from rows import X, bools, floats, ints, row

_F, _H, _D = floats(2, 3, 4), floats(2, 3, 4, dtype="float16"), floats(2, 3, 4, dtype="float64")
_I, _B = ints(2, 3, 4), bools(2, 3, 4)
_L = ints(2, 3, 4, dtype="int64")
_NARROW = ints(2, 3, 4, dtype="int8")
_UNSIGNED = ints(2, 3, 4, dtype="uint8", low=0, high=250)
_NAN = X(np.where(np.random.default_rng(5).uniform(size=(2, 3, 4)) < 0.3, np.nan, _F.array).astype("float32"))
_NAN.array[0, 0] = np.nan
_KINDS = (_F, _I, _NARROW, _UNSIGNED, _B, _H, _D, _L)
_NUMBERS = (_F, _I, _NARROW, _UNSIGNED, _L)
_AXES = ({"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (1, 2)}, {})


def _reductions(name, *kinds, **options):
    typed = [row(name, x, axis=1, note=str(x.array.dtype), **options) for x in kinds]
    return typed + [row(name, kinds[0], note=f"axes{i}", **axes, **options) for i, axes in enumerate(_AXES)]


_Q = np.array([0.1, 0.5, 0.93], "float32")
_SORTED = np.array([-2.0, -1.0, 0.0, 0.0, 1.5], "float32")

_B16 = floats(2, 3, 4, dtype="bfloat16")

ROWS = [
    *[
        row(name, _B16, axis=1, note="bfloat16", functional=False)
        for name in ("sum", "mean", "max", "var", "argmax", "cumsum", "sort")
    ],
    *_reductions("sum", *_KINDS),
    *_reductions("mean", *_KINDS),
    *_reductions("prod", *_NUMBERS, _B),
    row("prod", _F, axis=1, dtype="float32", note="dtype"),
    *_reductions("max", *_KINDS),
    row("max", _F, axis=1, initial=1.0, note="initial"),
    *_reductions("min", *_KINDS),
    row("min", _I, axis=1, initial=-3, note="initial int"),
    *_reductions("amax", _F, _I),
    *_reductions("amin", _F, _I),
    *_reductions("ptp", _F, _I),
    *_reductions("all", _B, _I),
    *_reductions("any", _B, _F),
    row("count_nonzero", _I),
    row("count_nonzero", _B, axis=1, note="bool"),
    *_reductions("var", _F, _D, _I, _H),
    *_reductions("std", _F, _D, _I),
    row("moments", _F, [1, 2]),
    row("moments", _H, [1], keepdims=True, note="half"),
    *[
        row(name, x, note=str(x.array.dtype), axis=1)
        for name in ("argmax", "argmin")
        for x in (_F, _I, _NARROW, _UNSIGNED, _H)
    ],
    row("argmax", _F),
    row("argmax", _F, keepdims=True, note="keepdims"),
    row("argmin", _F, axis=-1, keepdims=True, note="axis keepdims"),
    row("average", _F),
    row("average", _I, axis=1, note="int"),
    row("average", _F, axis=1, weights=floats(2, 3, 4, low=0.1, seed=3), note="weights"),
    row("average", _F, axis=1, weights=np.array([1.0, 2.0, 3.0], "float32"), note="weight vector"),
    # Without what is not a number.
    *_reductions("nanmax", _NAN, _I),
    *_reductions("nanmin", _NAN, _I),
    *_reductions("nansum", _NAN, _I, _B),
    *_reductions("nanmean", _NAN, _I),
    *_reductions("nanprod", _NAN, _I),
    *_reductions("nanvar", _NAN, _I),
    *_reductions("nanstd", _NAN),
    row("nanargmax", _NAN, axis=2),
    row("nanargmax", _I, axis=1, note="int"),
    row("nanargmin", _NAN, axis=2, keepdims=True),
    row("nancumsum", _NAN, axis=1),
    row("nancumprod", _NAN, axis=1),
    # Quantiles.
    row("median", _F, axis=1),
    row("median", _I, note="all"),
    row("median", _F, axis=(1, 2), keepdims=True, note="keepdims"),
    row("median", floats(2, 4, dtype="float16"), axis=1, note="half", tolerance=5e-3),
    *[row("quantile", _F, 0.3, axis=1, method=m, note=m) for m in ("linear", "lower", "higher", "nearest", "midpoint")],
    row("quantile", _F, _Q, axis=2, functional=False, note="vector"),
    row("quantile", _F, _Q, axis=[1, 2], keepdims=True, functional=False, note="vector keepdims"),
    row("quantile", _NAN, 0.5, axis=1, note="nan"),
    row("quantile", _F, 0.25, note="all"),
    row("quantile", _D, np.float64(0.3), axis=1, functional=False, note="float64"),
    row("percentile", _F, 30.0, axis=1),
    row("nanmedian", _NAN, axis=2, functional=False),
    row("nanquantile", _NAN, 0.3, axis=2, functional=False),
    row("nanquantile", _NAN, _Q, axis=[0, 2], functional=False, note="vector"),
    row("nanpercentile", _NAN, 30.0, axis=1, keepdims=True, functional=False),
    row("nanquantile", _NAN, 0.3, functional=False, note="all"),
    # Running sums.
    *[row("cumsum", x, axis=1, note=str(x.array.dtype)) for x in (_F, _I, _B, _NARROW, _UNSIGNED, _D)],
    row("cumsum", _F),
    row("cumsum", _I, axis=2, dtype="float32", note="dtype"),
    *[row("cumprod", x, axis=1, note=str(x.array.dtype)) for x in (_F, _I, _B, _D)],
    row("cumprod", _F),
    row("diff", _F),
    row("diff", _I, n=2, axis=1, note="twice"),
    row("diff", _B, axis=1, note="bool"),
    row("trapezoid", _F),
    row("trapezoid", _F, dx=0.5, axis=1, note="dx"),
    row("trapezoid", _F, x=np.array([0.0, 0.5, 2.0, 2.5], "float32"), functional=False, note="x"),
    row("trapezoid", _I, note="int"),
    # Order.
    *[row("sort", x, note=str(x.array.dtype)) for x in _KINDS],
    row("sort", _F, axis=1, note="axis"),
    row("sort", _F, axis=None, functional=False, note="flat"),
    *[row("argsort", x, note=str(x.array.dtype)) for x in (_F, _I, _UNSIGNED, _B)],
    row("argsort", _F, axis=1, note="axis"),
    row("argpartition", X(np.random.default_rng(0).permutation(9).astype("float32")), 3, static=True, tolerance=0),
    row("top_k", _F, 2),
    row("top_k", _I, 3, note="int"),
    row("in_top_k", ints(4, low=0, high=5), floats(4, 5), 2),
    row("searchsorted", _SORTED, floats(5), functional=False),
    row("searchsorted", _SORTED, floats(5), side="right", functional=False, note="right"),
    row("searchsorted", X(_SORTED), floats(5), static=True, note="static"),
    row("digitize", _F, np.array([-1.0, 0.0, 1.0])),
    row("digitize", _I, np.array([-1.0, 0.0, 1.0]), note="int"),
    row("unique", ints(9, low=0, high=4), functional=False),
    row("unique", floats(3), functional=False, note="float"),
    row(
        "unique", ints(9, low=0, high=4), return_index=True, return_inverse=True, return_counts=True,
        functional=False, note="all outputs",
    ),
    row("unique", ints(9, low=0, high=4), sorted=False, return_counts=True, functional=False, note="unsorted"),
    row("unique", ints(9, low=0, high=4), size=6, fill_value=-1, return_counts=True, functional=False, note="size"),
    row("unique", ints(6, 2, low=0, high=2), axis=0, return_inverse=True, functional=False, note="axis"),
    row("bincount", ints(9, low=0, high=4), functional=False),
    row("bincount", ints(2, 9, low=0, high=4), minlength=7, functional=False, note="minlength"),
    row("bincount", ints(9, low=0, high=4), weights=floats(9).array, functional=False, note="weights"),
    row("histogram", floats(40), functional=False),
    row("histogram", floats(40), bins=4, range=(-1.0, 1.0), functional=False, note="range"),
    row("corrcoef", floats(4, 9), static=True),
    row("corrcoef", ints(4, 9), static=True, note="int"),
    *[row("correlate", floats(9), floats(4, seed=1), mode=m, static=True, note=m) for m in ("valid", "same", "full")],
    row("correlate", ints(9), ints(4, seed=1), mode="full", static=True, note="int"),
]  # fmt: skip
