"""Sums, means and extremes along axes."""

from __future__ import annotations

import math
from typing import Any

from madi.errors import ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library, limits

Axis = int | tuple[int, ...] | None


def axes_of(name: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes as non-negative numbers in order; None means all."""
    given = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    wrong = [a for a in given if not -ndim <= a < ndim]
    if wrong:
        raise ShapeError(
            f"{name}: axis {wrong[0]} is out of range for an input of {ndim} axes; use {-ndim} to {ndim - 1}."
        )
    return tuple(sorted({a % ndim for a in given}))


class _Reduction(Function):
    """What reductions share: the axes that go, and the shape that gradients need to come back along them."""

    def __init__(self, *, axis: Axis = None, keepdims: bool = False) -> None:
        self.axis, self.keepdims = axis, keepdims

    def prepare(self, x: Array) -> None:
        """Settle the axes for this input, and its shape with size 1 in their places."""
        self.axes = axes_of(type(self).__name__.lower(), self.axis, x.ndim)
        self.kept = tuple(1 if axis in self.axes else size for axis, size in enumerate(x.shape))


class Sum(_Reduction):
    """Sum over axes.

    forward   y  = Σ x          over `axis` (None: all), which stays with size 1 where `keepdims`
    backward  gx = gy           repeated along the axes that were summed
    """

    symbol = "Σ"

    def forward(self, x: Array) -> Array:
        self.prepare(x)
        return x.sum(axis=self.axes, keepdims=self.keepdims)

    def backward(self, gy: Array) -> Array:
        return self.repeat(gy)

    def repeat(self, gy: Array) -> Array:
        """gy along the summed axes again."""
        return array_library(gy).broadcast_to(gy.reshape(self.kept), self.inputs[0].shape)


class Mean(Sum):
    """Mean over axes.

    forward   y  = Σ x / m      over `axis` (None: all), m elements each
    backward  gx = gy / m       repeated along the axes that were averaged
    """

    symbol = "mean"

    def forward(self, x: Array) -> Array:
        total = super().forward(x)
        self.count = math.prod(x.shape[axis] for axis in self.axes)
        if not x.size:
            raise ShapeError(f"mean: an input of shape {x.shape} has no elements to average.")
        return total / self.count

    def backward(self, gy: Array) -> Array:
        return self.repeat(gy / self.count)


class _Extreme(_Reduction):
    """The largest or the smallest along axes: where the gradient goes is the same for both."""

    def forward(self, x: Array) -> Array:
        self.prepare(x)
        self.x, self.y = x, self.extreme(x)
        return self.y if self.keepdims else self.y.squeeze(self.axes)

    def backward(self, gy: Array) -> Array:
        xp = array_library(gy)
        chosen = (self.x == self.y) | (self.x != self.x)  # a NaN is not equal to itself
        count = xp.maximum(chosen.sum(axis=self.axes, keepdims=True), 1).astype(gy.dtype)
        return xp.where(chosen, gy.reshape(self.kept) / count, 0)

    def extreme(self, x: Array) -> Array:
        """The y of each group, along axes of size 1."""
        raise NotImplementedError


class Max(_Extreme):
    """The largest along axes.

    forward   y  = max x        over `axis` (None: all), which stays with size 1 where `keepdims`
    backward  gx = gy / m where x = y, else 0       m: how many of them equal y, which share the gradient
    keeps x and y

    Equal shares at ties are the convention of PyTorch's `amax`.  A NaN beats every number, and gets the gradient.  The
    largest of no numbers is the lowest that there is, -∞ for floats.
    """

    symbol = "max"

    def extreme(self, x: Array) -> Array:
        return x.max(axis=self.axes, keepdims=True, initial=limits(x.dtype)[0])


class Min(_Extreme):
    """The smallest along axes.

    forward   y  = min x        over `axis` (None: all), which stays with size 1 where `keepdims`
    backward  gx = gy / m where x = y, else 0       m: how many of them equal y, which share the gradient
    keeps x and y

    Equal shares at ties are the convention of PyTorch's `amin`.  A NaN beats every number, and gets the gradient.  The
    smallest of no numbers is the highest that there is, ∞ for floats.
    """

    symbol = "min"

    def extreme(self, x: Array) -> Array:
        return x.min(axis=self.axes, keepdims=True, initial=limits(x.dtype)[1])


def sum(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Variable:
    """Sum over `axis` (an axis, several, or None for all).  See `Sum`."""
    return Sum(axis=axis, keepdims=keepdims)(x)


def mean(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Variable:
    """Mean over `axis` (an axis, several, or None for all).  See `Mean`."""
    return Mean(axis=axis, keepdims=keepdims)(x)


def max(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Variable:
    """The largest over `axis` (an axis, several, or None for all).  See `Max`; of two arrays: `maximum`."""
    return Max(axis=axis, keepdims=keepdims)(x)


def min(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Variable:
    """The smallest over `axis` (an axis, several, or None for all).  See `Min`; of two arrays: `minimum`."""
    return Min(axis=axis, keepdims=keepdims)(x)
