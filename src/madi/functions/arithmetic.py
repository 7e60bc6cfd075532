"""The four operations, powers, and what undoes broadcasting on the way back."""

from __future__ import annotations

from typing import Any

from madi.errors import ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library


def sum_to(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Undo broadcasting: add the gradient up along the axes that forward repeated, down to `shape`."""
    if gradient.shape == shape:
        return gradient
    extra = gradient.ndim - len(shape)
    repeated = [axis for axis, size in enumerate(shape, start=extra) if size == 1]
    return gradient.sum(axis=(*range(extra), *repeated)).reshape(shape)


class _Elementwise(Function):
    """Inputs that broadcast against each other; each gradient is summed back to its input's shape."""

    def forward(self, *xs: Array) -> Array:
        try:
            return self.equation(*xs)
        except (ValueError, TypeError) as error:
            shapes = [x.shape for x in xs]
            if broadcastable(*shapes):
                raise
            raise ShapeError(
                f"{type(self).__name__.lower()}: shapes {' and '.join(map(str, shapes))} do not broadcast. Sizes must "
                "agree from the last axis back, or be 1: reshape one of them."
            ) from error

    def backward(self, gy: Array) -> tuple[Array | None, ...]:
        gxs = self.slopes(gy)
        return tuple(sum_to(gxs[i], x.shape) if self.needs[i] else None for i, x in enumerate(self.inputs))

    def equation(self, *xs: Array) -> Array:
        raise NotImplementedError

    def slopes(self, gy: Array) -> tuple[Array, ...]:
        raise NotImplementedError


def broadcastable(*shapes: tuple[int, ...]) -> bool:
    """Whether arrays of these shapes repeat against each other: from the last axis back, sizes agree or are 1."""
    widest = max(map(len, shapes))
    columns = zip(*((1,) * (widest - len(shape)) + shape for shape in shapes), strict=True)
    return all(len({size for size in column if size != 1}) <= 1 for column in columns)


def repeats_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether an array of `shape` repeats to `target` exactly: from the last axis back, sizes agree or are 1."""
    sizes = zip(shape[::-1], target[::-1], strict=False)
    return len(shape) <= len(target) and all(size in (1, goal) for size, goal in sizes)


class Add(_Elementwise):
    """Sum of two inputs.

    forward   y   = x0 + x1
    backward  gx0 = gy,  gx1 = gy       an addition passes the gradient on
    """

    symbol = "+"

    def equation(self, x0: Array, x1: Array) -> Array:
        return x0 + x1

    def slopes(self, gy: Array) -> tuple[Array, Array]:
        return gy, gy


class Subtract(_Elementwise):
    """Difference of two inputs.

    forward   y   = x0 - x1
    backward  gx0 = gy,  gx1 = -gy
    """

    symbol = "−"

    def equation(self, x0: Array, x1: Array) -> Array:
        return x0 - x1

    def slopes(self, gy: Array) -> tuple[Array, Array]:
        return gy, -gy


class Multiply(_Elementwise):
    """Elementwise product of two inputs.

    forward   y   = x0 x1
    backward  gx0 = gy x1,  gx1 = gy x0     a multiplication swaps its inputs: keeps both
    """

    symbol = "×"

    def equation(self, x0: Array, x1: Array) -> Array:
        self.x0, self.x1 = x0, x1
        return x0 * x1

    def slopes(self, gy: Array) -> tuple[Array, Array]:
        return gy * self.x1, gy * self.x0


class Divide(_Elementwise):
    """Elementwise quotient of two inputs.

    forward   y   = x0 / x1
    backward  gx0 = gy / x1,  gx1 = -gy x0 / x1²     keeps both inputs
    """

    symbol = "÷"

    def equation(self, x0: Array, x1: Array) -> Array:
        self.x0, self.x1 = x0, x1
        return x0 / x1

    def slopes(self, gy: Array) -> tuple[Array, Array]:
        return gy / self.x1, -gy * self.x0 / self.x1**2


class Power(_Elementwise):
    """Elementwise power.

    forward   y   = x0^x1
    backward  gx0 = gy x1 x0^(x1 - 1)        0 where x1 = 0: x^0 is the constant 1
              gx1 = gy y log(x0)             0 where x0 = 0; NaN where x0 < 0, as the power itself between integers
    keeps both inputs and the output
    """

    symbol = "^"

    def equation(self, x0: Array, x1: Array) -> Array:
        self.x0, self.x1 = x0, x1
        self.y = x0**x1
        return self.y

    def slopes(self, gy: Array) -> tuple[Array, Array]:
        return self.base_slope(gy) if self.needs[0] else gy, self.exponent_slope(gy) if self.needs[1] else gy

    def base_slope(self, gy: Array) -> Array:
        """gx0 = gy x1 x0^(x1 - 1); where x1 = 0 any base will do that has an inverse, so 0 is kept out."""
        base = array_library(self.x0, self.x1).where(self.x1 == 0, 1, self.x0)
        return gy * self.x1 * base ** (self.x1 - 1)

    def exponent_slope(self, gy: Array) -> Array:
        """gx1 = gy y log(x0)."""
        xp = array_library(self.x0, self.x1)
        return gy * self.y * xp.log(xp.where(self.x0 == 0, 1, self.x0))


class Negative(Function):
    """Change of sign.

    forward   y  = -x
    backward  gx = -gy
    """

    symbol = "−"

    def forward(self, x: Array) -> Array:
        return -x

    def backward(self, gy: Array) -> Array:
        return -gy


def add(x0: Any, x1: Any) -> Variable:
    """`x0 + x1`, broadcasting as NumPy does.  See `Add`."""
    return Add()(x0, x1)


def subtract(x0: Any, x1: Any) -> Variable:
    """`x0 - x1`, broadcasting as NumPy does.  See `Subtract`."""
    return Subtract()(x0, x1)


def multiply(x0: Any, x1: Any) -> Variable:
    """`x0 * x1` element by element, broadcasting as NumPy does.  See `Multiply`."""
    return Multiply()(x0, x1)


def divide(x0: Any, x1: Any) -> Variable:
    """`x0 / x1` element by element, broadcasting as NumPy does.  See `Divide`."""
    return Divide()(x0, x1)


def power(x0: Any, x1: Any) -> Variable:
    """`x0 ** x1` element by element, broadcasting as NumPy does.  See `Power`."""
    return Power()(x0, x1)


def negative(x: Any) -> Variable:
    """`-x`.  See `Negative`."""
    return Negative()(x)
