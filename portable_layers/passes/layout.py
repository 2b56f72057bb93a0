"""Fewest transposes: each node that can work in several orders of the axes gets the best one.

Layers are channels-last and wrap Conv and the like in transposes. Most operators between them do not
mind the order (`layout_rules.py`). So the order in which each of those works is chosen, all together,
by a minimum cut between what needs one order and what needs the other; then the graph is rewritten,
with a Transpose only where two sides meet.

The terms: a *root* is a value that no Transpose makes; every other one is a root seen through a
permutation. A *flexible* node has a rule, all else is rigid. The *frame* of a root or flexible node
is a permutation that makes orders comparable across transposes: a value or node that is permuted by
`q` has the order `compose(frame, q)`, and where producer and consumer have equal orders no Transpose
is needed between them.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from portable_layers.graph import Graph
from portable_layers.passes.layout_rules import rule_of
from portable_layers.passes.min_cut import INFINITE, MinCut
from portable_layers.passes.operators import RESHAPING
from portable_layers.passes.permutations import Perm, compose, identity, inverse, permuted
from portable_layers.passes.relayout import Relayout
from portable_layers.passes.rule import FORBIDDEN, RESHAPE, TRANSPOSE, Rule
from portable_layers.passes.weight_moves import Weights, needs_transpose
from portable_layers.tensor import Tensor


def run(graph: Graph) -> bool:
    """Move and cancel the transposes of a graph and of its bodies; whether anything changed."""
    changes = [_Layout(one).run() for one in list(graph.graphs())]
    return any(changes)


@dataclass(slots=True)
class _Root:
    """A value that no Transpose makes, and who uses it through which permutation."""

    tensor: Tensor
    frame: Perm
    producer: Any  # the flexible node whose order it has, or None
    rigid: list[Perm]
    flexible: list[tuple[Perm, Any]]


@dataclass(slots=True)
class _Region:
    """Roots and flexible nodes that hang together."""

    roots: list[_Root] = field(default_factory=list)
    frames: dict[Any, Perm] = field(default_factory=dict)  # of the flexible nodes


class _Layout:
    def __init__(self, graph: Graph):
        self.graph = graph
        self.nodes: list[Any] = list(graph.nodes)
        self.transposes = [n for n in self.nodes if n.op_type == "Transpose" and not n.domain]
        # What each output of a Transpose is: a root and a permutation of it.
        self.aliases: dict[Any, tuple[Any, Perm]] = {}
        self.depths: dict[Any, int] = {}
        self.rules: dict[Any, Rule | None] = {}
        self.orders: dict[Any, Perm] = {}  # of the flexible nodes that shall work on permuted axes
        self.weights = Weights(graph)

    def run(self) -> bool:
        if not self.transposes:
            return False
        for node in self.transposes:
            value = node.inputs[0]
            rank = self.graph.tensor_of(value).ndim
            perm = self.graph.attribute(node, "perm")
            perm = identity(rank)[::-1] if perm is None else tuple(perm)
            root, before = self.aliases.get(value, (value, identity(rank)))
            self.aliases[node.outputs[0]] = root, compose(before, perm)
        self._measure_depths()
        for region in self._regions():
            if region.frames:
                self.orders.update(self._solve(region))
        return Relayout(self.graph, self.nodes, self.aliases, self.orders, self.rules).run()

    def _measure_depths(self) -> None:
        """How many nodes lie before a value at most. What the pass itself adds and removes does not
        count: by the same measure, no run can undo what another one did."""
        depths = self.depths
        for node in self.nodes:
            depth = 0
            for value in node.inputs:
                found = depths.get(value, 0)
                if found > depth:
                    depth = found
            if node.op_type != "Transpose" and node.op_type not in RESHAPING:
                depth += 1
            for value in node.outputs:
                depths[value] = depth

    # What hangs together

    def _regions(self) -> Iterator[_Region]:
        seen: set[Any] = set()
        for value, _ in list(self.aliases.values()):
            if value not in seen:
                yield self._explore(value, seen)

    def _rule(self, node: Any) -> Rule | None:
        if node not in self.rules:
            mine = node.graph is self.graph.nodes
            self.rules[node] = rule_of(self.graph, self.weights, node) if mine else None
        return self.rules[node]

    def _explore(self, start: Any, seen: set[Any]) -> _Region:
        graph, aliases = self.graph, self.aliases
        region = _Region()
        frames = region.frames
        todo = [(start, identity(graph.tensor_of(start).ndim))]

        def visit(node: Any, frame: Perm, rule: Rule) -> None:
            frames[node] = frame
            for index in rule.operands:
                value = node.inputs[index]
                root, perm = aliases.get(value, (value, None))
                todo.append((root, frame if perm is None else compose(frame, inverse(perm))))
            if rule.follows:
                todo.extend((value, frame) for value in node.outputs)

        while todo:
            value, frame = todo.pop()
            if value in seen:
                continue
            seen.add(value)
            node = value.producer()
            rule = None if node is None else self._rule(node)
            producer = node if rule is not None and rule.follows and rule.operands else None
            if producer is not None and rule is not None and node not in frames:
                visit(node, frame, rule)
            root = _Root(graph.tensor_of(value), frame, producer, [], [])
            region.roots.append(root)
            for perm, user, index in self._uses(value, identity(len(frame))):
                rule = None if user is None else self._rule(user)
                if rule is None or index not in rule.operands:
                    root.rigid.append(perm)
                    continue
                root.flexible.append((perm, user))
                if user not in frames:
                    visit(user, compose(frame, perm), rule)
        return region

    def _uses(self, value: Any, perm: Perm) -> Iterator[tuple[Perm, Any, int]]:
        """Who uses a value, directly and through transposes; None stands for the graph's output."""
        if value.is_graph_output():
            yield perm, None, 0
        for user, index in value.uses():
            seen_through = self.aliases.get(user.outputs[0]) if user.op_type == "Transpose" else None
            if seen_through is not None:
                yield from self._uses(user.outputs[0], seen_through[1])
            else:
                yield perm, user, index

    # Which orders are best

    def _solve(self, region: _Region) -> dict[Any, Perm]:
        """The permutation for each flexible node of a region, where it is not the identity."""
        frames = region.frames
        costs: dict[tuple[Any, Perm], int] = {}

        def cost(node: Any, order: Perm) -> int:
            """What the node itself costs in an order."""
            key = node, order
            if key not in costs:
                frame = frames[node]
                rule = self.rules[node]
                assert rule is not None
                costs[key] = 0 if order == frame else rule.cost(compose(inverse(frame), order))
            return costs[key]

        wanted: Counter[Perm] = Counter()
        for root in region.roots:
            if root.producer is None:
                wanted[root.frame] += 1
            wanted.update(compose(root.frame, perm) for perm in root.rigid)
        best = frames
        lowest = None
        common = [order for order, _ in wanted.most_common(3)]
        if len(common) == 1:
            (order,) = common
            stuck = [n for n in frames if cost(n, order) >= FORBIDDEN]
            if not stuck:
                return self._moves(frames, dict.fromkeys(frames, order))
            common += list(dict.fromkeys(frames[n] for n in stuck))[:2]
        for a, b in itertools.combinations(common, 2):
            found = self._cut(region, a, b, cost)
            if lowest is None:
                lowest = self._total(region, best, cost)
            total = self._total(region, found, cost)
            if total < lowest:
                best, lowest = found, total
        return self._moves(frames, best)

    @staticmethod
    def _moves(frames: dict[Any, Perm], orders: dict[Any, Perm]) -> dict[Any, Perm]:
        return {n: compose(inverse(f), orders[n]) for n, f in frames.items() if orders[n] != f}

    def _price(self, root: _Root, a: Perm, b: Perm) -> int:
        """What it costs to have a root in the order b when it is there in the order a."""
        if a == b:
            return 0
        shape, back = root.tensor.shape, inverse(root.frame)
        have, want = compose(back, a), compose(back, b)
        if not needs_transpose(permuted(shape, have), compose(inverse(have), want)):
            return RESHAPE
        # The number of transposes counts most, then their sizes; then the later one is better, so
        # that what follows a Conv or MatMul stays with it.
        size = math.log2(1 + math.prod(n for n in shape if isinstance(n, int)))
        late = self.depths.get(root.tensor.value, 0)
        return TRANSPOSE + (int(64 * size) << 22) + (1 << 20) - min(late, (1 << 20) - 1)

    def _total(self, region: _Region, orders: dict[Any, Perm], cost: Any) -> int:
        total = sum(cost(node, order) for node, order in orders.items())
        for root in region.roots:
            here = root.frame if root.producer is None else orders[root.producer]
            wanted = {compose(root.frame, perm) for perm in root.rigid}
            for perm, node in root.flexible:
                # What the node needs of this root, also where transposes make a circle.
                need = compose(inverse(region.frames[node]), orders[node])
                wanted.add(compose(root.frame, compose(perm, need)))
            total += sum(self._price(root, here, order) for order in wanted)
        return total

    def _cut(self, region: _Region, a: Perm, b: Perm, cost: Any) -> dict[Any, Perm]:
        """Give each flexible node the order a or b (or leave it, where it has neither)."""
        frames = region.frames
        numbers = {node: i + 2 for i, node in enumerate(frames)}
        cut = MinCut(len(frames))
        source, sink = cut.SOURCE, cut.SINK
        left_alone = set()
        for node, vertex in numbers.items():
            with_a, with_b = cost(node, a), cost(node, b)
            if with_a >= FORBIDDEN and with_b >= FORBIDDEN:
                left_alone.add(node)
                continue
            cut.edge(vertex, sink, min(with_a, INFINITE))
            cut.edge(source, vertex, min(with_b, INFINITE))

        def place(order: Perm) -> int | None:
            return source if order == a else sink if order == b else None

        for root in region.roots:
            if root.producer is None:
                here, here_order = place(root.frame), root.frame
            elif root.producer in left_alone:
                here, here_order = place(frames[root.producer]), frames[root.producer]
            else:
                here, here_order = numbers[root.producer], None
            users = [place(compose(root.frame, perm)) for perm in root.rigid]
            users += [place(frames[n]) if n in left_alone else numbers[n] for _, n in root.flexible]
            for order, side, other in ((a, source, sink), (b, sink, source)):
                price = self._price(
                    root, (b if order == a else a) if here_order is None else here_order, order
                )
                # Whoever gives it in neither order has to be transposed for both.
                giver = other if here is None else here
                wanting = {u for u in users if u not in (None, other)}
                if giver == side or not wanting:
                    continue
                if side in wanting:
                    wanting = {side}
                if len(wanting) > 1:
                    group = cut.vertex()
                    for user in wanting:
                        cut.edge(*((user, group) if side == source else (group, user)), INFINITE)
                    wanting = {group}
                (user,) = wanting
                cut.edge(*((user, giver) if side == source else (giver, user)), price)
        with_source = cut.source_side()
        return {
            node: frames[node] if node in left_alone else a if vertex in with_source else b
            for node, vertex in numbers.items()
        }
