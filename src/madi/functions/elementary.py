"""Elementary functions of one number: exponential, logarithm, root, absolute value, error function; other types."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from madi.errors import DataError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library, is_floating, is_jax


class Exp(Function):
    """Exponential, elementwise.

    forward   y  = exp(x)
    backward  gx = gy y          keeps y: the exponential is its own slope
    """

    symbol = "exp"

    def forward(self, x: Array) -> Array:
        self.y = array_library(x).exp(x)
        return self.y

    def backward(self, gy: Array) -> Array:
        return gy * self.y


class Log(Function):
    """Natural logarithm, elementwise.

    forward   y  = log(x)        x > 0
    backward  gx = gy / x        keeps x
    """

    symbol = "log"

    def forward(self, x: Array) -> Array:
        self.x = x
        return array_library(x).log(x)

    def backward(self, gy: Array) -> Array:
        return gy / self.x


class Sqrt(Function):
    """Square root, elementwise.

    forward   y  = √x            x >= 0
    backward  gx = gy / (2 y)    keeps y; infinite at 0
    """

    symbol = "√"

    def forward(self, x: Array) -> Array:
        self.y = array_library(x).sqrt(x)
        return self.y

    def backward(self, gy: Array) -> Array:
        return gy / (2 * self.y)


class Absolute(Function):
    """Absolute value, elementwise.

    forward   y  = |x|
    backward  gx = gy sign(x)    keeps x; slope 0 at the kink, as sign(0) = 0
    """

    symbol = "| |"

    def forward(self, x: Array) -> Array:
        self.x = x
        return array_library(x).abs(x)

    def backward(self, gy: Array) -> Array:
        return gy * array_library(gy).sign(self.x)


class Erf(Function):
    """Error function, elementwise: how much of a normal distribution of variance 1/2 lies between -x and x.

    forward   y  = 2/√π ∫ exp(-t²) dt from 0 to x
    backward  gx = gy 2/√π exp(-x²)     keeps x
    """

    symbol = "erf"
    wide = True

    def forward(self, x: Array) -> Array:
        self.x = x
        return error_function(x)

    def backward(self, gy: Array) -> Array:
        return gy * bell(self.x) * (2 / math.sqrt(math.pi))


def error_function(x: Array) -> Array:
    """erf(x), by SciPy for NumPy's arrays: NumPy has none, and JAX does not come without SciPy."""
    if is_jax(x):
        from jax.scipy.special import erf as erf_of_jax

        return erf_of_jax(x)
    from scipy.special import erf as erf_of_scipy  # type: ignore[import-untyped]

    return erf_of_scipy(x)


def bell(x: Array) -> Array:
    """exp(-x²).  Beyond 30 it is 0 in every type, and x² might overflow."""
    held = array_library(x).clip(x, -30, 30)
    return array_library(x).exp(-held * held)


class Cast(Function):
    """The same numbers in another type.

    forward   y  = x as numbers of `dtype`       to whole numbers: towards 0; to booleans: x ≠ 0
    backward  gx = gy as numbers of x's type     none where either type is of whole numbers

    On JAX, outside of `jax.enable_x64`, a type of 64 bits is the one of 32, as everywhere there.
    """

    symbol = "cast"

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype.kind not in "biuf" and not is_floating(self.dtype):
            raise DataError(f"cast: expected a type of numbers, got {self.dtype}. Try float32.")

    def forward(self, x: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):  # what the type cannot hold: infinity, or any number
            return x.astype(_canonical(self.dtype) if is_jax(x) else self.dtype)

    def backward(self, gy: Array) -> Array:
        return gy  # the pass backward gives every gradient its input's type


def _canonical(dtype: Any) -> Any:
    """The type that JAX, as it is set, has for this one."""
    from jax.dtypes import canonicalize_dtype

    return canonicalize_dtype(dtype)


def exp(x: Any) -> Variable:
    """`exp(x)`, elementwise.  See `Exp`."""
    return Exp()(x)


def log(x: Any) -> Variable:
    """`log(x)`, elementwise, for x > 0.  See `Log`."""
    return Log()(x)


def sqrt(x: Any) -> Variable:
    """`√x`, elementwise, for x >= 0.  See `Sqrt`."""
    return Sqrt()(x)


def absolute(x: Any) -> Variable:
    """`|x|`, elementwise.  See `Absolute`."""
    return Absolute()(x)


def erf(x: Any) -> Variable:
    """The error function, elementwise.  See `Erf`."""
    return Erf()(x)


def cast(x: Any, dtype: Any) -> Variable:
    """x as numbers of `dtype`.  See `Cast`.  Raises DataError for types that are not of numbers."""
    return Cast(dtype)(x)
