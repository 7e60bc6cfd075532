"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

import madi.functions as F
from madi.graph import Variable
from madi.layers.base import Layer


class Identity(Layer):
    """y = x.  See `madi.functions.Identity`."""

    def __call__(self, x: Any) -> Variable:
        """x itself."""
        return F.identity(x)


class Step(Layer):
    """y = 1 where x > 0, else 0.  See `madi.functions.Step`."""

    def __call__(self, x: Any) -> Variable:
        """step(x)."""
        return F.step(x)


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)).  See `madi.functions.Sigmoid`."""

    def __call__(self, x: Any) -> Variable:
        """sigmoid(x)."""
        return F.sigmoid(x)


class Tanh(Layer):
    """y = tanh(x).  See `madi.functions.Tanh`."""

    def __call__(self, x: Any) -> Variable:
        """tanh(x)."""
        return F.tanh(x)


class ReLU(Layer):
    """y = max(x, 0).  See `madi.functions.ReLU`."""

    def __call__(self, x: Any) -> Variable:
        """relu(x)."""
        return F.relu(x)


class LeakyReLU(Layer):
    """y = x where x > 0, else slope x.  See `madi.functions.LeakyReLU`."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def __call__(self, x: Any) -> Variable:
        """leaky_relu(x)."""
        return F.leaky_relu(x, self.slope)


class Softmax(Layer):
    """Scores to probabilities on the last axis.  See `madi.functions.Softmax`.

    A loss on logits (softmax_cross_entropy) applies it itself: leave it out of a model that is trained with one.
    """

    def __call__(self, x: Any) -> Variable:
        """softmax(x) over the last axis."""
        return F.softmax(x)


ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "step": Step,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "softmax": Softmax,
}
