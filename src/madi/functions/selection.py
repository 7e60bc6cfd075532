"""Nodes that select elements: by an index, by whole numbers along an axis, by a mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.errors import DataError
from madi.functions.arithmetic import _Elementwise
from madi.functions.reductions import axes_of
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library, is_traced
from madi.kernels.indexing import scatter_add


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
            _expect_within(np.asarray(entry), axis, x.shape)


def _expect_within(places: np.ndarray, axis: int, shape: tuple[int, ...]) -> None:
    """Raise IndexError, with the first wrong one, where an index lies beyond its axis."""
    size = shape[axis] if axis < len(shape) else 0
    wrong = places[(places < -size) | (places >= size)]
    if wrong.size:
        raise IndexError(f"index {wrong[0]} is out of range for axis {axis} of an array of shape {shape}")


def _is_mask(entry: Any) -> bool:
    return isinstance(entry, bool) or getattr(getattr(entry, "dtype", None), "kind", "") == "b"


def _position(entry: Any) -> Any:
    """One entry of an index: a list, which JAX refuses, and a Variable become arrays."""
    if isinstance(entry, list):
        return np.asarray(entry, dtype=None if entry else np.intp)
    return entry.value if isinstance(entry, Variable) else entry


class Take(Function):
    """Slices of an array, picked by whole numbers along one axis; the axis becomes those of the indices.

    forward   y  = x[..., indices, ...]     the indices at the place of `axis`; negative ones count from the end
    backward  gx = zeros like x, to which gy is added at those indices     a slice picked twice gets both gradients
    keeps the indices, which have no gradient

    Indices out of range are refused where they can be looked at; a compiled program takes the nearest slice.
    """

    symbol = "x[ ]"

    def __init__(self, *, axis: int = 0) -> None:
        self.axis = axis

    def forward(self, x: Array, indices: Array) -> Array:
        (axis,) = axes_of("take", self.axis, x.ndim)
        if indices.dtype.kind not in "iu":
            raise DataError(f"take: expected whole numbers as indices, got {indices.dtype}. Convert them: astype(int).")
        if not is_traced(indices):
            _expect_within(np.asarray(indices), axis, x.shape)
        self.index = (slice(None),) * axis + (indices,)
        return array_library(x, indices).asarray(x)[self.index]  # of the library of both

    def backward(self, gy: Array) -> tuple[Array, None]:
        return scatter_add(self.inputs[0].shape, self.index, gy), None


class Where(_Elementwise):
    """One of two inputs, element by element.

    forward   y   = x0 where the mask is true, else x1
    backward  gx0 = gy where the mask is true, else 0,  gx1 = 0 where the mask is true, else gy
    keeps the mask, which has no gradient
    """

    symbol = "where"

    def equation(self, mask: Array, x0: Array, x1: Array) -> Array:
        if mask.dtype.kind != "b":
            raise DataError(f"where: expected a mask of booleans, got {mask.dtype}. Compare it with something: x > 0.")
        self.mask = mask
        return array_library(mask, x0, x1).where(mask, x0, x1)

    def slopes(self, gy: Array) -> tuple[None, Array, Array]:
        where = array_library(gy).where
        return None, where(self.mask, gy, 0), where(self.mask, 0, gy)


def get_item(x: Any, index: Any) -> Variable:
    """`x[index]`, as NumPy indexes.  See `GetItem`."""
    return GetItem(index)(x)


def take(x: Any, indices: Any, axis: int = 0) -> Variable:
    """The slices of x at `indices` (whole numbers, of any shape) along `axis`.  See `Take`.

    x (2, 5, 3), indices (4, 1), axis 1 -> (2, 4, 1, 3).  Raises IndexError for indices out of range, DataError for
    others than whole numbers, ShapeError for an axis that x has not.
    """
    known = hasattr(indices, "dtype")
    return Take(axis=axis)(x, indices if known else np.asarray(indices, dtype=None if np.size(indices) else np.intp))


def where(mask: Any, x0: Any, x1: Any) -> Variable:
    """x0 where `mask` is true, else x1, broadcasting as NumPy does.  See `Where`.

    Raises DataError for a mask that is not of booleans, ShapeError for shapes that do not broadcast.
    """
    return Where()(mask, x0, x1)
