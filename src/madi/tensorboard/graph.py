"""The layers of a model as the graph that TensorBoard draws: a node for each, an edge where an output goes in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.graph import Variable
from madi.layers import Layer, observing_layers
from madi.tensorboard.events import event, piece, varint, whole

INPUT = "input"
PRODUCER = 22  # the version of GraphDef, see graph.proto


@dataclass(frozen=True)
class Node:
    """A layer in the graph.

    name         its path and class, "4/body/0_Conv2D": TensorBoard folds what is before a stroke
    kind         its class
    inputs       the names of those whose outputs it takes
    shape        of its output for a batch, the number of examples left out
    parameters   how many it has
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    parameters: int = 0


def nodes(model: Layer) -> list[Node]:
    """The input, and the layers that hold no others, in the order in which they are called.

    The model is traced on shapes; nothing is computed.  Where nodes of the computational graph stand between layers,
    such as the sum after a residual block, the next layer has an edge from each that they were computed from.
    """
    import jax

    found: list[Node] = []

    def run(x: Any) -> Any:
        start = Variable(x)
        found[:] = _traced(model, start)
        return x

    jax.eval_shape(run, jax.ShapeDtypeStruct((1, *model.shape_of_one()), np.float32))
    return found


def _traced(model: Layer, start: Variable) -> list[Node]:
    owners = {start: INPUT}
    found = [Node(INPUT, "Input", (), start.shape[1:])]
    taken = {INPUT}

    def on_layer(layer: Layer, x: Variable, y: Variable) -> None:
        if layer.inner_layers():
            return
        name = _free("_".join(filter(None, [layer.path.replace(".", "/"), type(layer).__name__])), taken)
        size = sum(parameter.size for parameter in layer.parameters().values())
        found.append(Node(name, type(layer).__name__, tuple(_sources(x, owners)), y.shape[1:], size))
        owners[y] = name

    with observing_layers(on_layer):
        model(start)
    return found


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number where a layer is called more than once."""
    chosen = next(n for n in (name, *(f"{name}_{count}" for count in range(2, 10_000))) if n not in taken)
    taken.add(chosen)
    return chosen


def _sources(x: Variable, owners: dict[Variable, str]) -> Iterator[str]:
    """The layers whose outputs a value was computed from, without another one in between."""
    open_, seen = [x], set()
    while open_:
        value = open_.pop()
        if value in seen:
            continue
        seen.add(value)
        if value in owners:
            yield owners[value]
        elif value.creator is not None:
            open_.extend(reversed(value.creator.inputs))


def graph_event(model: Layer, when: float) -> bytes:
    """The graph of a built model as an Event: graph_def 4, GraphDef.node 1 and versions 4."""
    graph = b"".join(piece(1, _node(node)) for node in nodes(model)) + piece(4, whole(1, PRODUCER))
    return event(0, when, piece(4, graph))


def _node(node: Node) -> bytes:
    """A NodeDef: name 1, op 2, input 3, attr 5 (a map: key 1, value 2)."""
    fields = [piece(1, node.name), piece(2, node.kind), *(piece(3, name) for name in node.inputs)]
    shapes = piece(1, piece(7, _shape(node.shape)))  # AttrValue.list 1, ListValue.shape 7
    fields.append(piece(5, piece(1, "_output_shapes") + piece(2, shapes)))
    if node.parameters:
        fields.append(piece(5, piece(1, "parameters") + piece(2, whole(3, node.parameters))))  # AttrValue.i 3
    return b"".join(fields)


def _shape(sizes: Iterable[int]) -> bytes:
    """A TensorShapeProto: dim 2, whose size 1 is -1 for the examples: in two's complement of 64 bits."""
    unknown = varint(1 << 3) + varint(2**64 - 1)
    return piece(2, unknown) + b"".join(piece(2, whole(1, size)) for size in sizes)
