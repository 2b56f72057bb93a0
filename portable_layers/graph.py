"""The strict graph builder: every node is checked against ONNX when it is made.

The only module that imports onnx_ir. `Graph.add` makes a node and answers with symbolic tensors; a
wrong operator, attribute, type or shape raises `GraphError` at that line, with the layer's path and
the operands. Passes edit the finished graph through the methods at the end of the class.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from portable_layers import dtypes, schema
from portable_layers.dims import Dim, PartialShape, Shape, Size
from portable_layers.errors import GraphError
from portable_layers.graph_bodies import Bodies
from portable_layers.graph_sizes import Sizes
from portable_layers.packing import Packing
from portable_layers.tensor import Tensor, shape_text
from portable_layers.variable import Variable

# The newest opset for which ONNX Runtime (1.24 and later) has kernels of all operators that the
# layers use; from 25 on it lacks Swish.
DEFAULT_OPSET = 24
# The newest opset in which ONNX Runtime draws random numbers; graphs for training have it.
TRAINING_OPSET = 21
OLDEST_OPSET = 17
NEWEST_OPSET = min(26, onnx.defs.onnx_opset_version())
# Larger constants are not worth being shown to shape inference.
_MAX_INFERENCE_DATA = 64

_active = threading.local()


@dataclass(eq=False)
class State:
    """What a layer keeps from one run to the next.

    Attributes:
        owner: the layer.
        name: which of its states.
        label: the layer's path and the name.
        start: the input that it comes in by.
        now: its value after the calls so far.
        end: the name of the output that it leaves by, once the graph is finished.
    """

    owner: Any
    name: str
    label: str
    start: Tensor
    now: Tensor = field(init=False)
    end: str | None = None

    def __post_init__(self) -> None:
        self.now = self.start


def current_graph() -> Graph | None:
    """The graph that is being built in this thread, or None."""
    stack = getattr(_active, "graphs", None)
    return stack[-1] if stack else None


class Graph(Sizes, Bodies):
    """A graph under construction; a subgraph body when it has a parent.

    Args:
        opset: version of the ONNX operator set, 17 to 26.
        name: the graph's name in the file.
        parent: the graph whose tensors a body may use too.
        training: layers that act otherwise in training (dropout) are built active.
        scratch: the graph only finds out shapes and is thrown away.

    Raises:
        GraphError: for an opset that is not in that range.
    """

    def __init__(
        self,
        opset: int = DEFAULT_OPSET,
        name: str = "model",
        parent: Graph | None = None,
        training: bool = False,
        scratch: bool = False,
    ):
        if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
            raise GraphError(f"opset must be from {OLDEST_OPSET} to {NEWEST_OPSET}. Received: {opset}")
        self.opset, self.name, self.parent = opset, name, parent
        self.training: bool = parent.training if parent else training
        # Whether `training` was asked for, which counts more than what a model recorded of its layers.
        self.training_said: bool = parent.training_said if parent else False
        self.scratch: bool = parent.scratch if parent else scratch
        self.root: Graph = parent.root if parent else self
        self.ir_version = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", opset)])
        self.nodes: Any = ir.Graph([], [], nodes=[], name=name)
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self._sizes: dict[Dim, Tensor] = {}
        self._insert_before: Any = None
        self.autocast: str | None = parent.autocast if parent else None
        # The bodies that nodes of this graph have as attributes, by node.
        self._bodies: dict[Any, list[Graph]] = {}
        if parent is None:
            self.domains: dict[str, int] = {"": opset}
            self.dims: dict[Dim, tuple[Tensor, int]] = {}
            # Values that a run must give beside the outputs, e.g. for the losses of layers.
            self.probes: list[tuple[Any, Tensor]] = []
            # What stateful layers keep between runs, by layer and name.
            self.states: dict[tuple[int, str], State] = {}
            self.tensors: dict[Any, Tensor] = {}
            self._names: dict[str, int] = {}
            self._scopes: list[str] = []
            self._constants: dict[Any, Tensor] = {}
            self._weights: dict[int, Tensor] = {}
            self._texts: dict[str, Dim] = {}

    # Building

    def __enter__(self) -> Graph:
        if not hasattr(_active, "graphs"):
            _active.graphs = []
        _active.graphs.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        _active.graphs.pop()

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Nodes that are made inside are named `name/...`."""
        self.root._scopes.append(name)
        try:
            yield
        finally:
            self.root._scopes.pop()

    @property
    def path(self) -> str:
        """The path of the layer that is being built."""
        return "/".join(self.root._scopes)

    def unique_name(self, name: str) -> str:
        """`name`, or `name_1`, ... when it is taken; names are unique in the whole model."""
        names = self.root._names
        if name not in names:
            names[name] = 0
            return name
        while True:
            names[name] += 1
            candidate = f"{name}_{names[name]}"
            if candidate not in names:
                names[candidate] = 0
                return candidate

    def input(self, name: str, dtype: str, shape: Sequence[Size]) -> Tensor:
        """Add a graph input; each named dim that is new gets its run-time size from here."""
        tensor = self._make_tensor(self._value(self.unique_name(name), dtype, shape), dtype, tuple(shape))
        self.nodes.inputs.append(tensor.value)
        self.inputs.append(tensor)
        self._register_dims(tensor)
        return tensor

    def state(self, owner: Any, name: str, dtype: str, shape: Sequence[Size]) -> Tensor:
        """What a layer keeps from one run to the next: an input `layer/name_in`, zero at first.

        Asked for again in the same graph, it is what `keep` was last given.
        """
        states, key = self.root.states, (id(owner), name)
        if key not in states:
            label = f"{self.path}/{name}"
            states[key] = State(owner, name, label, self.root.input(f"{label}_in", dtype, shape))
        return states[key].now

    def keep(self, owner: Any, name: str, tensor: Tensor) -> None:
        """Say what a state becomes.

        Raises:
            GraphError: inside of a body, whose tensors are not there when the run ends.
        """
        if self.parent is not None:
            raise GraphError(f"{self.path}: a stateful layer cannot be called once a step of a loop")
        self.root.states[id(owner), name].now = tensor

    def output_states(self) -> None:
        """Make outputs `layer/name_out` of all states; called after the model's own outputs."""
        for state in self.root.states.values():
            state.end = self.output(state.now, f"{state.label}_out").value.name

    def output(self, tensor: Tensor, name: str) -> Tensor:
        """Make a tensor an output of the graph under this name (or `name_1` where it is taken)."""
        self._check_reachable(tensor, f"output {name}")
        producer = tensor.value.producer()
        if producer is None or tensor.value.is_graph_output() or tensor.graph is not self:
            # An input, a weight or an output that is there already cannot take another name.
            tensor = self.add("Identity", tensor)
        tensor.value.name = self.unique_name(name)
        self.nodes.outputs.append(tensor.value)
        self.outputs.append(tensor)
        return tensor

    def constant(self, value: Any, dtype: str | None = None, name: str | None = None) -> Tensor:
        """A constant tensor; equal small constants are shared."""
        array = np.asarray(value, dtype=None if dtype is None else dtypes.to_numpy(dtype))
        if array.dtype.kind in "US":
            array = array.astype(object)
        dtype = dtypes.standardize(array.dtype)
        root = self.root
        key = None
        if array.size <= 1024:
            content: Any = tuple(array.ravel()) if dtype == "string" else array.tobytes()
            key = (dtype, array.shape, content)
            if key in root._constants:
                return root._constants[key]
        if name is None:
            shown = array.size <= 8 and dtype != "string"
            text = np.array2string(array, separator=",", threshold=8).replace("\n", "") if shown else ""
            name = f"const/{dtype}/{text}" if shown else f"{self.path or 'const'}/constant"
        ir_tensor = _ir_tensor(array, dtype)
        ir_value = self._value(self.unique_name(name), dtype, array.shape)
        ir_value.const_value = ir_tensor
        tensor = root._make_tensor(ir_value, dtype, array.shape, constant=array)
        if key is not None:
            root._constants[key] = tensor
        return tensor

    def variable(self, variable: Variable) -> Tensor:
        """The variable as a tensor, an initializer named by its path."""
        root = self.root
        if id(variable) not in root._weights:
            root._weights[id(variable)] = self.weight(Packing.of(variable))
        return root._weights[id(variable)]

    @contextmanager
    def replacing(self, variable: Variable, tensor: Tensor) -> Iterator[None]:
        """Inside, the variable stands for another tensor, e.g. a normalized kernel."""
        weights, own = self.root._weights, self.variable(variable)
        weights[id(variable)] = tensor
        try:
            yield
        finally:
            weights[id(variable)] = own

    def weight(self, packing: Packing) -> Tensor:
        """A rearrangement of variables as an initializer; evaluated when the file is written.

        It is named when the graph is finished: after the variable, where no other one is.
        """
        root = self.root
        ir_value = self._value(None, packing.dtype, packing.shape)
        number = ir.DataType(dtypes.to_onnx(packing.dtype))
        ir_value.const_value = ir.LazyTensor(
            lambda: _ir_tensor(np.ascontiguousarray(packing.numpy()), packing.dtype),
            number,
            ir.Shape(packing.shape),
        )
        return root._make_tensor(ir_value, packing.dtype, packing.shape, packing=packing)

    def as_tensor(self, x: Any, dtype: str | None = None) -> Tensor:
        """A tensor of this graph from a tensor, a variable, or anything that NumPy takes.

        A variable is cast to the compute dtype of the layer that is being built, where that is
        another one. `dtype` is for what is no tensor yet.
        """
        if isinstance(x, Tensor):
            self._check_reachable(x, "operand")
            return x
        if isinstance(x, Variable):
            return self.autocast_weight(self.variable(x), x)
        if isinstance(x, Dim):
            return self.size(x)
        if isinstance(x, list | tuple) and any(isinstance(n, Dim | Tensor) for n in x):
            return self.shape_tensor(x)
        return self.constant(x, dtype)

    def autocast_weight(self, tensor: Tensor, variable: Variable) -> Tensor:
        """A tensor made of a variable, in the compute dtype of the layer that is being built."""
        wanted = self.autocast
        if wanted and variable.autocast and dtypes.is_float(variable.dtype) and variable.dtype != wanted:
            return self.add("Cast", tensor, to=dtypes.to_onnx(wanted))
        return tensor

    def add(
        self,
        op_type: str,
        *inputs: Any,
        domain: str = "",
        outputs: int = 1,
        spec: Sequence[tuple[str, PartialShape]] | None = None,
        shape: PartialShape | None = None,
        **attributes: Any,
    ) -> Any:
        """Make a node.

        Args:
            op_type: the operator's name.
            inputs: tensors, variables or arrays; None leaves an optional input out.
            domain: empty for ONNX's own operators, `com.microsoft`, `ai.onnx.ml`, ...
            outputs: how many outputs are wanted.
            spec: dtype and shape of each output, for operators that ONNX has no inference for
                (those of `com.microsoft`, Loop, Scan, If).
            shape: what the caller knows of the shape of the only output; merged with what
                inference finds.
            attributes: by ONNX's names; None leaves one out.

        Returns:
            The output tensor, or a tuple of them where `outputs` is more than 1.

        Raises:
            GraphError: with the layer's path, the operator, its operands and the reason.
        """
        operands: list[Tensor | None] = []
        try:
            operands = [None if x is None else self.as_tensor(x) for x in inputs]
            while operands and operands[-1] is None:
                operands.pop()
            types, converted = self._check(op_type, domain, operands, outputs, spec, attributes)
            node_name = self.unique_name(f"{self.path}/{op_type}" if self.path else op_type)
            names = [node_name, *(f"{node_name}:{index}" for index in range(1, outputs))]
            known = shape if outputs == 1 else None
            shapes = [self._merge(found, known, n) for (_, found), n in zip(types, names, strict=True)]
        except GraphError as error:
            raise GraphError(self._describe(op_type, domain, operands, attributes, str(error))) from None
        values = [self._value(n, d, s) for n, (d, _), s in zip(names, types, shapes, strict=True)]
        node = ir.Node(
            domain,
            op_type,
            [None if t is None else t.value for t in operands],
            [_ir_attribute(name, kind, value) for name, (kind, value) in converted.items()],
            outputs=values,
            name=node_name,
        )
        bodies = [value for value in attributes.values() if isinstance(value, Graph)]
        if bodies:
            self._bodies[node] = bodies
        if self._insert_before is None:
            self.nodes.append(node)
        else:
            self.nodes.insert_before(self._insert_before, node)
        tensors = []
        for value, (dtype, _), sizes in zip(values, types, shapes, strict=True):
            tensor = self._make_tensor(value, dtype, sizes)
            self._register_dims(tensor)
            tensors.append(tensor)
        return tensors[0] if outputs == 1 else tuple(tensors)

    # Subgraphs

    def body(self, name: str) -> Graph:
        """An empty subgraph; while it is entered, nodes go into it and may use outer tensors."""
        return Graph(self.opset, self.unique_name(f"{self.path}/{name}" if self.path else name), parent=self)

    # Editing, for passes

    def tensor_of(self, value: Any) -> Tensor:
        """The tensor of a value of the intermediate representation."""
        return self.root.tensors[value]

    @contextmanager
    def inserting_before(self, node: Any) -> Iterator[None]:
        """Nodes that are made inside come right before `node`."""
        previous, self._insert_before = self._insert_before, node
        try:
            with self:
                yield
        finally:
            self._insert_before = previous

    def graphs(self) -> Iterator[Graph]:
        """The graph itself, and the bodies of its nodes with theirs."""
        yield self
        for bodies in list(self._bodies.values()):
            for body in bodies:
                yield from body.graphs()

    def bodies_of(self, node: Any) -> Sequence[Graph]:
        """The bodies that a node of this graph (Scan, Loop, If) runs."""
        return self._bodies.get(node, ()) if self._bodies else ()

    def replace_uses(self, old: Tensor, new: Tensor) -> None:
        """Let every node, and the outputs of the graph, use `new` in place of `old`."""
        if old.value.is_graph_output():
            self.replace_output(old, new)
        old.value.replace_all_uses_with(new.value)

    def replace_output(self, old: Tensor, new: Tensor) -> Tensor:
        """Let the graph give `new` where it gave `old`; gives the output, which takes over the name.

        It is a copy where `new` has a name that it must keep.
        """
        if new.value.producer() is None or new.value.is_graph_output() or new.graph is not self:
            new = self.add("Identity", new)
        for index, value in enumerate(self.nodes.outputs):
            if value is old.value:
                self.nodes.outputs[index] = new.value
        old.value.name, new.value.name = new.value.name, old.value.name
        self.outputs = [new if t is old else t for t in self.outputs]
        root = self.root
        root.probes = [(owner, new if t is old else t) for owner, t in root.probes]
        return new

    def set_input(self, node: Any, index: int, tensor: Tensor) -> None:
        """Let a node take another tensor as its input number `index`, which it may not have yet."""
        if index >= len(node.inputs):
            node.resize_inputs(index + 1)
        node.replace_input_with(index, tensor.value)

    def attribute(self, node: Any, name: str, default: Any = None) -> Any:
        """The value of a node's attribute, or `default` where it has none of that name."""
        found = node.attributes.get(name)
        return default if found is None else found.value

    def set_attribute(self, node: Any, name: str, value: Any) -> None:
        """Give an attribute of a node another value; its name and type are checked as in `add`."""
        version = self.root.domains[node.domain]
        formal = schema.schema_of(node.op_type, node.domain, version)
        required = {n: a.value for n, a in node.attributes.items() if formal.attributes[n].required}
        kind, converted = schema.convert_attributes(formal, required | {name: value})[name]
        node.attributes[name] = _ir_attribute(name, kind, converted)

    def node_proto(self, node: Any) -> onnx.NodeProto:
        """A node as it is written to a file."""
        return ir.to_proto(node)

    def permute_axes(self, tensor: Tensor, order: Sequence[int]) -> None:
        """Note that the node that gives a tensor gives it with its axes in another order now."""
        tensor.shape = tuple(tensor.shape[a] for a in order)
        tensor.value.shape = _ir_shape(tensor.shape)

    def remove(self, node: Any) -> None:
        """Remove a node whose outputs are used nowhere."""
        self.nodes.remove(node, safe=True)
        for body in self._bodies.pop(node, ()):
            body._discard()

    # Finishing

    def used_initializers(self) -> list[Tensor]:
        """The constants and weights that nodes or outputs use, in the order of their first use."""
        found: dict[int, Tensor] = {}
        for node in self.nodes.all_nodes():
            for value in node.inputs:
                if value is not None and value.const_value is not None:
                    found.setdefault(id(value), self.tensors[value])
        return list(found.values())

    def to_ir(self, names: Mapping[int, str], initializers: Sequence[Tensor]) -> Any:
        """The graph as an onnx_ir model.

        Args:
            names: a name for each variable, by its `id`; a weight is named after its variable.
            initializers: the constants and weights that become initializers.
        """
        for tensor in initializers:
            if tensor.packing is not None and tensor.value.name is None:
                leaves = list({names[id(v)]: None for v in tensor.packing.leaves()})
                tensor.value.name = self.unique_name("+".join(leaves))
        graph = self.nodes
        graph.initializers.clear()
        for tensor in initializers:
            graph.register_initializer(tensor.value)
        graph.opset_imports.clear()
        graph.opset_imports.update(self.domains)
        return ir.Model(graph, ir_version=self.ir_version)

    # Inside

    def _discard(self) -> None:
        """Remove all nodes, so that outer tensors are not used by a body that is gone."""
        self.nodes.outputs.clear()
        self.outputs.clear()
        for node in reversed(list(self.nodes)):
            self.remove(node)

    def _check(
        self,
        op_type: str,
        domain: str,
        operands: Sequence[Tensor | None],
        outputs: int,
        spec: Sequence[tuple[str, PartialShape]] | None,
        attributes: dict[str, Any],
    ) -> tuple[list[tuple[str, tuple | None]], dict[str, tuple[int, Any]]]:
        """Check a node; gives dtype and inferred sizes of each output, and ONNX's attributes."""
        version = self.root.domains.get(domain) or schema.DOMAIN_VERSIONS.get(domain)
        if version is None:
            raise GraphError(f"unknown operator domain {domain}")
        foreign = domain in ("com.microsoft", "ai.onnx.contrib")
        if foreign:
            if spec is None:
                raise GraphError(f"an operator of {domain} needs spec=, ONNX cannot infer its outputs")
            converted = schema.guess_attributes(attributes)
        else:
            found = schema.schema_of(op_type, domain, version)
            schema.check_counts(found, [t is not None for t in operands], outputs)
            converted = schema.convert_attributes(found, attributes)
        self.root.domains.setdefault(domain, version)
        if spec is not None:
            if len(spec) != outputs:
                raise GraphError(f"spec describes {len(spec)} outputs. Asked for: {outputs}")
            return [(dtypes.standardize(d), tuple(s)) for d, s in spec], converted
        keys = tuple(None if t is None else _type_key(t) for t in operands)
        data = tuple(
            (i, schema.DataKey(dtypes.to_onnx(t.dtype), t.constant.shape, t.constant.tobytes()))
            for i, t in enumerate(operands)
            if t is not None
            and t.constant is not None
            and t.dtype != "string"
            and t.constant.size <= _MAX_INFERENCE_DATA
            and t.ndim <= 1
        )
        kinds = {n: (k, _proto_value(v)) for n, (k, v) in converted.items()}
        inferred = schema.infer(op_type, domain, version, keys, data, kinds, outputs, self.ir_version)
        types: list[tuple[str, tuple | None]] = []
        for key in inferred:
            if key is None:
                raise GraphError("ONNX cannot infer the type of an output; pass spec=")
            sizes = None
            if key.shape is not None:
                texts = self.root._texts
                sizes = tuple(texts.get(n) if isinstance(n, str) else n for n in key.shape)
            types.append((dtypes.from_onnx(key.dtype), sizes))
        return types, converted

    def _merge(self, inferred: tuple | None, known: tuple | None, name: str | None) -> Shape:
        """What inference found and what the caller knows, as one shape without gaps."""
        if inferred is None and known is None:
            raise GraphError("ONNX cannot infer the rank of the output; pass shape=")
        if inferred is None:
            inferred = (None,) * len(known or ())
        if known is None:
            known = (None,) * len(inferred)
        if len(known) != len(inferred):
            raise GraphError(f"the output has rank {len(inferred)}, not that of {shape_text(known)}")
        sizes: list[Size] = []
        for axis, (found, told) in enumerate(zip(inferred, known, strict=True)):
            if isinstance(found, int) and isinstance(told, int) and found != told:
                raise GraphError(f"axis {axis} of the output has size {found}, not {told}")
            if isinstance(told, int):
                sizes.append(told)
            elif isinstance(found, int):
                sizes.append(found)
            else:
                size = told if told is not None else found
                sizes.append(self.fresh_dim(f"{name}/{axis}") if size is None else size)
        return tuple(sizes)

    def _describe(
        self, op_type: str, domain: str, operands: Sequence[Tensor | None], attributes: dict, reason: str
    ) -> str:
        shown = [repr(t)[8:-1] if t is not None else "None" for t in operands]
        shown += [f"{n}={v!r}" for n, v in attributes.items() if v is not None and not isinstance(v, Graph)]
        name = f"{domain}.{op_type}" if domain else op_type
        return f"{self.path or '(model)'}: {name}({', '.join(shown)}): {reason}"

    def _check_reachable(self, tensor: Tensor, what: str) -> None:
        graph: Graph | None = self
        while graph is not None:
            if tensor.graph is graph:
                return
            graph = graph.parent
        raise GraphError(f"{self.path or '(model)'}: the {what} {tensor!r} belongs to another graph")

    def _value(self, name: str | None, dtype: str, shape: Sequence[Size]) -> Any:
        kind = ir.TensorType(ir.DataType(dtypes.to_onnx(dtype)))
        return ir.Value(name=name, type=kind, shape=_ir_shape(shape))

    def _make_tensor(
        self,
        value: Any,
        dtype: str,
        shape: Shape,
        constant: np.ndarray | None = None,
        packing: Packing | None = None,
    ) -> Tensor:
        tensor = Tensor(self, value, dtype, tuple(shape), constant, packing)
        self.root.tensors[value] = tensor
        return tensor

    def _dim(self, name: str) -> Dim:
        dim = Dim.named(name)
        self.root._texts[name] = dim
        return dim

    def _register_dims(self, tensor: Tensor) -> None:
        root = self.root
        for axis, size in enumerate(tensor.shape):
            if isinstance(size, Dim):
                root._texts.setdefault(str(size), size)
                # An input is the best source of a size: it is there before all nodes.
                root.dims.setdefault(size, (tensor, axis))


def _type_key(tensor: Tensor) -> schema.TypeKey:
    sizes = tuple(d if isinstance(d, int) else str(d) for d in tensor.shape)
    return schema.TypeKey(dtypes.to_onnx(tensor.dtype), sizes)


def _ir_shape(shape: Sequence[Size]) -> Any:
    return ir.Shape([d if isinstance(d, int) else str(d) for d in shape])


def _ir_tensor(array: np.ndarray, dtype: str) -> Any:
    if dtype == "string":
        return ir.StringTensor([str(s).encode() for s in array.ravel()], shape=ir.Shape(array.shape))
    return ir.Tensor(array, dtype=ir.DataType(dtypes.to_onnx(dtype)))


def _ir_attribute(name: str, kind: int, value: Any) -> Any:
    if isinstance(value, Graph):
        value = value.nodes
    elif isinstance(value, np.ndarray):
        value = _ir_tensor(value, dtypes.standardize(value.dtype))
    return ir.Attr(name, ir.AttributeType(kind), value)


def _proto_value(value: Any) -> Any:
    """An attribute's value as inference takes it, hashable."""
    if isinstance(value, np.ndarray):
        return onnx.numpy_helper.from_array(value).SerializeToString()
    if isinstance(value, Graph):
        raise GraphError("an operator with a subgraph needs spec=")
    return value


def ir_to_proto(model: Any) -> onnx.ModelProto:
    """An onnx_ir model as a ModelProto, with the data of its initializers."""
    return ir.to_proto(model)


__all__ = [
    "DEFAULT_OPSET",
    "NEWEST_OPSET",
    "OLDEST_OPSET",
    "TRAINING_OPSET",
    "Graph",
    "State",
    "current_graph",
    "ir_to_proto",
]
