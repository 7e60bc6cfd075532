"""What depends on constants alone is computed once, when a graph is loaded; what nobody reads is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from madi.graph import no_grad
from madi.onnx.foresight import expect_room_for
from madi.onnx.graph import LEFT_OUT, Graph, Node
from madi.onnx.ordering import needed
from madi.onnx.plan import compute
from madi.onnx.table import meaning
from madi.onnx.value import Value


def folded(graph: Graph) -> Graph:
    """The graph without the nodes whose inputs are all constants, and with their results as constants.

    Weights are so made by ConstantOfShape, and shapes by Concat and Gather.  Every operator that madi takes gives the
    same for the same inputs, so that once is as good as at each run.  Raises what the nodes raise.
    """
    constants, kept = dict(graph.constants), []
    with no_grad(), np.errstate(all="ignore"):
        for node in needed(graph.nodes, [port.name for port in graph.outputs]):
            if all(name in constants or name == LEFT_OUT for name in node.inputs):
                constants |= _computed(node, graph.opset, constants)
            else:
                meaning(node, graph.opset)  # so that what is not taken is refused here
                kept.append(node)
    read = {name for node in kept for name in node.inputs} | {port.name for port in graph.outputs}
    return replace(graph, nodes=tuple(kept), constants={name: constants[name] for name in constants if name in read})


def _computed(node: Node, opset: int, constants: Mapping[str, np.ndarray]) -> dict[str, Any]:
    operator = meaning(node, opset)
    inputs = [None if name == LEFT_OUT else Value(constants[name]) for name in node.inputs]
    expect_room_for(node, operator, inputs, set())
    found = zip(node.outputs, compute(node, operator, inputs), strict=False)
    return {name: value.known for name, value in found if name != LEFT_OUT}
