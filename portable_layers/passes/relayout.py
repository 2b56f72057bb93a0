"""Rewrites a graph for orders of axes that were chosen, with a Transpose only where two of them meet."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from portable_layers.graph import Graph
from portable_layers.passes.permutations import Perm, compose, identity, inverse
from portable_layers.passes.rule import Rule
from portable_layers.passes.weight_moves import needs_transpose, reordered
from portable_layers.tensor import Tensor


class Relayout:
    """Makes nodes work on permuted axes.

    Args:
        graph: the graph to change.
        nodes: its nodes, in order.
        aliases: for the output of each Transpose, what it is a permutation of.
        orders: the permutation in which nodes shall work.
        rules: how these nodes do that.
    """

    def __init__(
        self,
        graph: Graph,
        nodes: list[Any],
        aliases: dict[Any, tuple[Any, Perm]],
        orders: dict[Any, Perm],
        rules: dict[Any, Rule | None],
    ):
        self.graph, self.nodes = graph, nodes
        self.aliases, self.orders, self.rules = aliases, orders, rules
        self.places = {node: place for place, node in enumerate(nodes)}
        self.transposes = [n for n in nodes if n.op_type == "Transpose" and n.outputs[0] in aliases]
        self.given: dict[Any, Perm] = {}  # roots that are permuted now
        self.made: dict[tuple[Any, Perm], Tensor] = {}
        self.reusable: dict[tuple[Any, Perm], Any] = {}
        for node in self.transposes:
            self.reusable.setdefault(self.aliases[node.outputs[0]], node)
        self.changed = False

    def run(self) -> bool:
        """Rewrite the graph; whether anything changed."""
        graph = self.graph
        for node in self.nodes:
            if node.op_type == "Transpose" and node.outputs[0] in self.aliases:
                continue
            perm = self.orders.get(node)
            rule = self.rules[node] if perm is not None else None
            operands = rule.operands if rule is not None else ()
            for index, value in enumerate(node.inputs):
                if index in operands or value in self.aliases or value in self.given:
                    self._redirect(node, index, perm if index in operands else None, graph, node)
            for body in graph.bodies_of(node):
                self._redirect_body(body, node)
            if rule is not None and perm is not None:
                rule.apply(perm)
                self.changed = True
                if rule.follows:
                    for value in node.outputs:
                        self.given[value] = perm
                        graph.permute_axes(graph.tensor_of(value), perm)
        for tensor in list(graph.outputs):
            if tensor.value in self.aliases or tensor.value in self.given:
                found = self._permuted(*self._root(tensor.value), None)
                if found is not tensor:
                    graph.replace_output(tensor, found)
                    self.changed = True
        for node in reversed(self.transposes):
            value = node.outputs[0]
            if not value.uses() and not value.is_graph_output():
                graph.remove(node)
                self.changed = True
        return self.changed

    def _root(self, value: Any) -> tuple[Any, Perm]:
        found = self.aliases.get(value)
        # The rank is that of the tensor in any order.
        return found if found is not None else (value, identity(self.graph.tensor_of(value).ndim))

    def _redirect(self, node: Any, index: int, perm: Perm | None, owner: Graph, before: Any) -> None:
        """Give a node the root of one of its inputs, in the order that it needs."""
        value = node.inputs[index]
        root, through = self._root(value)
        found = self._permuted(root, through if perm is None else compose(through, perm), before)
        if found.value is not value:
            owner.set_input(node, index, found)
            self.changed = True

    def _redirect_body(self, body: Graph, before: Any) -> None:
        for node in body.nodes:
            for index, value in enumerate(node.inputs):
                if value in self.aliases or value in self.given:
                    self._redirect(node, index, None, body, before)
            for inner in body.bodies_of(node):
                self._redirect_body(inner, before)

    def _permuted(self, root: Any, perm: Perm, before: Any) -> Tensor:
        """A root, permuted; made before a node (or at the end, for None) where it is not there yet."""
        graph = self.graph
        tensor = graph.tensor_of(root)
        here = self.given.get(root) or identity(len(perm))
        if perm == here:
            return tensor
        key = root, perm
        if key in self.made:
            return self.made[key]
        move = compose(inverse(here), perm)
        old = self.reusable.get(key)
        if old is not None and before is not None and self.places[old] > self.places[before]:
            old = None
        if old is not None and needs_transpose(tensor.shape, move):
            made = graph.tensor_of(old.outputs[0])
            if old.inputs[0] is not root:
                graph.set_input(old, 0, tensor)
                self.changed = True
            if tuple(graph.attribute(old, "perm", ())) != move:
                graph.set_attribute(old, "perm", move)
                self.changed = True
        else:
            neighbour = old or before or root.producer()
            path = neighbour.name.rpartition("/")[0] if neighbour is not None else ""
            with graph.inserting_before(old or before), graph.scope(path) if path else nullcontext():
                made = reordered(graph, tensor, move)
            self.changed = True
        self.made[key] = made
        return made
