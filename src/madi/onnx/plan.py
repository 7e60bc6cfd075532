"""A graph made ready to run, and its one interpreter: on NumPy's arrays, and on those that JAX traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from madi.errors import DataError, MadiError
from madi.kernels.arrays import ALIGNMENT, aligned_copy
from madi.onnx.foresight import expect_room_for
from madi.onnx.graph import LEFT_OUT, Graph, Node
from madi.onnx.refusal import Unsupported
from madi.onnx.table import Operator, meaning
from madi.onnx.value import Value

_CONVOLUTIONS = ("Conv", "ConvTranspose")

Values = dict[str, Value]


@dataclass(frozen=True)
class Step:
    """A node, what it means, and the names that nobody reads after it."""

    node: Node
    operator: Operator
    last: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A graph made ready to run.

    constants   arrays by name, aligned
    kernels     names of those that are weights of convolutions alone, and lie as madi has them: (kH, kW, C, O)
    outputs     names of what is asked for
    remembered  sizes that were found to fit into memory
    """

    steps: tuple[Step, ...]
    constants: Mapping[str, np.ndarray]
    kernels: frozenset[str]
    outputs: tuple[str, ...]
    remembered: set[Any] = field(default_factory=set, compare=False, repr=False)

    @classmethod
    def of(cls, graph: Graph) -> Plan:
        """The plan of a graph; Unsupported for a node that madi has no operator for."""
        outputs = tuple(port.name for port in graph.outputs)
        kernels = _kernels(graph)
        constants = {name: _laid(array, kernel=name in kernels) for name, array in graph.constants.items()}
        return cls(_steps(graph, outputs), constants, kernels, outputs)

    def constant(self, name: str, array: Any) -> Value:
        """The Value of a constant whose array, or what JAX has for it, is given."""
        return Value(kernel=array) if name in self.kernels else Value(array)


def interpret(plan: Plan, values: Values) -> list[Value]:
    """The graph's outputs, from the values of its inputs and constants by name, each dropped after its last use."""
    with np.errstate(all="ignore"):  # as a compiled program does
        for step in plan.steps:
            inputs = [None if name == LEFT_OUT else values[name] for name in step.node.inputs]
            expect_room_for(step.node, step.operator, inputs, plan.remembered)
            for name, value in zip(step.node.outputs, compute(step.node, step.operator, inputs), strict=False):
                values[name] = value
            for name in step.last:
                values.pop(name, None)
    return [values[name] for name in plan.outputs]


def compute(node: Node, operator: Operator, inputs: Sequence[Value | None]) -> tuple[Value, ...]:
    """A node's outputs, at least as many as somebody reads; its errors name it."""
    try:
        found = operator(node, list(inputs))
    except MadiError as error:
        if node.label in str(error):
            raise
        raise type(error)(f"{node.label}: {error}") from error
    except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
        shapes = ", ".join("none" if value is None else f"{value.dtype.name} {value.shape}" for value in inputs)
        detail = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(f"{node.label}: cannot be computed of {shapes or 'no input'}: {detail}") from error
    if any(node.outputs[len(found) :]):
        raise Unsupported(f"{node.label}: madi gives {len(found)} of its {len(node.outputs)} outputs.")
    return found


def _steps(graph: Graph, outputs: tuple[str, ...]) -> tuple[Step, ...]:
    readers = Counter(name for node in graph.nodes for name in set(node.inputs))
    readers.update(outputs)
    steps = []
    for node in graph.nodes:
        readers.subtract(set(node.inputs))
        last = [name for name in {*node.inputs, *node.outputs} if name != LEFT_OUT and not readers[name]]
        steps.append(Step(node, meaning(node, graph.opset), tuple(sorted(last))))
    return tuple(steps)


def _kernels(graph: Graph) -> frozenset[str]:
    """The constants that are nothing but weights of convolutions."""
    weights: set[str] = set()
    others = {port.name for port in graph.outputs}
    for node in graph.nodes:
        convolution = node.kind in _CONVOLUTIONS
        weights.update(node.inputs[1:2] if convolution else ())
        others.update(node.inputs[:1] + node.inputs[2:] if convolution else node.inputs)
    return frozenset(name for name in weights - others if name in graph.constants and graph.constants[name].ndim > 2)


def laid_out(graph: Graph) -> Graph:
    """The graph, whose weights of convolutions and of transposed products lie in memory as madi reads them.

    They have ONNX's axes as before: what is laid so once is not moved, and not kept twice, when the graph runs.
    """
    kernels = _kernels(graph)
    turned = {node.inputs[1] for node in graph.nodes if node.kind == "Gemm" and node.attributes.get("transB")}
    constants = {}
    for name, array in graph.constants.items():
        if name in kernels:
            constants[name] = _laid(array, kernel=True).transpose(-1, -2, *range(array.ndim - 2))
        else:
            constants[name] = _laid(array.T).T if name in turned and array.ndim == 2 else _laid(array)
    return replace(graph, constants=constants)


def _laid(array: np.ndarray, *, kernel: bool = False) -> np.ndarray:
    """The array in the order of its axes, aligned: as it is where it lies so already."""
    if array.dtype.kind == "O":
        return array
    turned = array.transpose(*range(2, array.ndim), 1, 0) if kernel else array
    return turned if turned.flags.c_contiguous and not turned.ctypes.data % ALIGNMENT else aligned_copy(turned)
