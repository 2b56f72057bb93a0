"""Clean-ups of a finished graph, one a file; none changes what the graph computes."""

from __future__ import annotations

from portable_layers.graph import Graph
from portable_layers.passes import common_subexpressions, dead_nodes, kernels, layout


def clean(graph: Graph) -> None:
    """Run all passes until none finds anything to do."""
    dead_nodes.run(graph)
    common_subexpressions.run(graph)
    layout.run(graph)
    common_subexpressions.run(graph)
    dead_nodes.run(graph)
    # Last: it knows what the runtime has, and adds casts that no other pass needs to see.
    kernels.run(graph)


__all__ = ["clean"]
