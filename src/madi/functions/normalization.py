"""Nodes that bring numbers to a common scale: of batches, of each example, of neighbouring channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.errors import ConfigurationError, ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library
from madi.kernels.normalization import batch_norm_backward, batch_norm_moments
from madi.options import is_whole


class BatchNorm(Function):
    """Batch normalization in training: each channel (last axis) to mean 0 and variance 1 over all other axes.

    forward   μ  = Σ x / m,   σ² = Σ (x - μ)² / m        m numbers a channel: the biased variance
              x̂  = (x - μ) / √(σ² + ε)
              y  = γ x̂ + β
    backward  gβ = Σ gy,   gγ = Σ gy x̂
              gx = γ / √(σ² + ε) (gy - gβ / m - x̂ gγ / m)    μ and σ² depend on x too: hence the two last terms
    keeps x, μ and σ², from which x̂ is computed again: that costs less than to keep it

    γ is the scale, β the shift, both (channels,).  Ioffe and Szegedy, 2015.

    The sums are in `madi.kernels.normalization`: these equations, and compiled kernels.
    """

    symbol = "norm"
    wide = True

    def __init__(self, *, eps: float = 1e-5) -> None:
        self.eps = eps

    def forward(self, x: Array, scale: Array, shift: Array) -> Array:
        expect_channels("batch_norm", x, scale=scale, shift=shift)
        self.x, self.scale = x, scale
        self.mean, self.variance = batch_norm_moments(x)
        per_deviation = 1 / array_library(x).sqrt(self.variance + self.eps)
        return (x - self.mean) * (per_deviation * scale) + shift

    def backward(self, gy: Array) -> tuple[Array, Array, Array]:
        return batch_norm_backward(self.x, gy, self.scale, self.mean, self.variance, epsilon=self.eps)

    def running(self, mean: Array, variance: Array, momentum: Any) -> tuple[Array, Array]:
        """The running statistics after this batch; its variance counts unbiased there, with m - 1."""
        count = self.x.size // self.x.shape[-1]
        unbiased = self.variance * (count / (count - 1))
        return moved(mean, self.mean, momentum), moved(variance, unbiased, momentum)


class BatchNormInference(Function):
    """Batch normalization in inference: with statistics that were gathered before, which are constants.

    forward   y  = γ (x - μ) / √(σ² + ε) + β
    backward  gx = γ gy / √(σ² + ε),   gγ = Σ gy (x - μ) / √(σ² + ε),   gβ = Σ gy
    """

    symbol = "norm"
    wide = True

    def __init__(self, *, mean: Array, variance: Array, eps: float = 1e-5) -> None:
        self.mean, self.variance, self.eps = mean, variance, eps

    def forward(self, x: Array, scale: Array, shift: Array) -> Array:
        expect_channels("batch_norm", x, scale=scale, shift=shift, mean=self.mean, variance=self.variance)
        self.x, self.scale, self.center = x, scale, self.mean.astype(x.dtype)
        self.per_deviation = 1 / array_library(x, self.variance).sqrt(self.variance + self.eps).astype(x.dtype)
        return (x - self.center) * (self.per_deviation * scale) + shift

    def backward(self, gy: Array) -> tuple[Array, Array, Array]:
        axes = tuple(range(gy.ndim - 1))
        normal = (self.x - self.center) * self.per_deviation
        return gy * (self.scale * self.per_deviation), (gy * normal).sum(axis=axes), gy.sum(axis=axes)


class LayerNorm(Function):
    """Layer normalization: the numbers of the last axes to mean 0 and variance 1, each example by itself.

    forward   μ  = Σ x / m,   σ² = Σ (x - μ)² / m        over the m numbers of the last axes: the biased variance
              x̂  = (x - μ) / √(σ² + ε)
              y  = γ x̂ + β
    backward  gβ = Σ gy,   gγ = Σ gy x̂                    over all other axes
              gx = (γ gy - Σ γ gy / m - x̂ Σ γ gy x̂ / m) / √(σ² + ε)
    keeps x, μ and 1 / √(σ² + ε)

    γ is the scale, β the shift, both of the shape of these last axes.  Ba, Kiros and Hinton, 2016.
    """

    symbol = "norm"
    wide = True

    def __init__(self, *, eps: float = 1e-5, axes: int = 1) -> None:
        self.eps, self.axes = eps, tuple(range(-axes, 0))

    def forward(self, x: Array, scale: Array, shift: Array) -> Array:
        self.x, self.scale = x, scale
        self.mean = x.mean(axis=self.axes, keepdims=True)
        variance = ((x - self.mean) ** 2).mean(axis=self.axes, keepdims=True)
        self.per_deviation = 1 / array_library(x).sqrt(variance + self.eps)
        return (x - self.mean) * self.per_deviation * scale + shift

    def backward(self, gy: Array) -> tuple[Array, Array, Array]:
        normal = (self.x - self.mean) * self.per_deviation
        others, scaled = tuple(range(gy.ndim - len(self.axes))), gy * self.scale
        along = normal * (scaled * normal).mean(axis=self.axes, keepdims=True)
        gx = (scaled - scaled.mean(axis=self.axes, keepdims=True) - along) * self.per_deviation
        return gx, (gy * normal).sum(axis=others), gy.sum(axis=others)


class LocalResponseNormalization(Function):
    """Each number held down by its neighbours in the next channels, as in AlexNet and GoogLeNet.

    forward   d[c] = k + (α / n) Σ over the n channels e around c of x[e]²
              y    = x d^-β
    backward  gx[c] = gy[c] d[c]^-β - (2 α β / n) x[c] Σ over the channels e that c is around of gy[e] x[e] d[e]^(-β-1)
    keeps x and d

    Around c are the channels c - n//2 to c - n//2 + n - 1, those that exist.  This is PyTorch's form, and Caffe's: the
    sum is divided by n.  Krizhevsky et al., 2012, do not divide, so that their α = 1e-4 at n = 5 is 5e-4 here.
    """

    symbol = "lrn"
    wide = True

    def __init__(self, *, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Array) -> Array:
        self.x = x
        self.divisor = self.k + self.alpha / self.size * self.neighbours(x * x, self.size // 2)
        return x * self.divisor**-self.beta

    def backward(self, gy: Array) -> Array:
        shares = gy * self.x * self.divisor ** (-self.beta - 1)
        held = self.neighbours(shares, (self.size - 1) // 2)
        return gy * self.divisor**-self.beta - (2 * self.alpha * self.beta / self.size) * self.x * held

    def neighbours(self, x: Array, before: int) -> Array:
        """Sums over `size` channels, from `before` channels before each on."""
        pads = [(0, 0)] * (x.ndim - 1) + [(before, self.size - 1 - before)]
        padded = array_library(x).pad(x, pads)
        channels = padded.shape[-1] - self.size + 1
        return sum(padded[..., start : start + channels] for start in range(self.size))


def moved(old: Array, new: Array, momentum: Any) -> Array:
    """old (1 - momentum) + new momentum, of old's dtype."""
    return (old + (new - old) * momentum).astype(old.dtype)


def expect_channels(where: str, x: Array, **vectors: Array) -> None:
    """Raise ShapeError unless each of the vectors has one number for each channel of x."""
    for name, vector in vectors.items():
        if x.ndim < 2 or vector.shape != x.shape[-1:]:
            raise ShapeError(
                f"{where}: expected x (N, ..., channels) and {name} (channels,), got {x.shape} and {vector.shape}. "
                "Build the layer for this input."
            )


def batch_norm(
    x: Any, scale: Any, shift: Any, mean: Array, variance: Array, *,
    training: bool, momentum: Any = 0.1, eps: float = 1e-5,
) -> tuple[Variable, Array, Array]:  # fmt: skip
    """Batch normalization over all axes but the last: -> (y, new running mean, new running variance).

    x               (N, ..., channels): rows or images
    scale, shift    γ and β, (channels,)
    mean, variance  the running statistics, arrays (channels,); nothing is written into them
    training        True: by the batch's own mean and biased variance (`BatchNorm`); the running statistics move:
                        new = (1 - momentum) old + momentum batch, the batch's variance unbiased
                    False: by the running statistics (`BatchNormInference`), which are returned as they are
    momentum        the share of the new, PyTorch's convention (TensorFlow's and the paper's is 1 - momentum)
    eps             added to the variance under the root

    Raises ShapeError where the sizes do not fit, and in training for a single number a channel: it has no variance.
    """
    if not training:
        return BatchNormInference(mean=mean, variance=variance, eps=eps)(x, scale, shift), mean, variance
    expect_channels("batch_norm", x, mean=mean, variance=variance)
    if np.prod(x.shape[:-1]) < 2:
        raise ShapeError(
            f"batch_norm: expected more than one number a channel in training, got x of shape {tuple(x.shape)}. "
            "Use a larger batch."
        )
    node = BatchNorm(eps=eps)
    y = node(x, scale, shift)
    return y, *node.running(mean, variance, momentum)


def layer_norm(x: Any, scale: Any, shift: Any, *, eps: float = 1e-5, axes: int = 1) -> Variable:
    """Layer normalization of each example over the last `axes` axes, scaled and shifted.  See `LayerNorm`.

    x               (N, ..., features)
    scale, shift    γ and β, of the shape of the last `axes` axes of x
    eps             added to the variance under the root
    axes            how many axes, counted from the last, one mean is taken over

    Raises ShapeError where scale or shift have another shape, ConfigurationError for a count of axes that x has not.
    """
    shape = np.shape(x)
    if not is_whole(axes) or not 1 <= axes <= len(shape):
        raise ConfigurationError(
            f"layer_norm: expected a number of axes from 1 to {len(shape)} for x {shape}, got {axes!r}. Try 1."
        )
    for name, vector in (("scale", scale), ("shift", shift)):
        if np.shape(vector) != shape[-axes:]:
            raise ShapeError(
                f"layer_norm: expected a {name} of shape {shape[-axes:]}, that of the last {axes} axes of x {shape}, "
                f"got {np.shape(vector)}. Build the layer for this input."
            )
    return LayerNorm(eps=eps, axes=int(axes))(x, scale, shift)


def local_response_normalization(
    x: Any, size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Variable:
    """x / (k + alpha / size Σ x² over `size` channels around each)^beta.  See `LocalResponseNormalization`.

    size, alpha, beta, k    n, α, β and k there; PyTorch's defaults
    """
    if not is_whole(size) or size < 1:
        raise ConfigurationError(
            f"local_response_normalization: expected a size of at least 1 channel, got {size!r}. Try 5."
        )
    return LocalResponseNormalization(size=int(size), alpha=alpha, beta=beta, k=k)(x)
