"""What operators ask of their inputs: numbers that are known beforehand, and axes in the order in which values lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from madi.errors import ShapeError
from madi.onnx.graph import Node
from madi.onnx.refusal import Unsupported
from madi.onnx.value import Value

Entry = TypeVar("Entry")


def known(node: Node, index: int, value: Value) -> np.ndarray:
    """The numbers of the node's input `index`; Unsupported where they are not known before the graph runs."""
    if value.known is None:
        raise Unsupported(
            f"{node.label}: madi needs the numbers of its input '{node.inputs[index]}' before the graph runs, and they "
            "depend on what is given to the graph. Make them a constant of the file."
        )
    return value.known


def integers(node: Node, index: int, value: Value | None) -> list[int] | None:
    """The whole numbers of input `index`, None where it is left out; Unsupported where they are not known."""
    return None if value is None else [int(number) for number in known(node, index, value).reshape(-1)]


def counted(node: Node, axis: int, ndim: int) -> int:
    """The axis counted from the front; ShapeError where an input of `ndim` axes has none such."""
    if not -ndim <= axis < ndim:
        raise ShapeError(
            f"{node.label}: axis {axis} is out of range for an input of {ndim} axes; use {-ndim} to {ndim - 1}."
        )
    return int(axis) % ndim


def last_axis(axis: int, ndim: int) -> int:
    """Where an axis of ONNX's order stands in a value whose channels are last."""
    return (0, ndim - 1, *range(1, ndim - 1))[axis]


def as_it_lies(value: Value, entries: Sequence[Entry]) -> list[Entry]:
    """One entry for each axis, from ONNX's order to that in which the value lies."""
    return [entries[0], *entries[2:], entries[1]] if value.is_last else list(entries)


def keeping(function: Callable[[Any], Any], value: Value) -> Value:
    """`function` of the value as it lies; its result has the same axes."""
    return Value(last=function(value.last)) if value.is_last else Value(function(value.first))


def along(function: Callable[..., Any], value: Value, axis: int) -> Value:
    """`function(x, axis)` of the value as it lies; its result has the same axes."""
    return keeping(lambda x: function(x, last_axis(axis, value.ndim) if value.is_last else axis), value)
