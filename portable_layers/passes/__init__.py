"""Clean-ups of a finished graph, one a file; none changes what the graph computes."""

from __future__ import annotations

from portable_layers.graph import Graph
from portable_layers.passes import common_subexpressions, dead_nodes, fold_constants, fuse, kernels, layout

# Dead nodes first: what they use must not count. The layout is decided on what is left of the graph,
# and makes reshapes that can be folded; fusing needs it. Kernels last: it knows what the runtime
# has, and what it adds no other pass needs to see.
_PASSES = (dead_nodes, fold_constants, common_subexpressions, layout, fuse, kernels)


# Each pass makes the graph better by its own measure, which another one may worsen; two or three
# rounds are what networks take, and the graph is right after any number.
_MOST_ROUNDS = 10


def clean(graph: Graph) -> None:
    """Run all passes until none finds anything to do."""
    for _ in range(_MOST_ROUNDS):
        changes = [a_pass.run(graph) for a_pass in _PASSES]
        if not any(changes):
            return


__all__ = ["clean"]
