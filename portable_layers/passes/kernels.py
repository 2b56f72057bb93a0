"""Operators for which ONNX Runtime's CPU provider has no kernel of a dtype, said by others that it has.

ONNX Runtime widens float16 by itself; it has no kernels that compute in bfloat16, and lacks some of
float64. A bfloat16 node is computed in float32 and rounded, as Keras does on a CPU. A float64 node
is rewritten exactly where a formula says it; the few that no formula says are computed in float32.
The sets were read off ONNX Runtime 1.31 by loading each operator alone.

Zero padding in front of MaxPool gets a form that ONNX Runtime leaves alone: its PadFusion moves the
zeros into the pads of MaxPool, where they count as minus infinity (seen up to 1.31), so that windows
of negative values come out wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from portable_layers import dtypes
from portable_layers.graph import Graph
from portable_layers.tensor import Tensor

# What runs in bfloat16: the operators that only move elements, and casts.
_BFLOAT16 = frozenset(
    "Identity IsInf IsNaN Flatten Shape Transpose Concat Gather GatherElements GatherND ScatterND "
    "ScatterElements Slice Split Squeeze Unsqueeze Reshape Cast CastLike LayerNormalization "
    "Scan Loop If".split()
)
# What does not run in float64.
_NO_FLOAT64 = frozenset(
    "Acos Acosh Asin Asinh Atan Atanh Celu Cosh Det Elu Erf Gelu HardSigmoid HardSwish Hardmax LeakyRelu "
    "Mish Selu Sinh Softplus Softsign Tan ThresholdedRelu NonZero Mean PRelu OneHot Conv ConvTranspose "
    "AveragePool GlobalAveragePool GlobalMaxPool InstanceNormalization GroupNormalization Resize RNN "
    "RandomNormalLike RandomUniformLike Bernoulli QuantizeLinear".split()
)


def run(graph: Graph) -> bool:
    """Rewrite nodes without a kernel; True where there were some."""
    changed = False
    while True:
        # A formula may use an operator that needs a rewrite itself.
        rewritten = [_run_once(part) for part in graph.graphs()]
        if not any(rewritten):
            return changed
        changed = True


def _run_once(graph: Graph) -> bool:
    changed = False
    for node in list(graph.nodes):
        if node.domain:
            continue
        if node.op_type == "Pad" and any(n.op_type == "MaxPool" for n, _ in node.outputs[0].uses()):
            changed |= _protect_padding(graph, node)
            continue
        kinds = {graph.tensor_of(v).dtype for v in (*node.inputs, *node.outputs) if v is not None}
        if "bfloat16" in kinds and node.op_type not in _BFLOAT16:
            _widen(graph, node, "bfloat16")
            changed = True
        elif "float64" in kinds and node.op_type in _NO_FLOAT64:
            formula = _FORMULAS.get(node.op_type)
            if formula is None:
                _widen(graph, node, "float64")
            else:
                _rewrite(graph, node, formula)
            changed = True
    return changed


def _protect_padding(graph: Graph, pad: Any) -> bool:
    """Say a constant Pad so that ONNX Runtime does not fuse it: with axes, or with a zero that is
    known only at run time where the opset has no axes."""
    x, amounts, filling, axes = [
        *(None if v is None else graph.tensor_of(v) for v in pad.inputs), None, None
    ][:4]  # fmt: skip
    constant = graph.attribute(pad, "mode", "constant") == "constant"
    if axes is not None or not constant or x is None or amounts is None or amounts.constant is None:
        return False
    if filling is not None and filling.constant is None:
        return False
    old = graph.tensor_of(pad.outputs[0])
    with graph.inserting_before(pad), graph.scope(pad.name):
        if graph.opset >= 18:
            # All axes, in order: ONNX Runtime permutes pads as if there were no axes when it moves a
            # Transpose across.
            new = graph.add("Pad", x, amounts, filling, np.arange(x.ndim), shape=old.shape)
        else:
            first = graph.add("Slice", graph.add("Reshape", x, np.array([-1])), np.array([0]), np.array([1]))
            nan = graph.add("IsNaN", first)
            never = graph.add("And", nan, graph.add("Not", nan))
            zero = graph.add("Squeeze", graph.add("Cast", never, to=dtypes.to_onnx(x.dtype)), np.array([0]))
            if filling is not None:
                zero = graph.add("Add", zero, filling)
            new = graph.add("Pad", x, amounts, zero, shape=old.shape)
        graph.replace_uses(old, new)
    graph.remove(pad)
    return True


def _widen(graph: Graph, node: Any, dtype: str) -> None:
    """Compute a node in float32 between casts."""
    wide = dtypes.to_onnx("float32")
    with graph.inserting_before(node), graph.scope(node.name):
        inputs = []
        for value in node.inputs:
            tensor = None if value is None else graph.tensor_of(value)
            if tensor is not None and tensor.dtype == dtype:
                tensor = graph.add("Cast", tensor, to=wide)
            inputs.append(tensor)
        attributes = {name: attribute.value for name, attribute in node.attributes.items()}
        if attributes.get("dtype") == dtypes.to_onnx(dtype):  # of random numbers
            attributes["dtype"] = wide
        old = [graph.tensor_of(v) for v in node.outputs]
        made = graph.add(
            node.op_type,
            *inputs,
            outputs=len(old),
            shape=old[0].shape if len(old) == 1 else None,
            **attributes,
        )
        for before, after in zip(old, [made] if isinstance(made, Tensor) else made, strict=True):
            if before.dtype == dtype:
                after = graph.add("Cast", after, to=dtypes.to_onnx(dtype))
            graph.replace_uses(before, after)
    graph.remove(node)


def _rewrite(graph: Graph, node: Any, formula: Callable[..., Tensor]) -> None:
    """Put a formula in the place of a node of one output."""
    with graph.inserting_before(node), graph.scope(node.name):
        inputs = [None if v is None else graph.tensor_of(v) for v in node.inputs]
        attributes = {name: attribute.value for name, attribute in node.attributes.items()}
        graph.replace_uses(graph.tensor_of(node.outputs[0]), formula(graph, *inputs, **attributes))
    graph.remove(node)


# Formulas in float64, with the operators' default attributes.


def _number(value: float) -> np.ndarray:
    return np.asarray(value, np.float64)


def _above(g: Graph, x: Tensor) -> Tensor:
    return g.add("Max", x, _number(0))


def _below(g: Graph, x: Tensor) -> Tensor:
    return g.add("Min", x, _number(0))


def _leaky_relu(g: Graph, x: Tensor, alpha: float = 0.01) -> Tensor:
    return g.add("Add", _above(g, x), g.add("Mul", _below(g, x), _number(alpha)))


def _prelu(g: Graph, x: Tensor, slope: Tensor) -> Tensor:
    return g.add("Add", _above(g, x), g.add("Mul", _below(g, x), slope))


def _elu(g: Graph, x: Tensor, alpha: float = 1.0) -> Tensor:
    curve = g.add("Sub", g.add("Exp", _below(g, x)), _number(1))
    return g.add("Add", _above(g, x), g.add("Mul", curve, _number(alpha)))


def _celu(g: Graph, x: Tensor, alpha: float = 1.0) -> Tensor:
    curve = g.add("Sub", g.add("Exp", g.add("Div", _below(g, x), _number(alpha))), _number(1))
    return g.add("Add", _above(g, x), g.add("Mul", curve, _number(alpha)))


def _selu(
    g: Graph, x: Tensor, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805
) -> Tensor:
    return g.add("Mul", _elu(g, x, alpha), _number(gamma))


def _hard_sigmoid(g: Graph, x: Tensor, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    line = g.add("Add", g.add("Mul", x, _number(alpha)), _number(beta))
    return g.add("Clip", line, _number(0), _number(1))


def _hard_swish(g: Graph, x: Tensor) -> Tensor:
    return g.add("Mul", x, _hard_sigmoid(g, x, 1 / 6, 0.5))


def _softplus(g: Graph, x: Tensor) -> Tensor:
    # log(1 + exp(x)) without overflow.
    tail = g.add("Log", g.add("Add", g.add("Exp", g.add("Neg", g.add("Abs", x))), _number(1)))
    return g.add("Add", _above(g, x), tail)


def _mish(g: Graph, x: Tensor) -> Tensor:
    return g.add("Mul", x, g.add("Tanh", _softplus(g, x)))


def _softsign(g: Graph, x: Tensor) -> Tensor:
    return g.add("Div", x, g.add("Add", g.add("Abs", x), _number(1)))


def _thresholded_relu(g: Graph, x: Tensor, alpha: float = 1.0) -> Tensor:
    return g.add("Where", g.add("Greater", x, _number(alpha)), x, _number(0))


def _gelu(g: Graph, x: Tensor, approximate: str = "none") -> Tensor:
    if approximate == "tanh":
        cube = g.add("Mul", g.add("Mul", x, x), x)
        inner = g.add("Add", x, g.add("Mul", cube, _number(0.044715)))
        curve = g.add("Tanh", g.add("Mul", inner, _number(math.sqrt(2 / math.pi))))
    else:
        curve = g.add("Erf", g.add("Mul", x, _number(math.sqrt(0.5))))
    return g.add("Mul", g.add("Mul", x, _number(0.5)), g.add("Add", curve, _number(1)))


def _tan(g: Graph, x: Tensor) -> Tensor:
    return g.add("Div", g.add("Sin", x), g.add("Cos", x))


def _sinh(g: Graph, x: Tensor) -> Tensor:
    both = g.add("Sub", g.add("Exp", x), g.add("Exp", g.add("Neg", x)))
    return g.add("Mul", both, _number(0.5))


def _cosh(g: Graph, x: Tensor) -> Tensor:
    both = g.add("Add", g.add("Exp", x), g.add("Exp", g.add("Neg", x)))
    return g.add("Mul", both, _number(0.5))


def _global_pool(op_type: str) -> Callable[..., Tensor]:
    def formula(g: Graph, x: Tensor) -> Tensor:
        axes = np.arange(2, x.ndim, dtype=np.int64)
        if g.opset >= 18:
            return g.add(op_type, x, axes, keepdims=1)
        return g.add(op_type, x, axes=axes.tolist(), keepdims=1)

    return formula


_FORMULAS: dict[str, Callable[..., Tensor]] = {
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Elu": _elu,
    "Celu": _celu,
    "Selu": _selu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Softplus": _softplus,
    "Mish": _mish,
    "Softsign": _softsign,
    "ThresholdedRelu": _thresholded_relu,
    "Gelu": _gelu,
    "Tan": _tan,
    "Sinh": _sinh,
    "Cosh": _cosh,
    "GlobalAveragePool": _global_pool("ReduceMean"),
    "GlobalMaxPool": _global_pool("ReduceMax"),
}
