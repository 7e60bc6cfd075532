"""Nodes that move numbers without changing them: reshape, transpose, concatenate, split, repeat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from madi.errors import ShapeError
from madi.functions.arithmetic import repeats_to, sum_to
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library


class Reshape(Function):
    """The same elements in another shape; one size may be -1.

    forward   y  = x in `shape`
    backward  gx = gy in the shape of x
    """

    symbol = "reshape"

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        free = self.shape.count(-1)
        fixed = math.prod(size for size in self.shape if size != -1)
        fits = fixed == x.size if not free else free == 1 and fixed and x.size % fixed == 0
        if not fits:
            raise ShapeError(f"reshape: {x.size} elements of shape {x.shape} cannot fill shape {self.shape}.")
        return x.reshape(self.shape)

    def backward(self, gy: Array) -> Array:
        return gy.reshape(self.x_shape)


class Transpose(Function):
    """Axes in another order.

    forward   y  = x with its axes in the order `axes` (None: reversed)
    backward  gx = gy with that order undone
    """

    symbol = "transpose"

    def __init__(self, axes: Sequence[int] | None = None) -> None:
        self.axes = axes

    def forward(self, x: Array) -> Array:
        order = tuple(range(x.ndim))[::-1] if self.axes is None else tuple(self.axes)
        if sorted(axis % x.ndim if x.ndim else axis for axis in order) != list(range(x.ndim)):
            raise ShapeError(
                f"transpose: axes {order} are no order of the {x.ndim} axes of shape {x.shape}; name each once."
            )
        self.order = tuple(axis % x.ndim for axis in order)
        return x.transpose(self.order)

    def backward(self, gy: Array) -> Array:
        return gy.transpose([self.order.index(axis) for axis in range(len(self.order))])


class Concatenate(Function):
    """Inputs joined end to end along one axis.

    forward   y   = x0, x1, ... along `axis`
    backward  gxi = the part of gy that xi became
    """

    symbol = "concat"

    def __init__(self, *, axis: int = 0) -> None:
        self.axis = axis

    def forward(self, *xs: Array) -> Array:
        rests = {tuple(n for a, n in enumerate(x.shape) if a != self.axis % x.ndim) for x in xs}
        if len(rests) != 1:
            shapes = ", ".join(str(x.shape) for x in xs)
            raise ShapeError(f"concatenate: shapes {shapes} differ elsewhere than on axis {self.axis}.")
        return array_library(*xs).concatenate(xs, axis=self.axis)

    def backward(self, gy: Array) -> tuple[Array, ...]:
        return _parts(gy, [x.shape[self.axis] for x in self.inputs], self.axis)


class Split(Function):
    """One input taken apart along one axis.

    forward   y0, y1, ... = parts of x of `sizes` along `axis`
    backward  gx = gy0, gy1, ... joined again
    """

    symbol = "split"

    def __init__(self, sizes: Sequence[int], *, axis: int = 0) -> None:
        self.sizes, self.axis = tuple(sizes), axis

    def forward(self, x: Array) -> tuple[Array, ...]:
        size = x.shape[self.axis] if -x.ndim <= self.axis < x.ndim else None
        if size is None or sum(self.sizes) != size or min(self.sizes) < 0:
            raise ShapeError(
                f"split: expected sizes that add up to that of axis {self.axis} of shape {x.shape}, got {self.sizes}."
            )
        return _parts(x, self.sizes, self.axis)

    def backward(self, *gys: Array) -> Array:
        return array_library(*gys).concatenate(gys, axis=self.axis)


def _parts(x: Array, sizes: Sequence[int], axis: int) -> tuple[Array, ...]:
    """x in parts of these sizes along one axis."""
    ends = accumulate(sizes, initial=0)
    return tuple(x[(slice(None),) * (axis % x.ndim) + (slice(*part),)] for part in pairwise(ends))


class BroadcastTo(Function):
    """An array repeated along new axes in front and along axes of size 1.

    forward   y  = x, repeated to `shape`
    backward  gx = Σ gy over the axes that were repeated
    """

    symbol = "repeat"

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)

    def forward(self, x: Array) -> Array:
        if not repeats_to(x.shape, self.shape):
            raise ShapeError(
                f"broadcast_to: an input of shape {x.shape} does not repeat to {self.shape}. Sizes must agree from the "
                "last axis back, or be 1 in the input."
            )
        return array_library(x).broadcast_to(x, self.shape)

    def backward(self, gy: Array) -> Array:
        return sum_to(gy, self.inputs[0].shape)


def reshape(x: Any, *shape: Any) -> Variable:
    """The same elements in another shape: `reshape(x, (2, 3))` or `reshape(x, 2, 3)`.  See `Reshape`."""
    return Reshape(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)(x)


def transpose(x: Any, *axes: Any) -> Variable:
    """Axes in another order, reversed where none is given.  See `Transpose`."""
    order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
    return Transpose(order)(x)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Variable:
    """Inputs joined end to end along `axis`.  See `Concatenate`."""
    if not xs:
        raise ShapeError("concatenate: expected at least one input, got none.")
    return Concatenate(axis=axis)(*xs)


def split(x: Any, sizes: Sequence[int], axis: int = 0) -> tuple[Variable, ...]:
    """x in parts of `sizes`, which add up to its size, along `axis`: a tuple of Variables.  See `Split`."""
    return Split(sizes, axis=axis)(x)


def broadcast_to(x: Any, shape: Sequence[int]) -> Variable:
    """x repeated to `shape`, as NumPy broadcasts.  See `BroadcastTo`."""
    return BroadcastTo(shape)(x)
