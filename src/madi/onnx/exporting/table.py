"""The table of exports: how each Function is written as nodes of ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from madi.graph import Function
from madi.onnx.exporting.tracing import Call
from madi.onnx.refusal import Unsupported

Export = Callable[..., Any]
ExportT = TypeVar("ExportT", bound=Export)

EXPORTS: dict[type[Function], Export] = {}


def exporter(*kinds: type[Function]) -> Callable[[ExportT], ExportT]:
    """Enter a function into the table as how nodes of these classes are written: also those of your own.

    It is given a `Writer`, the node, and a `Tensor` for each input, and returns the Tensor of the output (a tuple for
    several).  An entry is for the class itself: what derives from it may compute something else.

    >>> class Square(Function):
    ...     "forward y = x²"
    ...     def forward(self, x):
    ...         return x * x
    >>> @exporter(Square)
    ... def square(write, node, x):
    ...     return write.elementwise("Mul", x, x)
    >>> EXPORTS.pop(Square) is square
    True
    """

    def entered(function: ExportT) -> ExportT:
        EXPORTS.update(dict.fromkeys(kinds, function))
        return function

    return entered


def export_of(call: Call) -> Export:
    """How the call's node is written; Unsupported where nobody has said."""
    found = EXPORTS.get(type(call.node))
    if found is None:
        raise Unsupported(
            f"{call.layer}: its node {type(call.node).__name__} has no form in ONNX. Enter one with "
            "madi.onnx.exporter, or leave the layer out."
        )
    return found
