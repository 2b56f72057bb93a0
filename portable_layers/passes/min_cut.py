"""The cheapest way to divide things into two sides, by maximum flow (Edmonds and Karp, 1972)."""

from __future__ import annotations

from collections import deque

# More than any sum of costs.
INFINITE = 1 << 80


class MinCut:
    """A directed graph with capacities; `SOURCE` and `SINK` are its first two vertices."""

    SOURCE, SINK = 0, 1

    def __init__(self, vertices: int):
        """`vertices` are there beside the source and the sink, numbered from 2."""
        self._edges: list[list[int]] = [[] for _ in range(vertices + 2)]
        self._heads: list[int] = []
        self._capacities: list[int] = []

    def vertex(self) -> int:
        """Add a vertex."""
        self._edges.append([])
        return len(self._edges) - 1

    def edge(self, tail: int, head: int, capacity: int, back: int = 0) -> None:
        """It costs `capacity` when `tail` is on the source's side and `head` on the sink's, and `back`
        when it is the other way round."""
        if tail == head or not (capacity or back):
            return
        self._edges[tail].append(len(self._heads))
        self._edges[head].append(len(self._heads) + 1)
        self._heads += [head, tail]
        self._capacities += [capacity, back]

    def source_side(self) -> set[int]:
        """The vertices on the source's side in a cheapest cut, the one with the fewest of them."""
        heads, capacities, edges = self._heads, self._capacities, self._edges
        while True:
            reached = {self.SOURCE: -1}
            queue = deque([self.SOURCE])
            while queue and self.SINK not in reached:
                vertex = queue.popleft()
                for edge in edges[vertex]:
                    if capacities[edge] and heads[edge] not in reached:
                        reached[heads[edge]] = edge
                        queue.append(heads[edge])
            if self.SINK not in reached:
                return set(reached)
            path, vertex = [], self.SINK
            while vertex != self.SOURCE:
                path.append(reached[vertex])
                vertex = heads[reached[vertex] ^ 1]
            flow = min(capacities[edge] for edge in path)
            for edge in path:
                capacities[edge] -= flow
                capacities[edge ^ 1] += flow
