"""Sums, means and extremes along axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import madi.functions as F
from madi.graph import Variable
from madi.kernels.arrays import array_library
from madi.onnx.graph import Node
from madi.onnx.operators.inputs import counted, integers, last_axis
from madi.onnx.table import operator
from madi.onnx.value import Value

Reduce = Callable[..., Any]


def reduced(function: Reduce, x: Value, axes: Sequence[int], *, keepdims: bool) -> Value:
    """`function(x, axes, keepdims=)` in the order in which x lies, where the axes that stay have the same order there."""
    over = lambda variable, places: _of_type(function(variable, tuple(places), keepdims=keepdims), x.dtype)  # noqa: E731
    if not x.is_last or not (keepdims or 1 in axes or set(range(2, x.ndim)) <= set(axes)):
        return Value(over(x.first, axes))
    y = over(x.last, [last_axis(axis, x.ndim) for axis in axes])
    return Value(last=y) if keepdims else Value(y)


def _of_type(y: Variable, dtype: Any) -> Variable:
    return y if y.dtype == dtype else F.cast(y, dtype)


def _enter(kind: str, function: Reduce, since_input: int) -> None:
    @operator(kind, since=since_input)
    def reduction(
        x: Value, axes: Value | None = None, *, node: Node, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Value:  # fmt: skip
        given = integers(node, 1, axes)
        if not given and noop_with_empty_axes:
            return x
        return reduced(function, x, _axes(node, given, x.ndim), keepdims=bool(keepdims))

    @operator(kind)
    def reduction_by_attribute(x: Value, *, node: Node, axes: Sequence[int] | None = None, keepdims: int = 1) -> Value:
        return reduced(function, x, _axes(node, axes, x.ndim), keepdims=bool(keepdims))


def _axes(node: Node, axes: Sequence[int] | None, ndim: int) -> list[int]:
    """The axes counted from the front; all of them where none is named."""
    return [counted(node, axis, ndim) for axis in axes] if axes else list(range(ndim))


for _kind, _function, _since in (
    ("ReduceMax", F.max, 18),
    ("ReduceMean", F.mean, 18),
    ("ReduceMin", F.min, 18),
    ("ReduceSum", F.sum, 13),
):
    _enter(_kind, _function, _since)


def _enter_place(kind: str, name: str) -> None:
    @operator(kind)
    def place(x: Value, *, node: Node, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Value:
        """Where the extreme stands along the axis: the first of equal ones, or the last."""
        axis, array = counted(node, axis, x.ndim), x.first.value
        xp = array_library(array)
        places = getattr(xp, name)(
            xp.flip(array, axis) if select_last_index else array, axis=axis, keepdims=bool(keepdims)
        )
        return Value((x.shape[axis] - 1 - places if select_last_index else places).astype(np.int64))


_enter_place("ArgMax", "argmax")
_enter_place("ArgMin", "argmin")
