"""Rows of the functions that work element by element."""

import numpy as np
from rows import X, bools, floats, ints, row, values

_F, _H, _D = floats(2, 3), floats(2, 3, dtype="float16"), floats(2, 3, dtype="float64")
_I, _B = ints(2, 3), bools(2, 3)
_L = ints(2, 3, dtype="int64")
_NARROW = ints(2, 3, dtype="int8")
_UNSIGNED = ints(2, 3, dtype="uint8", low=0, high=250)
_OTHER = floats(2, 3, seed=1)
_SPECIAL = values([np.nan, np.inf, -np.inf], [0.0, -0.0, 1.5])


def _of_kinds(name, *kinds, **options):
    return [row(name, x, note=str(x.array.dtype), **options) for x in kinds]


_UNIT, _UNIT64 = floats(2, 3, low=-1, high=1), floats(2, 3, low=-1, high=1, dtype="float64")
_ABOVE, _ABOVE64 = floats(2, 3, low=0.1, high=5), floats(2, 3, low=0.1, high=5, dtype="float64")
_SMALL = values([1e-6, -1e-6, 1e-3], [-0.5, 0.5, 3.0])
_SMALL64 = values([1e-9, -1e-9, 1e-3], [-0.5, 0.5, 3.0], dtype="float64")
_ARC = values([0.0, -0.0, 1.0], [-1.0, np.inf, -2.0])
_ARC2 = values([0.0, -1.0, -0.0], [0.0, np.inf, 2.0])

_B16 = floats(2, 3, dtype="bfloat16")

ROWS = [
    *[
        row(name, _B16, note="bfloat16", functional=False)
        for name in ("exp", "sin", "sign", "square", "floor", "isnan", "negative")
    ],
    *[
        row(name, _B16, floats(2, 3, dtype="bfloat16", seed=1), note="bfloat16", functional=False)
        for name in ("add", "maximum", "less", "divide")
    ],
    # Arithmetic.
    row("add", _F, _OTHER),
    row("add", _F, 2, note="weak"),
    row("add", _H, 2.5, note="weak half"),
    row("add", _NARROW, _UNSIGNED, note="int8 and uint8"),
    row("add", _I, _F, note="int and float"),
    row("add", _F, floats(3, seed=2), note="broadcast"),
    row("subtract", _F, _OTHER),
    row("subtract", _UNSIGNED, ints(2, 3, dtype="uint8", low=0, high=250, seed=3), note="uint8 wraps"),
    row("multiply", _F, _OTHER),
    row("multiply", _NARROW, ints(2, 3, dtype="int8", low=-100, high=100), note="int8 wraps"),
    row("multiply", _D, _F, note="float64"),
    row("divide", _F, _OTHER),
    row("divide", _I, 3, note="int"),
    row("true_divide", _L, _I, functional=False, note="int64"),
    row("true_divide", _F, _OTHER),
    row("divide_no_nan", _F, values([0.0, 1.0, 2.0])),
    row("divide_no_nan", _I, values(0, 1, 2, dtype="int32"), note="int"),
    row("floor_divide", _F, _OTHER),
    row("floor_divide", _I, values(3, -2, 5, dtype="int32"), note="int"),
    row("floor_divide", _UNSIGNED, 7, note="uint8"),
    row("mod", _F, _OTHER),
    row("mod", _I, values(3, -2, 5, dtype="int32"), note="int"),
    row("mod", _F, 0.7, note="scalar"),
    row("mod", _H, 0.5, note="scalar with half"),
    row("mod", values(5.0, -5.0, 5.5), values(-2.5, 2.5, -2.0), note="signs"),
    row("fmod", _F, _OTHER),
    row("fmod", _I, values(3, -2, 5, dtype="int32"), note="int"),
    row("fmod", _UNSIGNED, values(3, 2, 5, dtype="uint8"), note="uint8"),
    row("power", _ABOVE, _OTHER),
    row("power", _I, 2, note="int"),
    row("power", _F, 2, note="weak"),
    row("power", _UNSIGNED, values(1, 2, 3, dtype="uint8"), note="uint8"),
    row("maximum", _F, _OTHER),
    row("maximum", _I, 0, note="int"),
    row("maximum", _NARROW, values(1, 2, 3, dtype="int8"), note="int8"),
    row("minimum", _F, _OTHER),
    row("minimum", _H, 0.5, note="half"),
    row("fmax", _SPECIAL, values([1.0, np.nan, np.nan], [np.nan, 2.0, -1.0])),
    row("fmax", _I, 1, note="int"),
    row("fmin", _SPECIAL, values([1.0, np.nan, np.nan], [np.nan, 2.0, -1.0])),
    *_of_kinds("negative", _F, _H, _I, _NARROW),
    *_of_kinds("absolute", _F, _I, _NARROW, _UNSIGNED, _B),
    *_of_kinds("abs", _F, _I),
    *_of_kinds("fabs", _F, _I, _H, _B),
    *_of_kinds("square", _F, _I, _B, _NARROW),
    *_of_kinds("sqrt", _ABOVE, _ABOVE64, ints(2, 3, low=0)),
    row("sqrt", ints(2, 3, low=0, dtype="int64"), note="int64"),
    *_of_kinds("cbrt", _F, _D, _I, _L),
    row("rsqrt", _ABOVE),
    *_of_kinds("reciprocal", _ABOVE, _ABOVE64),
    row("hypot", _F, _OTHER),
    row("hypot", _L, ints(2, 3, dtype="int64", seed=4), note="int64"),
    row("hypot", values(0.0, 3e30, 1.0), values(0.0, 4e30, 0.0), note="range"),
    row("heaviside", values(-1.0, 0.0, 2.0), values(0.5, 0.25, 0.75)),
    row("heaviside", _I, ints(2, 3, seed=4), note="int"),
    row("ldexp", _F, _I),
    row("nextafter", _F, _OTHER),
    row("nextafter", _D, floats(2, 3, dtype="float64", seed=1), note="float64"),
    row("gcd", ints(2, 3, low=-30, high=60), ints(2, 3, low=-30, high=60, seed=1)),
    row(
        "gcd",
        ints(2, 3, low=0, high=60, dtype="uint8"),
        values(4, 6, 0, dtype="uint8"),
        functional=False,
        note="uint8",
    ),
    row("lcm", ints(2, 3, low=-30, high=60), ints(2, 3, low=-30, high=60, seed=1)),
    # Exponentials.
    *_of_kinds("exp", _F, _D, _I, _B, _H),
    *_of_kinds("exp2", _F, _D, _I),
    *_of_kinds("expm1", _F, _SMALL, _SMALL64, _I),
    *_of_kinds("log", _ABOVE, _ABOVE64, ints(2, 3, low=1)),
    row("log1p", _SMALL),
    row("log1p", _SMALL64, note="float64"),
    row("log1p", values(np.inf, -1.0, 1e30), note="limits"),
    row("log2", _ABOVE),
    row("log10", _ABOVE),
    row("log10", ints(2, 3, low=1, dtype="int64"), note="int64"),
    row("logaddexp", _F, _OTHER),
    row("logaddexp", values(np.inf, -np.inf, 800.0), values(np.inf, -np.inf, -800.0), note="limits"),
    row("logaddexp2", _F, _OTHER),
    row("logaddexp2", _I, ints(2, 3, seed=3), note="int"),
    row("logsumexp", _F),
    row("logsumexp", _F, axis=1, keepdims=True, note="axis"),
    row("logsumexp", values([-np.inf, -np.inf], [1000.0, 1000.0]), axis=-1, note="limits"),
    # Trigonometry.
    *_of_kinds("sin", _F, _D, _I, _L, _H),
    *_of_kinds("cos", _F, _D, _I),
    *_of_kinds("tan", _UNIT, _UNIT64, _I),
    *_of_kinds("sinc", _F, _D, _I),
    *_of_kinds("arcsin", _UNIT, _UNIT64),
    *_of_kinds("arccos", _UNIT, _UNIT64),
    row("arccos", values(-1.0, 0.0, 1.0, dtype="float64"), note="ends"),
    *_of_kinds("arctan", _F, _D, _I),
    row("arctan", values(np.inf, -np.inf, -0.0, 1e300, dtype="float64"), note="limits"),
    row("arctan2", _F, _OTHER),
    row("arctan2", _D, floats(2, 3, dtype="float64", seed=1), note="float64"),
    row("arctan2", _ARC, _ARC2, note="signs"),
    row("arctan2", X(_ARC.array.astype("float64")), X(_ARC2.array.astype("float64")), note="signs float64"),
    row("arctan2", _I, ints(2, 3, seed=2), note="int"),
    *_of_kinds("sinh", _F, _D),
    *_of_kinds("cosh", _F, _D),
    *_of_kinds("tanh", _F, _D, _I),
    *_of_kinds("arcsinh", _F, _D),
    *_of_kinds("arccosh", floats(2, 3, low=1, high=4), floats(2, 3, low=1, high=4, dtype="float64")),
    *_of_kinds(
        "arctanh", floats(2, 3, low=-0.9, high=0.9), floats(2, 3, low=-0.9, high=0.9, dtype="float64")
    ),
    *_of_kinds("deg2rad", _F, _I, _L),
    *_of_kinds("rad2deg", _F, _I, _L),
    row("angle", _F),
    row("real", _F),
    row("imag", _F),
    row("conj", _F),
    row("conjugate", _F),
    # Rounding.
    *_of_kinds("floor", _F, _D, _I, _L),
    *_of_kinds("ceil", _F, _D, _I, _L),
    *_of_kinds("trunc", _F, _I),
    *_of_kinds("round", values(0.5, 1.5, -0.5, 2.3), _I),
    row("round", _F, 2, note="decimals"),
    row("round", ints(2, 3, low=0, high=999), -2, note="int decimals"),
    *_of_kinds("sign", _F, _I, _NARROW, _UNSIGNED),
    *_of_kinds("signbit", _SPECIAL, _I, _B, _NARROW),
    row("clip", _F, -0.5, 0.5),
    row("clip", _I, -1, 2, note="int"),
    row("clip", _B, 0, 1, note="bool"),
    row("clip", _NARROW, -1, 2, note="int8"),
    row("clip", _F, np.array([-1.0, 0.0, -0.5], "float32"), 0.5, functional=False, note="vector"),
    row("saturate_cast", values(-300.0, 3.7, 300.0), "uint8"),
    row("saturate_cast", values(-300.0, 3.7, 3e38), "float16", note="float16"),
    row("saturate_cast", values(-300, 3, 300, dtype="int32"), "int8", note="int"),
    row("nan_to_num", _SPECIAL),
    row("nan_to_num", _SPECIAL, nan=2.0, posinf=3.0, neginf=-4.0, note="values"),
    row("nan_to_num", _I, note="int"),
    # Bits.
    row("bitwise_and", _I, ints(2, 3, seed=1)),
    row("bitwise_and", _UNSIGNED, ints(2, 3, dtype="uint8", low=0, high=250, seed=1), note="uint8"),
    row("bitwise_or", _I, ints(2, 3, seed=1)),
    row("bitwise_xor", _L, ints(2, 3, seed=1, dtype="int64")),
    *_of_kinds("bitwise_not", _I, _UNSIGNED, _NARROW),
    row("bitwise_invert", _I),
    row("bitwise_left_shift", _I, ints(2, 3, low=0, high=5)),
    row("bitwise_left_shift", _UNSIGNED, 3, note="uint8"),
    row("left_shift", _NARROW, ints(2, 3, low=0, high=5, dtype="int8")),
    row("bitwise_right_shift", _I, ints(2, 3, low=0, high=5)),
    row("right_shift", ints(2, 3, low=-9, high=90), 2),
    # Special functions.
    *_of_kinds("erf", _F, _D, _H),
    *_of_kinds("erfc", floats(2, 3, low=-5, high=5), floats(2, 3, low=-5, high=5, dtype="float64")),
    *_of_kinds("erfinv", _UNIT, _UNIT64),
    row("erfinv", values(-1.0, 1.0, 0.0, 0.9999), note="ends"),
    *_of_kinds(
        "i0",
        floats(2, 3, low=-10, high=10),
        floats(2, 3, low=-10, high=10, dtype="float64"),
        _I,
        tolerance=1e-5,
    ),
    # Comparison and logic.
    *[
        row(n, _I, ints(2, 3, seed=1))
        for n in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
    ],
    *[row(n, _H, 0.5, note="half") for n in ("equal", "less", "greater_equal")],
    row("equal", _B, bools(2, 3, seed=1), note="bool"),
    row("less", _UNSIGNED, _NARROW, note="uint8 and int8"),
    *[row(n, _B, bools(2, 3, seed=1)) for n in ("logical_and", "logical_or", "logical_xor")],
    row("logical_and", _F, _I, note="numbers"),
    *_of_kinds("logical_not", _B, _I),
    row("isclose", _F, floats(2, 3)),
    row("isclose", _SPECIAL, _SPECIAL, equal_nan=True, note="nan"),
    row("isclose", _I, ints(2, 3, seed=1), note="int"),
    row("isclose", _F, _OTHER, 0.5, 0.1, note="tolerances"),
    row("allclose", _F, floats(2, 3), functional=False),
    row("allclose", _SPECIAL, _SPECIAL, equal_nan=True, note="nan", functional=False),
    *[row(n, _SPECIAL) for n in ("isnan", "isinf", "isfinite", "isposinf", "isneginf")],
    *[row(n, _I, note="int", functional=False) for n in ("isnan", "isinf", "isfinite")],
    *[row(n, _I, note="int") for n in ("isposinf", "isneginf")],
    row("isreal", _F),
    row("isin", _I, np.array([1, 2, 3], "int32"), functional=False),
    row("isin", _I, np.array([1, 2, 3], "int32"), invert=True, note="invert", functional=False),
    row("where", _B, _F, _OTHER),
    row("where", _B, _F, 0.0, note="scalar"),
    row("where", _B, _I, 0, note="int"),
    row("where", _B, bools(2, 3, seed=4), bools(2, 3, seed=5), note="bool"),
    row("where", _B, _UNSIGNED, _NARROW, note="narrow"),
    row("where", _B, functional=False, note="alone"),
    row("nonzero", _I, functional=False),
    row("select", [_B, bools(2, 3, seed=1)], [_F, _OTHER], 0.0),
]
