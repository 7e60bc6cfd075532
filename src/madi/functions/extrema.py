"""The larger and the smaller of two inputs, and limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.errors import ConfigurationError, ShapeError
from madi.functions.arithmetic import _Elementwise, repeats_to
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library, is_floating, is_traced, limits


class Maximum(_Elementwise):
    """The larger of two inputs, element by element.

    forward   y   = max(x0, x1)
    backward  gx0 = gy where x0 > x1, gy / 2 where they are equal, else 0
              gx1 = gy where x1 > x0, gy / 2 where they are equal, else 0
    keeps both inputs

    Halves at ties are PyTorch's convention.  A NaN beats every number; both inputs then get the whole gradient.
    """

    symbol = "max"

    def equation(self, x0: Array, x1: Array) -> Array:
        self.x0, self.x1 = x0, x1
        return array_library(x0, x1).maximum(x0, x1)

    def slopes(self, gy: Array) -> tuple[Array, Array]:
        return _shares(gy, self.x0, self.x1)


class Minimum(_Elementwise):
    """The smaller of two inputs, element by element.

    forward   y   = min(x0, x1)
    backward  gx0 = gy where x0 < x1, gy / 2 where they are equal, else 0
              gx1 = gy where x1 < x0, gy / 2 where they are equal, else 0
    keeps both inputs

    Halves at ties are PyTorch's convention.  A NaN beats every number; both inputs then get the whole gradient.
    """

    symbol = "min"

    def equation(self, x0: Array, x1: Array) -> Array:
        self.x0, self.x1 = x0, x1
        return array_library(x0, x1).minimum(x0, x1)

    def slopes(self, gy: Array) -> tuple[Array, Array]:
        return _shares(gy, self.x1, self.x0)


def _shares(gy: Array, x0: Array, x1: Array) -> tuple[Array, Array]:
    """What x0 and x1 get of gy where the larger wins; with the two swapped, what they get where the smaller does."""
    where = array_library(gy).where
    shared = where(x0 == x1, gy / 2, gy)
    return where(x0 < x1, 0, shared), where(x1 < x0, 0, shared)


class Clip(Function):
    """An input held between two constant bounds, elementwise.

    forward   y  = min(max(x, low), high)                   None: no bound on that side
    backward  gx = gy where low <= x <= high, else 0        at a bound the gradient passes, as in PyTorch's clamp
    keeps x

    The bounds are numbers or arrays that repeat to the shape of x, and become numbers of its type.  Where low > high,
    y = high.  A NaN stays one, and gets no gradient.
    """

    symbol = "clip"

    def __init__(self, *, low: Any = None, high: Any = None) -> None:
        self.low, self.high = low, high

    def forward(self, x: Array) -> Array:
        lowest, highest = limits(x.dtype)
        self.x = x
        self.bounds = _bound(self.low, lowest, x), _bound(self.high, highest, x)
        low, high = self.bounds
        xp = array_library(x, low, high)
        return xp.minimum(xp.maximum(x, low), high)

    def backward(self, gy: Array) -> Array:
        low, high = self.bounds
        return array_library(gy).where((low <= self.x) & (self.x <= high), gy, 0)


def _bound(bound: Any, default: Any, x: Array) -> Array:
    """A bound of x as an array of its type; `default` where there is none."""
    bound = default if bound is None else getattr(bound, "value", bound)
    given = bound if hasattr(bound, "dtype") else np.asarray(bound)
    if not repeats_to(given.shape, x.shape):
        raise ShapeError(f"clip: expected bounds that repeat to the input's shape {x.shape}, got {given.shape}.")
    with np.errstate(over="ignore", invalid="ignore"):  # a bound beyond the type is no bound
        typed = given.astype(x.dtype)
    if not is_traced(given) and not is_floating(x.dtype) and (typed != given).any():
        raise ConfigurationError(f"clip: expected bounds that {x.dtype} can hold, got {bound}. Cast the input first.")
    return typed


def maximum(x0: Any, x1: Any) -> Variable:
    """The larger of x0 and x1, element by element, broadcasting as NumPy does.  See `Maximum`; along axes: `max`."""
    return Maximum()(x0, x1)


def minimum(x0: Any, x1: Any) -> Variable:
    """The smaller of x0 and x1, element by element, broadcasting as NumPy does.  See `Minimum`; along axes: `min`."""
    return Minimum()(x0, x1)


def clip(x: Any, low: Any = None, high: Any = None) -> Variable:
    """x held between `low` and `high`: numbers, arrays, or None for no bound.  See `Clip`.

    Raises ShapeError for bounds that do not repeat to x's shape, ConfigurationError for one that is no number of x's
    type where this is whole numbers.
    """
    return Clip(low=low, high=high)(x)
