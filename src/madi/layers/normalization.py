"""Layers that bring numbers to a common scale."""

from __future__ import annotations

from typing import Any

import numpy as np

import madi.functions as F
from madi.errors import ShapeError
from madi.graph import Array, Parameter, Variable
from madi.layers.base import Layer
from madi.layers.convolution import naming
from madi.layers.scaling import expect_axes, last_sizes
from madi.options import FINITE, POSITIVE, Interval, expect_count, expect_number

SHARE = Interval("a number from 0 to 1", lambda value: 0 <= value <= 1)


class BatchNorm(Layer):
    """Batch normalization of rows or images, channel by channel (last axis).

    training    y = γ (x - μ) / √(σ² + ε) + β      by the mean and the biased variance of the batch
                mean     <- (1 - momentum) mean     + momentum μ
                variance <- (1 - momentum) variance + momentum σ² m / (m - 1)      m numbers a channel: unbiased
    inference   y = γ (x - mean) / √(variance + ε) + β

    momentum    the share of the new in the running statistics, as in PyTorch (TensorFlow counts the share of the old)
    eps         ε

    γ is `scale`, β `shift`; weight decay leaves both alone.  `mean` and `variance` are running statistics, found in
    `model.state()`.  A call in training moves them, by itself on the layer, and in `model.apply` in the new state.
    See `madi.functions.BatchNorm` for the backward equations.

    Raises ShapeError for another number of channels than it was built for, and in training for a single number a
    channel: no variance can be taken of it.
    """

    states = ("mean", "variance")
    numbers = ("momentum",)

    def __init__(self, momentum: float = 0.1, eps: float = 1e-5) -> None:
        self.momentum = expect_number("BatchNorm: momentum", momentum, SHARE, fix="Try 0.1.")
        self.eps = expect_number("BatchNorm: eps", eps, POSITIVE, fix="Try 1e-5.")
        self.scale: Parameter = None  # type: ignore[assignment]  # made by build
        self.shift: Parameter = None  # type: ignore[assignment]
        self.mean: Array = None
        self.variance: Array = None

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """γ and the variance ones, β and the mean zeros."""
        if not shape:
            raise ShapeError(f"{self.label()}: expected x (N, ..., channels), got one number an example.")
        ones, zeros = np.ones(shape[-1], np.float32), np.zeros(shape[-1], np.float32)
        self.scale, self.shift = Parameter(ones, decay=False), Parameter(zeros, decay=False)
        self.mean, self.variance = zeros.copy(), ones.copy()

    def __call__(self, x: Any, *, training: bool = False) -> Variable:
        """x normalized; in training the running statistics move."""
        held = self.scale, self.shift, self.mean, self.variance
        with naming(self.label()):
            y, mean, variance = F.batch_norm(x, *held, training=training, momentum=self.momentum, eps=self.eps)
        if training:
            self.mean, self.variance = mean, variance
        return y


class LayerNorm(Layer):
    """Layer normalization: each example by itself, over its last axes.

    y = γ (x - μ) / √(σ² + ε) + β       by the mean and the biased variance of these numbers

    axes    how many axes, counted from the last, one mean is taken over: 1 is the channels of each row or pixel
    eps     ε

    γ is `scale`, β `shift`, of the shape of these axes; weight decay leaves both alone.  Training and inference are the
    same.  See `madi.functions.LayerNorm` for the backward equations.

    Raises ShapeError for another shape than it was built for.
    """

    def __init__(self, axes: int = 1, eps: float = 1e-5) -> None:
        self.axes = expect_axes("LayerNorm", axes, least=1)
        self.eps = expect_number("LayerNorm: eps", eps, POSITIVE, fix="Try 1e-5.")
        self.scale: Parameter = None  # type: ignore[assignment]  # made by build
        self.shift: Parameter = None  # type: ignore[assignment]

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """γ ones, β zeros."""
        last = last_sizes(self, shape, self.axes)
        self.scale = Parameter(np.ones(last, np.float32), decay=False)
        self.shift = Parameter(np.zeros(last, np.float32), decay=False)

    def __call__(self, x: Any) -> Variable:
        """x normalized."""
        with naming(self.label()):
            return F.layer_norm(x, self.scale, self.shift, eps=self.eps, axes=self.axes)


class LocalResponseNormalization(Layer):
    """Each number held down by its neighbours in the next channels: y = x / (k + alpha / size Σ x²)^beta.

    size    how many channels, its own in the middle, the sum is over

    PyTorch's form and defaults.  See `madi.functions.LocalResponseNormalization`.
    """

    def __init__(self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        where = "LocalResponseNormalization"
        self.size = expect_count(f"{where}: size", size, fix="Try 5.")
        self.alpha = expect_number(f"{where}: alpha", alpha, FINITE, fix="Try 1e-4.")
        self.beta = expect_number(f"{where}: beta", beta, FINITE, fix="Try 0.75.")
        self.k = expect_number(f"{where}: k", k, POSITIVE, fix="Try 1.")

    def __call__(self, x: Any) -> Variable:
        """x held down."""
        return F.local_response_normalization(x, self.size, alpha=self.alpha, beta=self.beta, k=self.k)
