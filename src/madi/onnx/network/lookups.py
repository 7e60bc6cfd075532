"""Categories that are looked up: what reads a table of vectors by number, as the layers that do so.

A file writes `Embedding` as a Cast to whole numbers and a Gather from the table, and `EmbedColumns` as a Concat of some
columns and of vectors for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from madi.layers import EmbedColumns, Embedding
from madi.onnx.graph import Graph, Node
from madi.onnx.network.beginning import Part
from madi.onnx.network.filling import filled
from madi.onnx.network.flow import Flow
from madi.onnx.network.table import Place, step
from madi.onnx.ordering import needed

VECTORS, COLUMNS = "madi.Embedding", "madi.EmbedColumns"  # operators that stand for these nodes
WHOLE = (6, 7)  # INT32 and INT64: what a Cast makes

Columns = tuple[str, list[int]]  # of a value of rows: its name, and which columns


def looked_up(part: Part, graph: Graph) -> Part:
    """The part with a node of its own for each look-up, and for rows of which some columns are looked up."""
    if not any(node.kind == "Gather" for node in part.nodes):
        return part
    web = _Web(part, graph)
    web.exchange("Gather", web.vectors)
    web.exchange("Concat", web.columns)
    return replace(part, nodes=tuple(needed(list(web.nodes.values()), [part.end])))


class _Web:
    """The nodes of a part by what they make."""

    def __init__(self, part: Part, graph: Graph) -> None:
        self.constants: Mapping[str, np.ndarray] = graph.constants
        self.nodes = {node.outputs[0]: node for node in part.nodes}

    def exchange(self, kind: str, form: Callable[[Node], Node | None]) -> None:
        """Put what `form` makes of a node in its place, where it makes something of it."""
        found = {name: form(node) for name, node in self.nodes.items() if node.kind == kind}
        self.nodes.update({name: node for name, node in found.items() if node is not None})

    def vectors(self, node: Node) -> Node | None:
        """A Gather of rows of a table by numbers that the network is given as floats."""
        table, cast = self.constants.get(node.inputs[0]), self.nodes.get(node.inputs[1])
        fits = table is not None and table.ndim == 2 and table.dtype.kind == "f" and node.attributes.get("axis", 0) == 0
        if not fits or cast is None or cast.kind != "Cast" or cast.attributes["to"] not in WHOLE:
            return None
        return Node(VECTORS, node.name, (cast.inputs[0], node.inputs[0]), node.outputs)

    def columns(self, node: Node) -> Node | None:
        """A Concat of columns as they are, at most one run of them, and of vectors for others, all of one value."""
        made = [self.nodes.get(name) for name in node.inputs]
        tables = [entry for entry in made if entry is not None and entry.kind == VECTORS]
        kept = made[: len(made) - len(tables)]
        found = [*map(self.picked, kept), *(self.single(table.inputs[0]) for table in tables)]
        picked = [entry for entry in found if entry is not None]
        begins = {begin for begin, _ in picked}
        if not tables or len(kept) > 1 or len(picked) < len(found) or len(begins) > 1 or node.attributes["axis"] == 0:
            return None
        places = [place for _, place in picked]
        options = {"columns": [place[0] for place in places[len(kept) :]], "kept": places[0] if kept else []}
        return Node(COLUMNS, node.name, (*begins, *(table.inputs[1] for table in tables)), node.outputs, options)

    def picked(self, node: Node | None) -> Columns | None:
        """Columns that a Gather or a Slice takes."""
        if node is None or node.kind not in ("Gather", "Slice"):
            return None
        numbers = [self.constants.get(name) for name in node.inputs[1:]]
        if any(array is None for array in numbers):
            return None
        given = [array.reshape(-1).tolist() for array in numbers if array is not None]
        if node.kind == "Gather":
            return (node.inputs[0], given[0]) if node.attributes.get("axis", 0) == 1 else None
        if len(given) < 3 or given[2] != [1] or any(step != [1] for step in given[3:]):
            return None
        return node.inputs[0], list(range(given[0][0], given[1][0]))

    def single(self, name: str) -> Columns | None:
        """The one column that a value without an axis of columns is."""
        node = self.nodes.get(name)
        if node is not None and node.kind == "Squeeze":
            node = self.nodes.get(node.inputs[0])
            found = self.picked(node)
            return found if found is not None and len(found[1]) == 1 else None
        scalar = node is not None and node.kind == "Gather" and self.constants.get(node.inputs[1], np.ones(1)).ndim == 0
        return self.picked(node) if scalar else None


@step(VECTORS)
def vectors(place: Place, x: Flow, table: np.ndarray) -> Flow:
    """Embedding."""
    x = x.unordered
    layer = filled(Embedding(*table.shape), x.shape, weight=table)
    return x.then(layer, sizes=(*x.sizes, table.shape[1]), axes=(*x.axes, len(x.sizes)))


@step(COLUMNS)
def columns(place: Place, x: Flow, *tables: np.ndarray, columns: list[int], kept: list[int]) -> Flow:
    """EmbedColumns, which has the columns that stay in order, and before the vectors."""
    x = x.unordered
    if len(x.sizes) != 1 or kept != [column for column in range(x.sizes[0]) if column not in columns]:
        raise place.refusal("it leaves columns out, or has them in another order.")
    layer = EmbedColumns([(column, *table.shape) for column, table in zip(columns, tables, strict=True)])
    layer.input_shape = x.shape
    for column, table in zip(columns, tables, strict=True):
        filled(layer.tables[str(column)], (), weight=table)
    return x.then(layer, sizes=(len(kept) + sum(table.shape[1] for table in tables),), axes=(0,))
