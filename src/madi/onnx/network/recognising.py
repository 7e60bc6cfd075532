"""Layers that other programs write as many nodes, known by their numbers: whatever order the nodes have.

GELU is a product of x with an error function or a hyperbolic tangent, layer normalization a handful of means: a few
nodes around one such node are taken together, and if what they compute of a few numbers is what the layer computes,
they become one node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import madi.functions as F
from madi.onnx.graph import Graph, Node
from madi.onnx.network.beginning import Part
from madi.onnx.table import meaning
from madi.onnx.value import Value

KINDS = {"Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Erf", "Tanh", "ReduceMean"}
FEWEST, MOST = 5, 12  # nodes that one layer is written as
ABOVE, BELOW = 7, 3  # and how many of them stand before and behind the one that tells
NEAR = 2e-5  # by how much numbers may differ: constants of a file have 32 bits

# Four rows: small and large numbers, so that GELU's two forms differ.
POINTS = np.linspace(-4, 4, 20).reshape(4, 5) * np.array([0.5, 1.0, 1.0, 1.5])[:, None]

Attributes = Mapping[str, Any]
Recognition = Callable[["_Web", list[Node], np.ndarray], tuple[str, Attributes] | None]


def recognised(part: Part, graph: Graph) -> Part:
    """The part with such nodes as one."""
    if not any(node.kind in _LAYERS for node in part.nodes):
        return part
    web = _Web(part, graph)
    for node in part.nodes:
        if node.kind in _LAYERS:
            web.simplify(node)
    return replace(part, nodes=tuple(web.remaining))


class _Web:
    """The nodes of a part by what they make and read."""

    def __init__(self, part: Part, graph: Graph) -> None:
        self.constants, self.opset, self.end = graph.constants, graph.opset, part.end
        self.nodes = {id(node): node for node in part.nodes}
        self.order = {key: place for place, key in enumerate(self.nodes)}
        self.makers = {name: node for node in part.nodes for name in node.outputs}
        self.readers: dict[str, list[Node]] = defaultdict(list)
        for node in part.nodes:
            for name in node.inputs:
                self.readers[name].append(node)

    @property
    def remaining(self) -> Iterable[Node]:
        return self.nodes.values()

    def simplify(self, anchor: Node) -> None:
        """Put one node in the place of those around `anchor`, where they are a layer."""
        for begin in self._above(anchor):
            for end in self._below(anchor):
                nodes = self._between(begin, end)
                if not self._may_be_one(nodes, end):
                    continue
                found = _LAYERS[anchor.kind](self, nodes, self._of(begin, nodes))
                if found is not None:
                    kind, attributes = found
                    self._exchange(nodes, Node(kind, anchor.name, (begin,), (end,), attributes))
                    return

    def _exchange(self, nodes: list[Node], one: Node) -> None:
        *others, last = map(id, nodes)
        self.nodes[last] = one
        for key in others:
            del self.nodes[key]

    def _above(self, anchor: Node) -> Iterator[str]:
        """Values that the anchor is computed from and that fork, the nearest first."""
        level = [anchor]
        for _ in range(ABOVE):
            names = [name for node in level for name in node.inputs if name not in self.constants]
            yield from (name for name in dict.fromkeys(names) if len(self.readers[name]) > 1)
            makers = [self.makers[name] for name in names if name in self.makers]
            level = [node for node in makers if node.kind in KINDS][:MOST]

    def _below(self, anchor: Node) -> Iterator[str]:
        """Values that are computed from the anchor, the nearest first."""
        level = [anchor]
        for _ in range(BELOW):
            level = [node for upper in level for node in self.readers[upper.outputs[0]] if node.kind in KINDS][:MOST]
            yield from (node.outputs[0] for node in level)

    def _between(self, begin: str, end: str) -> list[Node]:
        """The nodes that compute `end` from `begin` and single numbers, in order; none where they need more."""
        found: dict[int, Node] = {}
        wanted = [end]
        while wanted:
            name = wanted.pop()
            constant = self.constants.get(name)
            if name == begin or (constant is not None and constant.size == 1 and constant.dtype.kind not in "OUc"):
                continue
            node = self.makers.get(name)
            if constant is not None or node is None or node.kind not in KINDS or len(found) > MOST:
                return []
            found[id(node)] = node
            wanted += node.inputs
        return [found[key] for key in sorted(found, key=self.order.__getitem__)]

    def _may_be_one(self, nodes: list[Node], end: str) -> bool:
        """Whether they are as many as a layer is written as, and nobody else reads what they compute on the way."""
        own = {id(node) for node in nodes}
        if len(nodes) < FEWEST or sum(node.kind in _LAYERS for node in nodes) != 1:
            return False
        inner = [name for node in nodes for name in node.outputs if name != end]
        return self.end not in inner and all(id(reader) in own for name in inner for reader in self.readers[name])

    def _of(self, begin: str, nodes: list[Node]) -> np.ndarray:
        """What the nodes compute of `POINTS`; NaN where they reduce another axis than the last."""
        if any(node.kind == "ReduceMean" and self.axes(node) != [-1] for node in nodes):
            return np.full_like(POINTS, np.nan)
        values = {begin: Value(POINTS)}
        for node in nodes:
            inputs = [values.get(name) or Value(self._number(node, name)) for name in node.inputs]
            (values[node.outputs[0]],) = meaning(node, self.opset)(node, inputs)  # type: ignore[arg-type]
        return np.asarray(values[nodes[-1].outputs[0]].known)

    def _number(self, node: Node, name: str) -> np.ndarray:
        """A constant, of the type of the points where it is computed with."""
        constant = self.constants[name]
        return constant if node.kind == "ReduceMean" else constant.astype(POINTS.dtype)

    def axes(self, node: Node) -> list[int]:
        """The axes that a node reduces: an input since version 18."""
        given = node.attributes.get("axes", ()) if len(node.inputs) < 2 else self.constants[node.inputs[1]].reshape(-1)
        return [int(axis) for axis in given]


def _gelu(web: _Web, nodes: list[Node], y: np.ndarray) -> tuple[str, Attributes] | None:
    for form in ("none", "tanh"):
        if np.allclose(y, F.gelu(POINTS, form).value, rtol=0, atol=NEAR):
            return "Gelu", {"approximate": form}
    return None


def _layer_norm(web: _Web, nodes: list[Node], y: np.ndarray) -> tuple[str, Attributes] | None:
    """ε is the number that is added before the root."""
    root = next(node for node in nodes if node.kind == "Sqrt")
    added = [web.constants[name] for node in nodes if node.outputs[0] == root.inputs[0] for name in node.inputs
             if name in web.constants]  # fmt: skip
    eps = float(added[0].item()) if added else 0.0
    deviations = np.sqrt(POINTS.var(axis=-1, keepdims=True) + eps)
    same = eps > 0 and np.allclose(y, (POINTS - POINTS.mean(axis=-1, keepdims=True)) / deviations, rtol=0, atol=NEAR)
    return ("LayerNormalization", {"axis": -1, "epsilon": eps}) if same else None


_LAYERS: dict[str, Recognition] = {"Erf": _gelu, "Tanh": _gelu, "Sqrt": _layer_norm}
