"""Sums, means and extremes along axes, and where the extremes stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import madi.functions as F
from madi.graph import Array, Variable
from madi.kernels.arrays import array_library
from madi.onnx.graph import Node
from madi.onnx.operators.arithmetic import WHOLE
from madi.onnx.operators.inputs import counted, integers, last_axis
from madi.onnx.table import operator
from madi.onnx.value import Value, elementwise

Reduce = Callable[..., Any]


def reduced(function: Reduce, x: Value, axes: Sequence[int], *, keepdims: bool) -> Value:
    """`function(x, axes, keepdims=)`, of x as it lies where the axes that are left have ONNX's order there too."""

    def over(variable: Any, places: Sequence[int]) -> Any:
        y = function(variable, tuple(places), keepdims=keepdims)
        return y if y.dtype == x.dtype else F.cast(y, x.dtype)  # NumPy's sums of small whole numbers are wide

    in_order = keepdims or 1 in axes or set(range(2, x.ndim)) <= set(axes)
    if not (x.is_last and in_order):
        return Value(over(x.first, axes))
    y = over(x.last, [last_axis(axis, x.ndim) for axis in axes])
    return Value(last=y) if keepdims else Value(y)


def _enter(
    kind: str, function: Reduce, *, axes_as_input: int, types: tuple[str, ...] | None = None,
    alone: Callable[[Any], Any] | None = None,
) -> None:  # fmt: skip
    """Enter a reduction.

    alone   what it makes of each number where nothing is reduced; None: the number itself
    """

    @operator(kind, since=axes_as_input, types=types)
    def reduction(
        x: Value, axes: Value | None = None, *, node: Node, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Value:  # fmt: skip
        """Along the axes that are named; where none is, along all or, with `noop_with_empty_axes`, none."""
        given = integers(node, 1, axes)
        if not given and noop_with_empty_axes:
            return x if alone is None else elementwise(alone, x)
        return reduced(function, x, _axes(node, given, x.ndim), keepdims=bool(keepdims))

    @operator(kind, types=types)
    def reduction_by_attribute(x: Value, *, node: Node, axes: Sequence[int] | None = None, keepdims: int = 1) -> Value:
        """Along the axes that are named, or all."""
        return reduced(function, x, _axes(node, axes, x.ndim), keepdims=bool(keepdims))


def _axes(node: Node, axes: Sequence[int] | None, ndim: int) -> list[int]:
    return [counted(node, axis, ndim) for axis in axes] if axes else list(range(ndim))


def _squares(x: Any, axes: tuple[int, ...], **options: Any) -> Any:
    """Σ x²."""
    return F.sum(F.multiply(x, x), axes, **options)


def _whole_product(x: Variable, axes: tuple[int, ...], *, keepdims: bool) -> Variable:
    """Π x of whole numbers, such as sizes, which have no gradient."""
    return Variable(x.value.prod(axis=axes, keepdims=keepdims))


_enter("ReduceL1", lambda x, axes, **options: F.sum(F.absolute(x), axes, **options), axes_as_input=18,
       alone=F.absolute)  # fmt: skip
_enter("ReduceL2", lambda x, axes, **options: F.sqrt(_squares(x, axes, **options)), axes_as_input=18,
       alone=F.absolute)  # fmt: skip
_enter("ReduceMax", F.max, axes_as_input=18)
_enter("ReduceMean", F.mean, axes_as_input=18)
_enter("ReduceMin", F.min, axes_as_input=18)
_enter("ReduceProd", _whole_product, axes_as_input=18, types=WHOLE)
_enter("ReduceSum", F.sum, axes_as_input=13)
_enter("ReduceSumSquare", _squares, axes_as_input=18, alone=lambda x: F.multiply(x, x))


def _enter_place(kind: str, name: str) -> None:
    def first_place(array: Array, axis: int, keepdims: bool) -> Array:
        return getattr(array_library(array), name)(array, axis=axis, keepdims=keepdims)

    @operator(kind)
    def place(x: Value, *, node: Node, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Value:
        """Where the extreme stands along the axis: the first of equal ones, or the last."""
        axis, array = counted(node, axis, x.ndim), x.first.value
        if not select_last_index:
            return Value(first_place(array, axis, bool(keepdims)).astype(np.int64))
        behind = first_place(array_library(array).flip(array, axis), axis, bool(keepdims))
        return Value((x.shape[axis] - 1 - behind).astype(np.int64))


_enter_place("ArgMax", "argmax")
_enter_place("ArgMin", "argmin")
