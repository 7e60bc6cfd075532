"""Sums and means along axes."""

from __future__ import annotations

from typing import Any

from madi.errors import ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library

Axis = int | tuple[int, ...] | None


def _axes(name: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes as non-negative numbers in order; None means all."""
    given = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    wrong = [a for a in given if not -ndim <= a < ndim]
    if wrong:
        raise ShapeError(
            f"{name}: axis {wrong[0]} is out of range for an input of {ndim} axes; use {-ndim} to {ndim - 1}."
        )
    return tuple(sorted({a % ndim for a in given}))


class Sum(Function):
    """Sum over axes.

    forward   y  = Σ x          over `axis` (None: all), which stays with size 1 where `keepdims`
    backward  gx = gy           repeated along the axes that were summed
    """

    symbol = "Σ"

    def __init__(self, *, axis: Axis = None, keepdims: bool = False) -> None:
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x: Array) -> Array:
        self.axes = _axes(type(self).__name__.lower(), self.axis, x.ndim)
        return x.sum(axis=self.axes, keepdims=self.keepdims)

    def backward(self, gy: Array) -> Array:
        return self.repeat(gy)

    def repeat(self, gy: Array) -> Array:
        """gy along the summed axes again."""
        xp, shape = array_library(gy), self.inputs[0].shape
        return xp.broadcast_to(gy.reshape([1 if a in self.axes else n for a, n in enumerate(shape)]), shape)


class Mean(Sum):
    """Mean over axes.

    forward   y  = Σ x / m      over `axis` (None: all), m elements each
    backward  gx = gy / m       repeated along the axes that were averaged
    """

    symbol = "mean"

    def forward(self, x: Array) -> Array:
        total = super().forward(x)
        self.count = x.size // max(total.size, 1)
        if not self.count:
            raise ShapeError(f"mean: an input of shape {x.shape} has no elements to average.")
        return total / self.count

    def backward(self, gy: Array) -> Array:
        return self.repeat(gy / self.count)


def sum(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Variable:
    """Sum over `axis` (an axis, several, or None for all).  See `Sum`."""
    return Sum(axis=axis, keepdims=keepdims)(x)


def mean(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Variable:
    """Mean over `axis` (an axis, several, or None for all).  See `Mean`."""
    return Mean(axis=axis, keepdims=keepdims)(x)
