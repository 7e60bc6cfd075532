"""Nodes that move numbers without changing them: reshape, transpose, concatenate, indexing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from madi.errors import ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library, is_traced
from madi.kernels.indexing import scatter_add


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
        sizes = [x.shape[self.axis] for x in self.inputs]
        ends = [0]
        for size in sizes:
            ends.append(ends[-1] + size)
        return tuple(self.part(gy, start, end) for start, end in pairwise(ends))

    def part(self, gy: Array, start: int, end: int) -> Array:
        """gy from `start` to `end` along the joined axis."""
        return gy[(slice(None),) * (self.axis % gy.ndim) + (slice(start, end),)]


class GetItem(Function):
    """Elements picked by an index, as NumPy indexes.

    forward   y  = x[index]
    backward  gx = zeros like x, to which gy is added at [index]      an element picked twice gets both gradients
    """

    symbol = "[ ]"

    def __init__(self, index: Any) -> None:
        self.index = tuple(map(_position, index)) if isinstance(index, tuple) else _position(index)

    def forward(self, x: Array) -> Array:
        self.check(x)
        return x[self.index]

    def backward(self, gy: Array) -> Array:
        x = self.inputs[0]
        return scatter_add(x.shape, self.index, gy)

    def check(self, x: Array) -> None:
        """Refuse an index beyond the array: JAX would clamp it, silently."""
        entries = self.index if isinstance(self.index, tuple) else (self.index,)
        if any(entry is Ellipsis or entry is None or _is_mask(entry) for entry in entries):
            return
        for axis, entry in enumerate(entries):
            if isinstance(entry, slice) or is_traced(entry):
                continue
            size, places = x.shape[axis] if axis < x.ndim else 0, np.asarray(entry)
            wrong = places[(places < -size) | (places >= size)]
            if wrong.size:
                raise IndexError(f"index {wrong[0]} is out of range for axis {axis} of an array of shape {x.shape}")


def _is_mask(entry: Any) -> bool:
    return isinstance(entry, bool) or getattr(getattr(entry, "dtype", None), "kind", "") == "b"


def _position(entry: Any) -> Any:
    """One entry of an index: a list, which JAX refuses, and a Variable become arrays."""
    if isinstance(entry, list):
        return np.asarray(entry, dtype=None if entry else np.intp)
    return entry.value if isinstance(entry, Variable) else entry


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


def get_item(x: Any, index: Any) -> Variable:
    """`x[index]`, as NumPy indexes.  See `GetItem`."""
    return GetItem(index)(x)
