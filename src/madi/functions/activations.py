"""Activation functions: what makes a network more than one matrix."""

from __future__ import annotations

from typing import Any

from madi.errors import ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library


class Step(Function):
    """Heaviside step, elementwise: the perceptron's activation.

    forward   y  = 1 where x > 0, else 0       step(0) = 0
    backward  gx = 0                           flat everywhere: nothing can be learned through it
    """

    def forward(self, x: Array) -> Array:
        return (x > 0).astype(x.dtype)

    def backward(self, gy: Array) -> Array:
        return gy * 0


class Identity(Function):
    """Identity: the output activation of regression.

    forward   y  = x
    backward  gx = gy
    """

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, gy: Array) -> Array:
        return gy


class Sigmoid(Function):
    """Logistic sigmoid, elementwise.

    forward   y  = 1 / (1 + exp(-x))     computed as (1 + tanh(x/2)) / 2, which cannot overflow
    backward  gx = gy y (1 - y)          keeps y: the slope needs only the output
    """

    symbol = "σ"

    def forward(self, x: Array) -> Array:
        self.y = logistic(x)
        return self.y

    def backward(self, gy: Array) -> Array:
        return gy * self.y * (1 - self.y)


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)), which cannot overflow."""
    return (array_library(x).tanh(x * 0.5) + 1) * 0.5


class Tanh(Function):
    """Hyperbolic tangent, elementwise: centred at 0.

    forward   y  = tanh(x)
    backward  gx = gy (1 - y²)           keeps y
    """

    def forward(self, x: Array) -> Array:
        self.y = array_library(x).tanh(x)
        return self.y

    def backward(self, gy: Array) -> Array:
        return gy * (1 - self.y**2)


class ReLU(Function):
    """Rectified linear unit, elementwise.

    forward   y  = max(x, 0)
    backward  gx = gy where x > 0, else 0     slope 0 at the kink; keeps y, which is positive just where x is
    """

    def forward(self, x: Array) -> Array:
        self.y = array_library(x).maximum(x, 0)
        return self.y

    def backward(self, gy: Array) -> Array:
        return array_library(gy).where(self.y > 0, gy, 0)


class LeakyReLU(Function):
    """Rectified linear unit that leaks, elementwise.

    forward   y  = x where x > 0, else slope x
    backward  gx = gy where x > 0, else slope gy      keeps the sign of x

    Default slope 0.01 (Maas, Hannun and Ng, 2013).
    """

    def __init__(self, *, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: Array) -> Array:
        self.positive = x > 0
        return array_library(x).where(self.positive, x, x * self.slope)

    def backward(self, gy: Array) -> Array:
        return array_library(gy).where(self.positive, gy, gy * self.slope)


class Maxout(Function):
    """The largest of each group of k neighbours on the last axis.

    forward   y[..., u]        = max over j of x[..., u k + j]       (..., units k) -> (..., units)
    backward  gx[..., u k + j] = gy[..., u] where x[..., u k + j] is the largest of its group, else 0
    keeps the place of each maximum in its group

    Of equal ones the first gets the whole gradient.  A NaN beats every number.  Goodfellow et al., 2013.
    """

    symbol = "max"

    def __init__(self, *, pieces: int) -> None:
        self.pieces = pieces

    def forward(self, x: Array) -> Array:
        if not x.ndim or x.shape[-1] % self.pieces:
            raise ShapeError(
                f"maxout: expected a last axis that {self.pieces} pieces divide, got {x.shape}. Give it units x pieces "
                "features."
            )
        groups = x.reshape(*x.shape[:-1], x.shape[-1] // self.pieces, self.pieces)
        self.largest = groups.argmax(axis=-1)
        return groups.max(axis=-1)

    def backward(self, gy: Array) -> Array:
        xp = array_library(gy)
        chosen = xp.arange(self.pieces) == self.largest[..., None]
        return xp.where(chosen, gy[..., None], 0).reshape(self.inputs[0].shape)


def normalized_exponential(x: Array, axis: int) -> Array:
    """exp(x) / Σ exp(x), after the shift by the maximum that keeps every exponent at or below 0."""
    xp = array_library(x)
    raised = xp.exp(x - x.max(axis=axis, keepdims=True))
    return raised / raised.sum(axis=axis, keepdims=True)


class Softmax(Function):
    """Softmax along one axis: scores to probabilities.

    forward   y  = exp(x - max x) / Σ exp(x - max x)     the shift changes nothing but prevents overflow
    backward  gx = y (gy - Σ gy y)                       keeps y
    """

    def __init__(self, *, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Array) -> Array:
        self.y = normalized_exponential(x, self.axis)
        return self.y

    def backward(self, gy: Array) -> Array:
        return self.y * (gy - (gy * self.y).sum(axis=self.axis, keepdims=True))


class LogSoftmax(Function):
    """Logarithm of softmax along one axis, without the detour over tiny probabilities.

    forward   y  = x - max x - log Σ exp(x - max x)
    backward  gx = gy - exp(y) Σ gy                      keeps y
    """

    def __init__(self, *, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Array) -> Array:
        xp = array_library(x)
        shifted = x - x.max(axis=self.axis, keepdims=True)
        self.y = shifted - xp.log(xp.exp(shifted).sum(axis=self.axis, keepdims=True))
        return self.y

    def backward(self, gy: Array) -> Array:
        return gy - array_library(gy).exp(self.y) * gy.sum(axis=self.axis, keepdims=True)


def step(x: Any) -> Variable:
    """1 where x > 0, else 0.  See `Step`."""
    return Step()(x)


def identity(x: Any) -> Variable:
    """x itself.  See `Identity`."""
    return Identity()(x)


def sigmoid(x: Any) -> Variable:
    """`1 / (1 + exp(-x))`.  See `Sigmoid`."""
    return Sigmoid()(x)


def tanh(x: Any) -> Variable:
    """`tanh(x)`.  See `Tanh`."""
    return Tanh()(x)


def relu(x: Any) -> Variable:
    """`max(x, 0)`.  See `ReLU`."""
    return ReLU()(x)


def leaky_relu(x: Any, slope: float = 0.01) -> Variable:
    """x where positive, else `slope * x`.  See `LeakyReLU`."""
    return LeakyReLU(slope=slope)(x)


def maxout(x: Any, pieces: int) -> Variable:
    """The largest of each `pieces` neighbours on the last axis: (..., units pieces) -> (..., units).  See `Maxout`.

    Of images (N, H, W, channels) these are neighbouring channels.  Raises ShapeError where the axis does not divide.
    """
    return Maxout(pieces=pieces)(x)


def softmax(x: Any, axis: int = -1) -> Variable:
    """Scores to probabilities along `axis`.  See `Softmax`."""
    return Softmax(axis=axis)(x)


def log_softmax(x: Any, axis: int = -1) -> Variable:
    """Logarithm of softmax along `axis`.  See `LogSoftmax`."""
    return LogSoftmax(axis=axis)(x)
