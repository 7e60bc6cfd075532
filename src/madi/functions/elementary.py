"""Exponential and logarithm."""

from __future__ import annotations

from typing import Any

from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library


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


def exp(x: Any) -> Variable:
    """`exp(x)`, elementwise.  See `Exp`."""
    return Exp()(x)


def log(x: Any) -> Variable:
    """`log(x)`, elementwise, for x > 0.  See `Log`."""
    return Log()(x)
