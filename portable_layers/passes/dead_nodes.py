"""Nodes that nothing needs: those from which no output of the graph can be reached.

Layers make masks and sizes that later layers may not use.
"""

from __future__ import annotations

from portable_layers.graph import Graph


def run(graph: Graph) -> bool:
    """Remove the dead nodes of a graph and of its bodies; whether there were any."""
    changed = False
    for one in list(graph.graphs()):
        # Backwards, so that what only fed a dead node is found dead right after it.
        for node in reversed(list(one.nodes)):
            if not any(v.uses() or v.is_graph_output() for v in node.outputs):
                one.remove(node)
                changed = True
    return changed
