"""Functions on tensors, named and behaving as in `keras.ops`; each emits ONNX nodes.

Called on arrays they run at once, called on the tensors of a functional model they are recorded as
Keras records them, and called while a graph is being built they emit nodes.
"""

from portable_layers.ops import image, linalg
from portable_layers.ops.attention import dot_product_attention
from portable_layers.ops.bitwise import (
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    left_shift,
    right_shift,
)  # fmt: skip
from portable_layers.ops.comparison import (
    allclose,
    equal,
    greater,
    greater_equal,
    isclose,
    isfinite,
    isin,
    isinf,
    isnan,
    isneginf,
    isposinf,
    isreal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    nan_to_num,
    nonzero,
    not_equal,
    select,
    where,
)  # fmt: skip
from portable_layers.ops.control_flow import (
    associative_scan,
    cond,
    custom_gradient,
    fori_loop,
    map,
    scan,
    switch,
    vectorize,
    vectorized_map,
    while_loop,
)  # fmt: skip
from portable_layers.ops.convolution import conv, conv_transpose, depthwise_conv, separable_conv
from portable_layers.ops.core import (
    cast,
    convert_to_numpy,
    convert_to_tensor,
    dtype,
    is_keras_tensor,
    is_tensor,
    stop_gradient,
)  # fmt: skip
from portable_layers.ops.correlation import corrcoef, correlate
from portable_layers.ops.creation import (
    arange,
    array,
    copy,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    geomspace,
    identity,
    linspace,
    logspace,
    meshgrid,
    ones,
    ones_like,
    tri,
    vander,
    view,
    zeros,
    zeros_like,
)  # fmt: skip
from portable_layers.ops.ctc import ctc_decode, ctc_loss
from portable_layers.ops.cumulative import cumprod, cumsum, diff, trapezoid
from portable_layers.ops.diagonals import diag, diagflat, diagonal, trace, tril, triu
from portable_layers.ops.divisors import gcd, lcm
from portable_layers.ops.einops import rearrange
from portable_layers.ops.einsum import einsum
from portable_layers.ops.elementwise import (
    abs,
    absolute,
    add,
    cbrt,
    divide,
    divide_no_nan,
    fabs,
    floor_divide,
    fmax,
    fmin,
    fmod,
    heaviside,
    hypot,
    ldexp,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    nextafter,
    power,
    reciprocal,
    rsqrt,
    sqrt,
    square,
    subtract,
    true_divide,
)  # fmt: skip
from portable_layers.ops.encoding import multi_hot, one_hot
from portable_layers.ops.exponential import (
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    logsumexp,
)  # fmt: skip
from portable_layers.ops.indexing import get_item, slice, slice_update, take, take_along_axis, unravel_index
from portable_layers.ops.joining import (
    append,
    array_split,
    concatenate,
    dsplit,
    dstack,
    hsplit,
    hstack,
    split,
    stack,
    unstack,
    vsplit,
    vstack,
)  # fmt: skip
from portable_layers.ops.linalg import (
    cholesky,
    cholesky_inverse,
    det,
    eigh,
    inv,
    logdet,
    lstsq,
    lu_factor,
    matrix_rank,
    norm,
    pinv,
    qr,
    slogdet,
    solve,
    solve_triangular,
    svd,
)  # fmt: skip
from portable_layers.ops.losses import (
    binary_crossentropy,
    categorical_crossentropy,
    psnr,
    sparse_categorical_crossentropy,
)  # fmt: skip
from portable_layers.ops.namespaces import namespace as _namespace
from portable_layers.ops.nan_reduction import (
    nanargmax,
    nanargmin,
    nancumprod,
    nancumsum,
    nanmax,
    nanmean,
    nanmin,
    nanprod,
    nanstd,
    nansum,
    nanvar,
)  # fmt: skip
from portable_layers.ops.nn_activations import (
    celu,
    elu,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    prelu,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)  # fmt: skip
from portable_layers.ops.normalization import (
    batch_normalization,
    layer_normalization,
    normalize,
    rms_normalization,
)  # fmt: skip
from portable_layers.ops.padding import pad
from portable_layers.ops.patches import depth_to_space, fold, space_to_depth, unfold
from portable_layers.ops.pooling import adaptive_average_pool, adaptive_max_pool, average_pool, max_pool
from portable_layers.ops.products import cross, dot, inner, kron, matmul, outer, tensordot, vdot
from portable_layers.ops.quantiles import median, nanmedian, nanpercentile, nanquantile, percentile, quantile
from portable_layers.ops.reduction import (
    all,
    amax,
    amin,
    any,
    argmax,
    argmin,
    average,
    count_nonzero,
    max,
    mean,
    min,
    moments,
    prod,
    ptp,
    std,
    sum,
    var,
)  # fmt: skip
from portable_layers.ops.reordering import flip, fliplr, flipud, repeat, roll, rot90, tile
from portable_layers.ops.rounding import ceil, clip, floor, round, saturate_cast, sign, signbit, trunc
from portable_layers.ops.scatter import (
    scatter,
    scatter_update,
    segment_max,
    segment_min,
    segment_prod,
    segment_sum,
)  # fmt: skip
from portable_layers.ops.shaping import (
    broadcast_to,
    expand_dims,
    moveaxis,
    ndim,
    ravel,
    reshape,
    shape,
    size,
    squeeze,
    swapaxes,
    transpose,
)  # fmt: skip
from portable_layers.ops.signal import (
    cdist,
    extract_sequences,
    fft,
    fft2,
    ifft2,
    irfft,
    istft,
    rfft,
    stft,
    view_as_real,
)  # fmt: skip
from portable_layers.ops.sorting import (
    argpartition,
    argsort,
    bincount,
    digitize,
    histogram,
    in_top_k,
    searchsorted,
    sort,
    top_k,
    unique,
)  # fmt: skip
from portable_layers.ops.special import erf, erfc, erfinv, i0
from portable_layers.ops.trigonometry import (
    angle,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    conj,
    conjugate,
    cos,
    cosh,
    deg2rad,
    imag,
    rad2deg,
    real,
    sin,
    sinc,
    sinh,
    tan,
    tanh,
)  # fmt: skip
from portable_layers.ops.window_functions import bartlett, blackman, hamming, hanning, kaiser

hard_swish, swish = hard_silu, silu
nn, numpy = (_namespace(name, globals()) for name in ("nn", "numpy"))

__all__ = [n for n in dir() if not n.startswith("_") and callable(globals()[n])]
__all__ += ["nn", "numpy"]
