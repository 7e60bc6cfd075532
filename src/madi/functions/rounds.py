"""What comes round, and whole parts: sine, cosine, and rounding down."""

from __future__ import annotations

from typing import Any

from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library


class Sin(Function):
    """Sine of an angle in radians, elementwise.

    forward   y  = sin(x)
    backward  gx = gy cos(x)     keeps x
    """

    symbol = "sin"

    def forward(self, x: Array) -> Array:
        self.x = x
        return array_library(x).sin(x)

    def backward(self, gy: Array) -> Array:
        return gy * array_library(gy).cos(self.x)


class Cos(Function):
    """Cosine of an angle in radians, elementwise.

    forward   y  = cos(x)
    backward  gx = -gy sin(x)    keeps x
    """

    symbol = "cos"

    def forward(self, x: Array) -> Array:
        self.x = x
        return array_library(x).cos(x)

    def backward(self, gy: Array) -> Array:
        return -gy * array_library(gy).sin(self.x)


class Floor(Function):
    """The largest whole number that is not above x, elementwise.

    forward   y  = floor(x)
    backward  gx = 0             flat but at whole numbers
    """

    symbol = "⌊ ⌋"

    def forward(self, x: Array) -> Array:
        return array_library(x).floor(x)

    def backward(self, gy: Array) -> Array:
        return gy * 0


def sin(x: Any) -> Variable:
    """`sin(x)`, x in radians.  See `Sin`."""
    return Sin()(x)


def cos(x: Any) -> Variable:
    """`cos(x)`, x in radians.  See `Cos`."""
    return Cos()(x)


def floor(x: Any) -> Variable:
    """x rounded down to a whole number.  See `Floor`."""
    return Floor()(x)
