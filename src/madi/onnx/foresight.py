"""How large a node's results will be, told before they are made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from madi.errors import MadiError
from madi.onnx.graph import Node
from madi.onnx.room import SMALL, expect_bytes
from madi.onnx.table import Operator
from madi.onnx.value import Value

_WIDEST = 16  # bytes of a number
_FEW = 64  # numbers that may be the sizes, axes or places that a node works by
_GATHERING = (  # results of at most as many numbers as all inputs have together
    "Abs", "BatchNormalization", "Cast", "Clip", "Concat", "Dropout", "Elu", "Erf", "Exp", "Flatten", "Gelu",
    "HardSigmoid", "Identity", "LRN", "LeakyRelu", "Log", "LogSoftmax", "Neg", "Relu", "Reshape", "Shape", "Sigmoid",
    "Slice", "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Tanh", "Transpose", "Unsqueeze", "ReduceMax",
    "ReduceMean", "ReduceMin", "ReduceSum", "GlobalAveragePool", "GlobalMaxPool",
)  # fmt: skip
_COMBINING = ("Add", "Div", "Gather", "Gemm", "MatMul", "Max", "Mean", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum")
# ^ results of at most as many numbers as the sizes of all inputs multiplied
_BOUNDED = frozenset(_GATHERING + _COMBINING)
_MOST_REMEMBERED = 4096

Inputs = Sequence[Value | None]


def expect_room_for(node: Node, operator: Operator, inputs: Inputs, remembered: set[Any]) -> None:
    """Raise DataError where the node's results would not fit into the memory that is left.

    remembered   what was found to fit before, and so is not worked out again

    Inside a program that JAX traces nothing is made of what is not known.  What is plainly small is let through by a
    bound; the rest is told exactly, by JAX's abstract values, which have a shape and a type, and no numbers.
    """
    if any(value is not None and not value.is_known for value in inputs) or _plainly_small(node, inputs):
        return
    key = node.outputs, *(None if value is None else _decisive(value) for value in inputs)
    if key in remembered:
        return
    expect_bytes(node.label, _result_bytes(node, operator, inputs))
    if len(remembered) < _MOST_REMEMBERED:
        remembered.add(key)


def _plainly_small(node: Node, inputs: Inputs) -> bool:
    sizes = [max(math.prod(value.shape), 1) for value in inputs if value is not None]
    most = sum(sizes) if node.kind in _GATHERING else math.prod(sizes)
    return node.kind in _BOUNDED and most * _WIDEST <= SMALL


def _decisive(value: Value) -> Any:
    """What the size of a node's results can depend on: the shape, and the numbers of what may be a shape."""
    few = value.dtype.kind in "iub" and math.prod(value.shape) <= _FEW
    return value.shape, value.dtype.name, value.known.tobytes() if few and value.known is not None else None


def _result_bytes(node: Node, operator: Operator, inputs: Inputs) -> int:
    """Bytes of all results; 0 where nobody can tell, which the node itself will say, or has nothing to do with sizes.

    The first input and all large ones are abstract; the others may be the sizes that decide about the result.
    """
    import jax

    data = {
        index: jax.ShapeDtypeStruct(value.shape, value.dtype)
        for index, value in enumerate(inputs)
        if value is not None and value.dtype.kind != "U" and (not index or math.prod(value.shape) > _FEW)
    }

    def compute(given: dict[int, Any]) -> list[Any]:
        values = [Value(given[index]) if index in given else value for index, value in enumerate(inputs)]
        return [value.first.value for value in operator(node, values) if value.dtype.kind != "U"]

    try:
        with jax.enable_x64(True):
            found = jax.eval_shape(compute, data)
    except (MadiError, TypeError, ValueError, IndexError, OverflowError, AttributeError):
        return 0
    return sum(math.prod(result.shape) * np.dtype(result.dtype).itemsize for result in found)
