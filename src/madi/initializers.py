"""Initial weights: each initializer is a pure function (key, shape, fan) -> float32 array on the host.

`fan` is (fan_in, fan_out): how many inputs feed one unit and how many units one input feeds.  For a dense layer they
are its inputs and its units; for a convolution both are multiplied by the size of the kernel.  The layer knows them,
the shape alone does not.  The same key gives the same weights, bit for bit; no global random state is read or changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from madi import options
from madi.errors import ConfigurationError
from madi.kernels.arrays import aligned_empty
from madi.kernels.random import generator
from madi.options import FINITE, NON_NEGATIVE, POSITIVE, Options, choice, option

Shape = tuple[int, ...]
Fan = tuple[int, int]
Weights = npt.NDArray[np.float32]


class Initializer(Options):
    """Base of the initializers: a frozen dataclass with `__call__(key, shape, fan)`."""

    def __call__(self, key: Any, shape: Shape, fan: Fan) -> Weights:
        """Weights of `shape`, float32, drawn from `key`; fan is (fan_in, fan_out)."""
        raise NotImplementedError(f"{type(self).__name__}: an initializer defines __call__(key, shape, fan).")


@dataclass(frozen=True)
class Zeros(Initializer):
    """All weights 0: right for biases; in a layer of weights it keeps all units identical for ever."""

    def __call__(self, key: Any, shape: Shape, fan: Fan) -> Weights:
        """Weights of `shape`, float32; key and fan are not read."""
        return np.zeros(shape, np.float32)


@dataclass(frozen=True)
class Constant(Initializer):
    """All weights the same: w = value."""

    value: float = option(FINITE, 0.0)

    def __call__(self, key: Any, shape: Shape, fan: Fan) -> Weights:
        """Weights of `shape`, float32; key and fan are not read."""
        return np.full(shape, self.value, np.float32)


@dataclass(frozen=True)
class Normal(Initializer):
    """Normal with mean 0 and a given standard deviation: w ~ N(0, std^2)."""

    std: float = option(NON_NEGATIVE, 0.01, fix="Try 0.01.")

    def __call__(self, key: Any, shape: Shape, fan: Fan) -> Weights:
        """Weights of `shape`, float32, drawn from `key`; fan is not read."""
        return _normal(key, shape, self.std)


@dataclass(frozen=True)
class Uniform(Initializer):
    """Uniform between -limit and limit: w ~ U(-limit, limit), of standard deviation limit / sqrt(3)."""

    limit: float = option(NON_NEGATIVE, 0.05, fix="Try 0.05.")

    def __call__(self, key: Any, shape: Shape, fan: Fan) -> Weights:
        """Weights of `shape`, float32, drawn from `key`; fan is not read."""
        return _uniform(key, shape, self.limit)


@dataclass(frozen=True)
class Xavier(Initializer):
    """Weights whose variance keeps that of the signal, for layers that are linear around 0 (tanh, sigmoid, identity).

    std = gain / sqrt(n)          n = (fan_in + fan_out) / 2   fan="average", the default
                                  n = fan_in                   fan="in"
                                  n = fan_out                  fan="out"

    distribution    "normal": N(0, std^2), or "uniform": U(-sqrt(3) std, sqrt(3) std)

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).
    Its equation 12 is the average, the compromise between the forward signal, which asks for fan_in, and the backward
    one, which asks for fan_out; so are Keras's and PyTorch's.  Saito's "Deep Learning from Scratch" uses fan="in".
    """

    distribution: str = choice("normal", "uniform", default="normal")
    fan: str = choice("average", "in", "out", default="average")
    gain: float = option(POSITIVE, 1.0, fix="Try 1, or 5/3 for tanh.")

    def __call__(self, key: Any, shape: Shape, fan: Fan) -> Weights:
        """Weights of `shape`, float32, drawn from `key`; fan is (fan_in, fan_out)."""
        return _draw(self.distribution, key, shape, self.gain / math.sqrt(_effective_fan("Xavier", self.fan, fan)))


@dataclass(frozen=True)
class He(Initializer):
    """Weights whose variance keeps that of the signal through ReLU, which halves it.

    std = sqrt(2 / ((1 + slope^2) n))       n = fan_in with fan="in", the default; fan_out with fan="out"

    distribution    "normal": N(0, std^2), or "uniform": U(-sqrt(3) std, sqrt(3) std)
    slope           of leaky ReLU below 0; 0 for ReLU itself

    Source: He et al., "Delving deep into rectifiers" (2015), equations 10 (forward), 14 (backward) and 15 (slope).
    """

    distribution: str = choice("normal", "uniform", default="normal")
    fan: str = choice("in", "out", default="in")
    slope: float = option(FINITE, 0.0, fix="Try 0, or 0.01 for leaky ReLU.")

    def __call__(self, key: Any, shape: Shape, fan: Fan) -> Weights:
        """Weights of `shape`, float32, drawn from `key`; fan is (fan_in, fan_out)."""
        variance = 2 / ((1 + self.slope**2) * _effective_fan("He", self.fan, fan))
        return _draw(self.distribution, key, shape, math.sqrt(variance))


def _effective_fan(name: str, mode: str, fan: Fan) -> float:
    fan_in, fan_out = fan
    size = {"in": fan_in, "out": fan_out, "average": (fan_in + fan_out) / 2}[mode]
    if not size > 0:
        raise ConfigurationError(f"{name}: fan must be positive, got (fan_in, fan_out) = {fan}. Use Zeros or Normal.")
    return size


def _draw(distribution: str, key: Any, shape: Shape, std: float) -> Weights:
    return _normal(key, shape, std) if distribution == "normal" else _uniform(key, shape, math.sqrt(3) * std)


def _normal(key: Any, shape: Shape, std: float) -> Weights:
    drawn = aligned_empty(shape, np.float32)
    generator(key).standard_normal(dtype=np.float32, out=drawn)
    drawn *= np.float32(std)
    return drawn


def _uniform(key: Any, shape: Shape, limit: float) -> Weights:
    drawn = aligned_empty(shape, np.float32)
    generator(key).random(dtype=np.float32, out=drawn)
    return np.multiply(2 * drawn - 1, np.float32(limit), out=drawn)


TABLE: dict[str, type[Initializer]] = {
    initializer.__name__.lower(): initializer for initializer in (Normal, Uniform, Xavier, He, Zeros, Constant)
}


def get(initializer: str | Initializer) -> Initializer:
    """The initializer of that name with its defaults, or the given one as it is.

    Raises UnknownNameError, with the closest name, for a name that is not in `TABLE`.
    """
    if isinstance(initializer, Initializer):
        return initializer
    return options.lookup("initializer", initializer, TABLE)()


def from_config(config: Mapping[str, Any]) -> Initializer:
    """The initializer that `to_config` wrote: {"name": "normal", "std": 0.01}."""
    initializer: Initializer = options.from_config("initializer", config, TABLE)
    return initializer
