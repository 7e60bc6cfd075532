"""Nodes in the form that layers have: what other frameworks write as many nodes, or in another order, as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from madi.onnx.graph import Graph, Node
from madi.onnx.network.beginning import Part
from madi.onnx.network.lookups import looked_up
from madi.onnx.network.recognising import recognised


def rewritten(part: Part, graph: Graph) -> Part:
    """The part with layers that are written as many nodes as one each, and its joins made of each other."""
    part = recognised(looked_up(part, graph), graph)
    return replace(part, nodes=tuple(_joins(part.nodes)))


def _joins(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """Concats that begin as an earlier one as that one and the rest: [a, b, c] as [[a, b], c].

    DenseNet is written so that each block reads all that were before it; so each reads the one join of them.
    """
    known: dict[tuple[str, ...], str] = {}
    for node in nodes:
        if node.kind == "Concat":
            key = (str(node.attributes.get("axis")), *node.inputs)
            lengths = (length for length in range(len(key) - 1, 2, -1) if key[:length] in known)
            length = next(lengths, 0)
            if length:
                node = replace(node, inputs=(known[key[:length]], *key[length:]))
            known[key] = node.outputs[0]
        yield node
