"""How large a node's results will be, told before they are made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

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
    expect_bytes(node.label, max(_needed(node, operator, inputs), _padded(node, inputs)))
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


def _needed(node: Node, operator: Operator, inputs: Inputs) -> int:
    """Bytes of the largest array on the way to the results; 0 where nobody can tell, which the node itself will say.

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
            return largest(jax.make_jaxpr(compute)(data).jaxpr)
    except (MadiError, ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError):
        return 0


def _padded(node: Node, inputs: Inputs) -> int:
    """Bytes of the images with their rim, which NumPy's windows slide over; 0 for nodes without windows."""
    image, pads = inputs[0] if inputs else None, node.attributes.get("pads", ())
    if image is None or not pads or len(pads) != 2 * (image.ndim - 2):
        return 0
    rims = zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True)
    sizes = [size + before + after for size, (before, after) in zip(image.shape[2:], rims, strict=True)]
    return math.prod((*image.shape[:2], *sizes, image.dtype.itemsize))


def largest(program: Any) -> int:
    """Bytes of the largest array that a traced program, or one within it, makes."""
    most, open_programs = 0, [program]
    while open_programs:
        for equation in open_programs.pop().eqns:
            most = max([most, *(_bytes(variable.aval) for variable in equation.outvars)])
            for entry in equation.params.values():
                inner = entry if isinstance(entry, tuple | list) else (entry,)
                open_programs += [getattr(each, "jaxpr", each) for each in inner if hasattr(each, "eqns")]
    return most


def _bytes(array: Any) -> int:
    shape = getattr(array, "shape", ())
    return math.prod(shape) * array.dtype.itemsize if hasattr(array, "dtype") else 0
