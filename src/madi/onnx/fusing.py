"""A graph rewritten so that it runs faster and says the same: each rule is an equation.

    γ (W * x + b - μ) / √(σ² + ε) + β  =  (W s) * x + (b - μ) s + β    with s = γ / √(σ² + ε) for each filter
    a (W * x + b)                      =  (W a) * x + a b
    (W * x + b) + c                    =  W * x + (b + c)
    max(W * x + b, 0)                  is one node, `madi.functions.conv2d` with relu=True
    x Bᵀ                               =  x C, with C = Bᵀ laid so once

where W, b, γ, β, μ, σ², a and c are constants and nobody else reads what the convolution gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from madi.onnx.graph import LEFT_OUT, Graph, Node

Constants = dict[str, np.ndarray]


class PerChannel(NamedTuple):
    """y = scale x + shift, with a number of each for each channel, or one for all."""

    scale: np.ndarray
    shift: np.ndarray


def fused(graph: Graph) -> Graph:
    """The graph with fewer nodes and the same outputs, but for the rounding of sums in another order."""
    constants: Constants = dict(graph.constants)
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    readers.update(port.name for port in graph.outputs)
    kept: dict[str, Node] = {}  # by what they give first
    for node in graph.nodes:
        source = _source(node, constants)
        before = kept.get(source) if readers[source] == 1 else None
        merged = None if before is None else _merged(before, node, constants)
        if before is not None and merged is not None:
            del kept[before.outputs[0]]
        kept[node.outputs[0] or f"{LEFT_OUT}{len(kept)}"] = merged or _turned(node, constants)
    read = {name for node in kept.values() for name in node.inputs} | {port.name for port in graph.outputs}
    used = {name: array for name, array in constants.items() if name in read}
    return replace(graph, nodes=tuple(kept.values()), constants=used)


def _source(node: Node, constants: Mapping[str, np.ndarray]) -> str:
    """The one input of a node that is no constant; "" where there are several."""
    others = [name for name in node.inputs if name != LEFT_OUT and name not in constants]
    return others[0] if len(others) == 1 else LEFT_OUT


def _merged(conv: Node, node: Node, constants: Constants) -> Node | None:
    """A convolution that does what `node` does after `conv`; None where no rule holds."""
    if conv.kind != "Conv" or "relu" in conv.attributes or len(conv.outputs) != 1:
        return None
    if node.kind == "Relu":
        return replace(conv, outputs=node.outputs, attributes={**conv.attributes, "relu": True})
    given = _known(constants, [name for name in conv.inputs[1:] if name != LEFT_OUT])
    if given is None or any(array.dtype not in (np.float32, np.float64) for array in given):
        return None
    weight, *bias = given
    if weight.ndim < 3 or any(array.shape != weight.shape[:1] for array in bias):
        return None
    found = _per_channel(node, constants, weight)
    return None if found is None else _scaled(conv, node, constants, found)


def _scaled(conv: Node, node: Node, constants: Constants, after: PerChannel) -> Node:
    """The convolution with `after` in its weight and bias."""
    weight = constants[conv.inputs[1]]
    bias = constants[conv.inputs[2]] if len(conv.inputs) > 2 and conv.inputs[2] else np.zeros(len(weight))
    scaled = weight.astype(np.float64) * np.reshape(after.scale, (-1, *(1,) * (weight.ndim - 1)))
    shifted = np.broadcast_to(bias * after.scale + after.shift, bias.shape)
    names = [
        _enter(constants, node.outputs[0], what, array.astype(weight.dtype))
        for what, array in (("weight", scaled), ("bias", shifted))
    ]
    return replace(conv, inputs=(conv.inputs[0], *names), outputs=node.outputs[:1])


def _per_channel(node: Node, constants: Constants, weight: np.ndarray) -> PerChannel | None:
    """What the node does to the output of a convolution with this weight, if it is that."""
    if node.kind == "BatchNormalization":
        return _normalization(node, constants, len(weight))
    if node.kind not in ("Add", "Div", "Mul", "Sub") or node.attributes or len(node.inputs) != 2:
        return None
    first = node.inputs[0] in constants
    number = constants[node.inputs[0 if first else 1]]
    shape = (1,) * (weight.ndim - number.ndim) + number.shape
    fits = len(shape) == weight.ndim and shape[1] in (1, len(weight)) and number.size == shape[1]
    if not fits or number.dtype != weight.dtype or (first and node.kind in ("Div", "Sub")):
        return None
    values = number.reshape(-1).astype(np.float64)
    one, zero = np.ones(1), np.zeros(1)
    rules = {"Add": (one, values), "Sub": (one, -values), "Mul": (values, zero), "Div": (one / values, zero)}
    return PerChannel(*rules[node.kind]) if node.kind != "Div" or values.all() else None


def _normalization(node: Node, constants: Constants, filters: int) -> PerChannel | None:
    """Batch normalization by the statistics in the file: as it is in inference."""
    options = node.attributes
    if options.get("training_mode", 0) or not options.get("spatial", 1) or any(node.outputs[1:]):
        return None
    given = _known(constants, node.inputs[1:5])
    if given is None or any(array.dtype.kind != "f" or array.shape != (filters,) for array in given):
        return None
    scale, shift, mean, variance = (array.astype(np.float64) for array in given)
    scale = scale / np.sqrt(variance + options.get("epsilon", 1e-5))
    return PerChannel(scale, shift - mean * scale)


def _known(constants: Constants, names: Sequence[str]) -> list[np.ndarray] | None:
    """The constants of these names; None where one of them is computed."""
    return [constants[name] for name in names] if all(name in constants for name in names) else None


def _turned(node: Node, constants: Constants) -> Node:
    """A product with a transposed constant as one with a constant that lies so."""
    weight = constants.get(node.inputs[1]) if node.kind == "Gemm" and node.attributes.get("transB") else None
    if weight is None or weight.ndim != 2:
        return node
    name = _enter(constants, node.inputs[1], "transposed", weight.T)
    inputs = (node.inputs[0], name, *node.inputs[2:])
    return replace(node, inputs=inputs, attributes={**node.attributes, "transB": 0})


def _enter(constants: Constants, name: str, what: str, array: np.ndarray) -> str:
    """Enter an array under a new name."""
    new = f"{name}/{what}"
    while new in constants:
        new += "'"
    constants[new] = array
    return new
