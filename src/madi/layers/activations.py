"""Activation functions as layers; those with parameters of their own are in `madi.layers.scaling`."""

from __future__ import annotations

from typing import Any

import madi.functions as F
from madi.errors import ConfigurationError
from madi.graph import Variable
from madi.layers.base import Layer
from madi.options import FINITE, expect_number


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


class LogSoftmax(Layer):
    """Scores to logarithms of probabilities on the last axis.  See `madi.functions.LogSoftmax`."""

    def __call__(self, x: Any) -> Variable:
        """log_softmax(x) over the last axis."""
        return F.log_softmax(x)


class ELU(Layer):
    """y = x where x > 0, else alpha (exp(x) - 1).  See `madi.functions.ELU`."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = expect_number("ELU: alpha", alpha, FINITE, fix="Try 1.")

    def __call__(self, x: Any) -> Variable:
        """elu(x)."""
        return F.elu(x, self.alpha)


class HardSigmoid(Layer):
    """y = min(max(slope x + offset, 0), 1).  See `madi.functions.HardSigmoid`."""

    def __init__(self, slope: float = 1 / 6, offset: float = 0.5) -> None:
        self.slope = expect_number("HardSigmoid: slope", slope, FINITE, fix="Try 0.2.")
        self.offset = expect_number("HardSigmoid: offset", offset, FINITE, fix="Try 0.5.")

    def __call__(self, x: Any) -> Variable:
        """hard_sigmoid(x)."""
        return F.hard_sigmoid(x, self.slope, self.offset)


class Softplus(Layer):
    """y = log(1 + exp(x)).  See `madi.functions.Softplus`."""

    def __call__(self, x: Any) -> Variable:
        """softplus(x)."""
        return F.softplus(x)


class GELU(Layer):
    """y = x Φ(x), Φ the normal distribution; approximate="tanh" computes it by tanh.  See `madi.functions.GELU`."""

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ConfigurationError(f"GELU: approximate must be 'none' or 'tanh', got {approximate!r}.")
        self.approximate = approximate

    def __call__(self, x: Any) -> Variable:
        """gelu(x)."""
        return F.gelu(x, self.approximate)


class Clip(Layer):
    """y = x held between `low` and `high`: ReLU6 is Clip(0, 6).  See `madi.functions.Clip`.

    low, high    numbers; None for no bound, on one side at most

    Raises ConfigurationError where there is no bound, or the low one is above the high one.
    """

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low = None if low is None else expect_number("Clip: low", low, FINITE, fix="Try 0.")
        self.high = None if high is None else expect_number("Clip: high", high, FINITE, fix="Try 6.")
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if not bounds or bounds[0] > bounds[-1]:
            raise ConfigurationError(f"Clip: expected a bound, low <= high, got {low!r} and {high!r}. Try Clip(0, 6).")

    def __call__(self, x: Any) -> Variable:
        """clip(x)."""
        return F.clip(x, self.low, self.high)


ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "step": Step,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "softmax": Softmax,
    "log_softmax": LogSoftmax,
    "elu": ELU,
    "hard_sigmoid": HardSigmoid,
    "softplus": Softplus,
    "gelu": GELU,
}
