"""Nodes that make training harder on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.errors import ConfigurationError
from madi.graph import Array, Function, Variable, as_variables
from madi.kernels.arrays import array_library, is_jax
from madi.kernels.random import random_bits


class Dropout(Function):
    """Inverted dropout: in training each element is dropped with probability `rate`.

    forward   y  = x m / (1 - rate)      m = 1 where kept, else 0, drawn from `key`
    backward  gx = gy m / (1 - rate)     keeps m / (1 - rate)

    The kept ones are scaled up in training, so that inference needs nothing.  (Scaling in inference instead multiplies by the
    share of units *kept*, 1 - rate.)  Srivastava et al., 2014.
    """

    def __init__(self, *, rate: Any, key: Any) -> None:
        self.rate, self.key = rate, key

    def forward(self, x: Array) -> Array:
        self.scale = self.mask(x.shape) * array_library(x).asarray(1 / (1 - self.rate), dtype=x.dtype)
        return x * self.scale

    def backward(self, gy: Array) -> Array:
        return gy * self.scale

    def mask(self, shape: tuple[int, ...]) -> Array:
        """Which elements are kept: those whose 32 random bits, as a fraction of 2³², are at least the rate."""
        bits = random_bits(self.key, shape)
        xp = array_library(bits, self.rate)
        return bits >= (xp.asarray(self.rate, dtype=np.float32) * np.float32(2**32)).astype(np.uint32)


def dropout(x: Any, rate: Any = 0.5, *, key: Any = None, training: bool = True) -> Variable:
    """Drop elements with probability `rate` in training; x itself otherwise.  See `Dropout`.

    key   a random key (madi.kernels.random.key(seed), or one of jax.random's); needed in training

    Raises ConfigurationError for a rate outside 0 <= rate < 1, or training without a key.
    """
    if not is_jax(rate) and not 0 <= rate < 1:
        raise ConfigurationError(f"dropout: expected a rate of at least 0 and below 1, got {rate}. Try 0.5.")
    if not training:
        return as_variables((x,))[0]
    if key is None:
        raise ConfigurationError(
            "dropout: training needs a random key, got none. Pass key=, as in model(x, training=True, key=key)."
        )
    return Dropout(rate=rate, key=key)(x)
