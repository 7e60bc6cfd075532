"""An ONNX graph as madi reads it: plain values, in an order in which each node comes after what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LEFT_OUT = ""  # the name of an optional input or output that is not there


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    dtype   NumPy's name of the numbers ("float32"; "str" for text); None where the file does not say
    shape   a number for each axis, a name for one that is free ("N"), None where the file says nothing of it; or None
            where not even the count of axes is known
    """

    name: str
    dtype: str | None = None
    shape: tuple[int | str | None, ...] | None = None


@dataclass(frozen=True)
class Node:
    """One node: an operator, what it reads and writes by name, and its attributes as Python values and arrays."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What messages call it: "Conv 'conv1'", or by its first output where the node has no name."""
        return f"{self.kind} '{self.name or next((name for name in self.outputs if name), '')}'"


@dataclass(frozen=True)
class Graph:
    """A whole graph.

    opset       the version of ONNX's operators, which decides what they mean
    inputs      those that a caller gives: without a constant of that name
    constants   arrays by name: weights, and the numbers of shapes
    nodes       in an order in which each comes after what it reads
    metadata    text by name, such as "madi.classes"
    """

    opset: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    constants: Mapping[str, np.ndarray]
    nodes: tuple[Node, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
