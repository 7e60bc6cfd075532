"""Where a network begins in a graph and where it ends, and the shape of an example there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from madi.datasets.preparation import restored
from madi.errors import ShapeError
from madi.onnx.about import FEATURES, OUTPUT, PREPARATION, extra_of
from madi.onnx.graph import Graph, Node, Port
from madi.onnx.network.flow import IMAGE, Flow
from madi.onnx.ordering import needed
from madi.onnx.refusal import Unsupported

FIRST = (2, 0, 1)  # Transpose's order, the axis of examples left out, from channels last to first; IMAGE is its inverse
OF_IMAGES = {
    *("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LRN"),
    *("BatchNormalization", "InstanceNormalization"),
}
ELEMENTWISE = {
    *("Add", "Sub", "Mul", "Div", "Cast", "Identity", "Neg", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip", "Dropout"),
}
CHANNELS = (1, 3, 4)  # of pictures: grey, red green blue, with transparency


@dataclass(frozen=True)
class Part:
    """The nodes of a graph that a network consists of: from the value `begin`, of that shape, to the value `end`."""

    begin: str
    end: str
    nodes: tuple[Node, ...]
    shape: tuple[int | None, ...] | None


def part_of(graph: Graph) -> Part:
    """The network of a graph.

    It ends at the output called "output", else at the first: what only other outputs need is left aside.  It begins at
    the graph's input, or at "features" where an export of madi has its preparation before that.

    Raises Unsupported for none or several inputs, and for one that is no floating-point number.
    """
    names = [port.name for port in graph.outputs]
    end = OUTPUT if OUTPUT in names else names[0]
    prepares = PREPARATION in graph.metadata
    behind = [node for node in graph.nodes if not (prepares and FEATURES in node.outputs)]
    nodes = tuple(needed(behind, [end]))
    read = {name for node in nodes for name in node.inputs}
    if prepares and FEATURES in read:
        return Part(FEATURES, end, nodes, _features(graph))
    ports = [port for port in graph.inputs if port.name in read or port.name == end]
    if len(ports) != 1:
        found = ", ".join(f"'{port.name}'" for port in ports) or "none"
        raise Unsupported(f"The graph cannot be said in madi's layers: expected one input, got {found}. Use `.run`.")
    _expect_floats(ports[0])
    return Part(ports[0].name, end, nodes, _sizes(ports[0]))


def _features(graph: Graph) -> tuple[int | None, ...]:
    """A row with a place for each feature that the preparation makes."""
    preparation: Any = restored(extra_of(graph.metadata, "the graph")["preparation"])
    return (None, len(preparation.names))


def _expect_floats(port: Port) -> None:
    if port.dtype not in (None, "float32", "float64", "float16", "bfloat16"):
        raise Unsupported(
            f"The input '{port.name}' cannot be said in madi's layers: they take floating-point numbers, it takes "
            f"{port.dtype}. Use `.run`."
        )


def _sizes(port: Port) -> tuple[int | None, ...] | None:
    shape = port.shape
    return None if shape is None else tuple(size if isinstance(size, int) and size > 0 else None for size in shape)


def start_of(part: Part, shape: Sequence[int] | None) -> tuple[Flow, int | None]:
    """The value at which the network begins, and the count of examples where the file fixes it.

    shape   of an example as the file has it, for one that it leaves free

    Images that the file has channels first begin channels last.
    """
    count, given = (None, None) if not part.shape else (part.shape[0], part.shape[1:])
    sizes = tuple(given or ()) if shape is None else tuple(shape)
    fits = given is None or (
        len(sizes) == len(given) and all(a is None or a == b for a, b in zip(given, sizes, strict=True))
    )
    if not fits:
        raise ShapeError(f"The input '{part.begin}' has examples of shape {given}, got shape={tuple(sizes)}.")
    if (given is None and shape is None) or None in sizes:
        raise Unsupported(
            f"The input '{part.begin}' cannot be said in madi's layers: the file leaves the shape of an example free, "
            f"{given}. Give it: madi.onnx.network.to_model(loaded.graph, shape=(3, 224, 224)), for example."
        )
    whole = tuple(int(size) for size in sizes if size is not None)
    axes = IMAGE if len(whole) == 3 and _channels_first(part, whole) else tuple(range(len(whole)))
    return Flow(whole, axes, uses=0), count


def _channels_first(part: Part, sizes: tuple[int, ...]) -> bool:
    """Whether the first node that tells takes the channels first; where none tells, whether the sizes look so."""
    name = part.begin
    for node in part.nodes:
        if name not in node.inputs:
            continue
        order = tuple(axis - 1 for axis in node.attributes.get("perm", ()))[1:]
        if node.kind in OF_IMAGES or order in (FIRST, IMAGE):
            return order != FIRST
        if node.kind not in ELEMENTWISE:
            break
        name = node.outputs[0]
    return sizes[0] in CHANNELS and sizes[-1] not in CHANNELS and math.prod(sizes) > sizes[0]
