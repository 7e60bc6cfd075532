"""What is known before a network runs: weights, and the shapes that code of other frameworks computes on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from madi.onnx.graph import Node
from madi.onnx.plan import compute
from madi.onnx.table import meaning
from madi.onnx.value import Value

COUNTS = (
    5077,
    7919,
)  # counts of examples that tell what depends on them: primes that no size of a network is likely to be
LARGEST = 64  # numbers of an array that is computed here: shapes have few
KINDS = {
    *("Shape", "Size", "Gather", "Concat", "Slice", "Squeeze", "Unsqueeze", "Reshape", "Cast", "Identity", "Range"),
    *("Add", "Sub", "Mul", "Div", "Mod", "Neg", "Abs", "Floor", "Ceil", "Min", "Max", "Equal", "Where", "Split"),
}


@dataclass(frozen=True, eq=False)
class Known:
    """A known array; where it depends on the count of examples, what it is for each of `COUNTS`."""

    array: np.ndarray
    other: np.ndarray

    @classmethod
    def of(cls, array: np.ndarray) -> Known:
        """One that is the same for any count of examples."""
        return cls(array, array)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same for any count of examples."""
        return self.array is self.other or np.array_equal(self.array, self.other)

    @property
    def target(self) -> np.ndarray | None:
        """The shape that it says, 0 for the count of examples in front; None where the count stands elsewhere."""
        one, other = self.array.reshape(-1), self.other.reshape(-1)
        if one.shape == other.shape and (one[:1].tolist(), other[:1].tolist()) == ([COUNTS[0]], [COUNTS[1]]):
            return np.concatenate([[0], one[1:]]) if np.array_equal(one[1:], other[1:]) else None
        return one if self.is_constant else None


def shape_of(count: int | None, sizes: tuple[int, ...]) -> Known:
    """The shape of a value of that many examples, None where they are free."""
    if count is not None:
        return Known.of(np.array([count, *sizes], np.int64))
    one, other = (np.array([number, *sizes], np.int64) for number in COUNTS)
    return Known(one, other)


def computed(node: Node, opset: int, inputs: list[Known | None]) -> list[Known] | None:
    """What a node makes of known values; None where it is none of those that compute shapes."""
    sizes = [known.array.size for known in inputs if known is not None]
    if node.kind not in KINDS or max(sizes, default=0) > LARGEST:
        return None
    one = _run(node, opset, [None if known is None else known.array for known in inputs])
    other = _run(node, opset, [None if known is None else known.other for known in inputs])
    return [Known(*pair) for pair in zip(one, other, strict=True)]


def _run(node: Node, opset: int, inputs: list[np.ndarray | None]) -> list[np.ndarray]:
    values = [None if array is None else Value(array) for array in inputs]
    return [np.asarray(value.known) for value in compute(node, meaning(node, opset), values)]
