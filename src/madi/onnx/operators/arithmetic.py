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

WHOLE = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))


def divide(x0: Any, x1: Any) -> Any:
    """x0 / x1; of whole numbers without the fraction, towards 0."""
    return F.divide(x0, x1) if is_floating(x0.dtype) else _whole_quotient(x0.value, x1.value)


def _whole_quotient(x0: Array, x1: Array) -> Array:
    xp = array_library(x0, x1)
    quotient, rest = xp.floor_divide(x0, x1), xp.remainder(x0, x1)
    return quotient + ((rest != 0) & ((x0 < 0) != (x1 < 0))).astype(quotient.dtype)


def power(x0: Any, x1: Any) -> Any:
    """x0^x1, of the type of x0."""
    return F.power(x0, F.cast(x1, x0.dtype)) if is_floating(x0.dtype) else F.cast(F.power(x0, x1), x0.dtype)


def placed(node: Node, x: Value, ndim: int, axis: int | None) -> Value:
    """x with axes of size 1 around its own, which begin at `axis` of `ndim`: how operators broadcast before 7.

    None: they are the last.
    """
    if axis is None:
        return x
    before = counted(node, axis, ndim)
    return Value(F.reshape(x.first, (1,) * before + x.shape + (1,) * (ndim - before - x.ndim)))


def enter_unary(kind: str, function: Function, *, since: int = 1) -> None:
    """Enter a function of one input, number by number."""

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


enter_unary("Abs", F.absolute)
enter_unary("Ceil", lambda x: F.negative(F.floor(F.negative(x))))
enter_unary("Cos", F.cos, since=7)
enter_unary("Erf", F.erf, since=9)
enter_unary("Exp", F.exp)
enter_unary("Floor", F.floor)
enter_unary("Log", F.log)
enter_unary("Neg", F.negative)
enter_unary("Reciprocal", lambda x: F.divide(1, x))
enter_unary("Sin", F.sin, since=7)
enter_unary("Sqrt", F.sqrt)

_enter_binary("Add", F.add)
_enter_binary("Div", divide)
_enter_binary("Mul", F.multiply)
_enter_binary("Pow", power)
_enter_binary("Sub", F.subtract)

_enter_several("Max", F.maximum)
_enter_several("Min", F.minimum)
_enter_several("Sum", F.add)


@operator("Mean")
def mean(*xs: Value) -> Value:
    """(x0 + x1 + ...) / n."""
    total = functools.reduce(functools.partial(elementwise, F.add), xs)
    return elementwise(lambda x: F.divide(x, len(xs)), total)


@operator("Mod", since=10, types=WHOLE)
def modulo(x0: Value, x1: Value, *, fmod: int = 0) -> Value:
    """What is left of x0 by x1, with the sign of x1, or with `fmod` that of x0.  Whole numbers have no gradient."""

    def left(x0: Any, x1: Any) -> Array:
        xp = array_library(x0.value, x1.value)
        return (xp.fmod if fmod else xp.remainder)(x0.value, x1.value)

    return elementwise(left, x0, x1)
