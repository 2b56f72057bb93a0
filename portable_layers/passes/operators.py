"""Families of ONNX's operators that the schemas do not tell apart."""

from __future__ import annotations

# (EyeLike and LRN infer the same shape as these too, and are not elementwise.)
_UNARY = """
    Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast CastLike Ceil Celu Clip Cos Cosh DequantizeLinear
    Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not
    QuantizeLinear QuickGelu Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt
    Swish Tan Tanh ThresholdedRelu
"""
_BROADCASTING = """
    Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max
    Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor
"""
_RANDOM = """
    Bernoulli Dropout Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike
"""
# They compute each element from the one at its place in the first input; further inputs are scalars.
UNARY = frozenset(_UNARY.split())
# They broadcast their inputs together and compute each element from those at its place.
BROADCASTING = frozenset(_BROADCASTING.split())
# They give something else each time.
RANDOM = frozenset(_RANDOM.split())
# They give the elements of the first input in the order in which they lie in memory.
RESHAPING = frozenset(["Flatten", "Reshape", "Squeeze", "Unsqueeze"])
