"""An ONNX model that was opened: its graph, its answers, and madi's layers for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

import madi.onnx.operators  # noqa: F401 (fills the table)
from madi.layers import Layer
from madi.onnx.arguments import checked_inputs
from madi.onnx.files import Beside, read_model
from madi.onnx.folding import folded
from madi.onnx.fusing import fused
from madi.onnx.graph import Graph, Port
from madi.onnx.plan import Plan, laid_out
from madi.onnx.reading import read_graph
from madi.onnx.refusal import briefly
from madi.onnx.running import Runner


class Loaded:
    """An ONNX model.

    graph     its nodes, with what depends on constants alone computed
    where     what messages call it: its path

    >>> import onnx.parser
    >>> text = '<ir_version: 8, opset_import: ["" : 17]> g (float[N] x) => (float[N] y) { y = Add(x, x) }'
    >>> loaded = load(onnx.parser.parse_model(text).SerializeToString())
    >>> loaded.run({"x": np.float32([1, 2])})
    [array([2., 4.], dtype=float32)]
    """

    def __init__(self, graph: Graph, where: str) -> None:
        self.graph, self.where = graph, where

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What `run` is to be given."""
        return self.graph.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What `run` answers, in this order."""
        return self.graph.outputs

    @property
    def opset(self) -> int:
        """The version of ONNX's operators that the file is written in."""
        return self.graph.opset

    @property
    def metadata(self) -> Mapping[str, str]:
        """Text by name that the file carries."""
        return self.graph.metadata

    def run(self, inputs: Mapping[str, Any], *, engine: str = "auto") -> list[np.ndarray]:
        """The graph's outputs, in its order, as arrays that are the caller's own.

        inputs   an array for each of the graph's inputs, by name
        engine   "jax": a program compiled for the shapes of the inputs; "numpy": node by node; "auto": by the size of
                 the job, not by a clock, so that the same calls give the same bits

        Numbers of another type are taken where none of them changes.  Raises DataError for inputs that are missing or
        unknown, or of another type; ShapeError for other shapes; Unsupported where a node cannot be computed for them.
        """
        with briefly():
            given = checked_inputs(self.graph.inputs, self.graph.constants, inputs, self.where)
            return self._runner.run(given, engine)

    @cached_property
    def model(self) -> Layer:
        """The graph as madi's layers, trainable.  Raises Unsupported where it cannot be said in them."""
        from madi.onnx.network import to_model

        with np.errstate(all="ignore"), briefly():  # of weights that are no numbers
            return to_model(self.graph)

    @cached_property
    def _runner(self) -> Runner:
        with np.errstate(all="ignore"):
            return Runner(Plan.of(fused(self.graph)), self.where)

    def __repr__(self) -> str:
        lines = [f"Loaded({self.where}, version {self.opset}, {len(self.graph.nodes)} nodes"]
        lines += [f"  {side} {_described(port)}" for side in ("inputs", "outputs") for port in getattr(self, side)]
        return "\n".join(lines) + ")"


def load(source: Any) -> Loaded:
    """Open an ONNX model: a path, its bytes, or the ModelProto that they are.

    Nothing of the file is run but its operators, by `madi.onnx.OPERATORS`; its external data are read from its own
    folder alone.  Raises FileError for a file that is missing, truncated, corrupt or no ONNX model, Unsupported for
    what madi does not take, by name, and ConfigurationError where the package onnx is missing.
    """
    with briefly():
        model, where, folder = read_model(source)
        return Loaded(laid_out(folded(read_graph(model, where, Beside(folder)))), where)


def _described(port: Port) -> str:
    """As "x: float32 (N, 3, 224, 224)"."""
    axes = "of any shape" if port.shape is None else "(" + ", ".join(str(axis or "?") for axis in port.shape) + ")"
    return f"{port.name}: {port.dtype or 'numbers'} {axes}"
