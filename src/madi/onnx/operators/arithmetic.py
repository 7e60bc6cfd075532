"""Operators that compute number by number: the four operations, powers, roots, the largest of several."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import madi.functions as F
from madi.graph import Array
from madi.kernels.arrays import array_library, is_floating
from madi.onnx.graph import Node
from madi.onnx.operators.inputs import counted
from madi.onnx.table import operator
from madi.onnx.value import Value, elementwise

Function = Callable[..., Any]


def divide(x0: Any, x1: Any) -> Any:
    """x0 / x1; of whole numbers, without the fraction: towards 0."""
    return F.divide(x0, x1) if is_floating(x0.dtype) else _whole_quotient(x0.value, x1.value)


def _whole_quotient(x0: Array, x1: Array) -> Array:
    xp = array_library(x0, x1)
    quotient, rest = xp.floor_divide(x0, x1), xp.remainder(x0, x1)
    return quotient + ((rest != 0) & ((x0 < 0) != (x1 < 0))).astype(quotient.dtype)


def power(x0: Any, x1: Any) -> Any:
    """x0^x1, of the type of x0."""
    return F.power(x0, F.cast(x1, x0.dtype)) if is_floating(x0.dtype) else F.cast(F.power(x0, x1), x0.dtype)


def placed(node: Node, x: Value, ndim: int, axis: int | None) -> Value:
    """x with axes of size 1 around its own, so that these begin at `axis` of `ndim`: how operators broadcast before 7."""
    if axis is None:
        return x
    before = counted(node, axis, ndim)
    return Value(F.reshape(x.first, ((1,) * before + x.shape + (1,) * (ndim - before - x.ndim))))


def _enter_unary(kind: str, function: Function, since: int = 1) -> None:
    @operator(kind, since=since)
    def unary(x: Value) -> Value:
        return elementwise(function, x)


def _enter_binary(kind: str, function: Function) -> None:
    @operator(kind, since=7)
    def binary(x0: Value, x1: Value) -> Value:
        return elementwise(function, x0, x1)

    @operator(kind)
    def binary_before_7(x0: Value, x1: Value, *, node: Node, axis: int | None = None, broadcast: int = 0) -> Value:
        return elementwise(function, x0, placed(node, x1, x0.ndim, axis) if broadcast else x1)


def _enter_several(kind: str, function: Function) -> None:
    @operator(kind)
    def several(*xs: Value) -> Value:
        return functools.reduce(functools.partial(elementwise, function), xs)


for _kind, _function, _since in (
    ("Abs", F.absolute, 1),
    ("Erf", F.erf, 9),
    ("Exp", F.exp, 1),
    ("Log", F.log, 1),
    ("Neg", F.negative, 1),
    ("Reciprocal", lambda x: F.divide(1.0, x), 1),
    ("Sqrt", F.sqrt, 1),
):
    _enter_unary(_kind, _function, _since)

for _kind, _function in (("Add", F.add), ("Sub", F.subtract), ("Mul", F.multiply), ("Div", divide), ("Pow", power)):
    _enter_binary(_kind, _function)

for _kind, _function in (("Max", F.maximum), ("Min", F.minimum), ("Sum", F.add)):
    _enter_several(_kind, _function)


@operator("Mean")
def mean(*xs: Value) -> Value:
    """(x0 + x1 + ...) / n."""
    total = functools.reduce(functools.partial(elementwise, F.add), xs)
    return elementwise(lambda x: F.divide(x, len(xs)), total)
