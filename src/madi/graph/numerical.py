"""Numerical differentiation: slopes from values of the function alone, slow and independent of every backward."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from madi.errors import ShapeError
from madi.graph.variable import Array, Variable, as_array
from madi.kernels.arrays import array_library
from madi.options import POSITIVE, expect_number


def numerical_gradient(f: Callable[..., Any], x: Any, *, step: float | None = None) -> Any:
    """Gradient of a scalar function at `x` by central differences, one element after the other.

        df/dx_i = (f(x + h e_i) - f(x - h e_i)) / 2h        error  h^2 f'''/6  +  eps |f| / h

    The first term is the equation's own error: central differences are of second order, where the forward difference
    (f(x + h) - f(x)) / h is of first.  The second is rounding: the two values of f agree in more and more digits as h
    shrinks, and subtracting them leaves the wrong digits; at h = 1e-50, x + h is x and the difference 0.  Their sum is
    smallest near h = eps^(1/3) max(1, |x_i|), about 6e-6 in float64, which leaves some 10 digits.

    f      takes an array of x's shape and returns a number, a 0-d array or a Variable of one
    x      a number, a NumPy or JAX array or a Variable, whose value is used; integers become float64.  A tuple or list
           of them is several arguments: f(*x).  f is given float64 copies, so that x stays as it is
    step   h for every element, instead of the one above

    Returns an array of x's shape and library in float64; for a tuple or list, a tuple of them.

    Raises ShapeError when f returns anything but a single number, ConfigurationError for a step that is not positive.

    >>> numerical_gradient(lambda x: (x**2).sum(), np.array([3, 4])).round(6)
    array([6., 8.])
    """
    if step is not None:
        step = expect_number("numerical_gradient: step", step, POSITIVE, fix="Leave it out for the default.")
    several = isinstance(x, tuple | list)
    with double_precision():
        arrays = [value_of(entry).astype(np.float64) for entry in (x if several else [x])]
        probe = Probe(lambda moved: _single_number(f(*moved)), arrays)
        found = tuple(_central_differences(probe, position, step) for position in range(len(arrays)))
    return found if several else found[0]


class Probe:
    """A scalar function of several arrays, ready to be evaluated with one element moved.

    f        takes a list of arrays of the given arrays' libraries and returns a number; each call gets copies
    arrays   where to evaluate; floats are taken in float64, integers and booleans stay as they are
    """

    def __init__(self, f: Callable[[list[Array]], float], arrays: Sequence[Array]) -> None:
        self.f = f
        self.libraries = [array_library(array) for array in arrays]
        self.arrays = [np.array(array, dtype=np.float64 if is_floating(array) else None) for array in arrays]

    def copies(self) -> list[Array]:
        """The arrays, each in the library that its original came in."""
        return [library.array(array) for library, array in zip(self.libraries, self.arrays, strict=True)]

    def at(self, position: int, index: tuple[int, ...], by: float) -> float:
        """f where element `index` of array `position` is moved `by` that much."""
        arrays = self.copies()
        moved = self.arrays[position].copy()
        moved[index] += by
        arrays[position] = self.libraries[position].asarray(moved)
        return self.f(arrays)

    def step(self, position: int, index: tuple[int, ...]) -> float:
        """h near the optimum of central differences in float64."""
        return float(np.finfo(np.float64).eps ** (1 / 3) * max(1.0, abs(self.arrays[position][index])))


def value_of(entry: Any) -> Array:
    """A Variable's value, or the number or array itself as an array."""
    return entry.value if isinstance(entry, Variable) else as_array(entry)


def is_floating(array: Array) -> bool:
    """Whether the array holds real numbers that can be moved a little, rather than integers or booleans."""
    return bool(np.issubdtype(array.dtype, np.floating))


@contextmanager
def double_precision() -> Iterator[None]:
    """Within the block JAX, where it has been imported, keeps float64; NumPy always does."""
    jax = sys.modules.get("jax")
    with nullcontext() if jax is None else jax.enable_x64(True):
        yield


def _central_differences(probe: Probe, position: int, step: float | None) -> Array:
    gradient = np.zeros_like(probe.arrays[position])
    for index in np.ndindex(gradient.shape):
        h = step or probe.step(position, index)
        gradient[index] = (probe.at(position, index, h) - probe.at(position, index, -h)) / (2 * h)
    return probe.libraries[position].asarray(gradient)


def _single_number(result: Any) -> float:
    value = np.asarray(result.value if isinstance(result, Variable) else result)
    if value.shape or value.dtype == object:
        got = f"an array of shape {value.shape}" if value.shape else type(result).__name__
        raise ShapeError(
            f"numerical_gradient: f must return a single number, got {got}. Reduce it with sum() or mean()."
        )
    return float(value)
