"""Nodes that make training harder on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.errors import ConfigurationError
from madi.graph import Array, Function, Variable, as_variables
from madi.kernels.arrays import array_library, is_jax, is_traced
from madi.kernels.random import short_words

LEVELS = 2**16  # how finely a rate is drawn


class Dropout(Function):
    """Inverted dropout: in training each element is dropped with probability `rate`.

    forward   y  = x m / (1 - rate)      m = 1 where kept, else 0, drawn from `key`
    backward  gx = gy m / (1 - rate)     keeps m / (1 - rate)

    The kept ones are scaled up in training, so that inference needs nothing.  (Scaling in inference instead multiplies
    by the share of units *kept*, 1 - rate.)  The rate counts to 1/65536: `1 - rate` is the share that is truly kept, so
    that the mean of y is x.  Srivastava et al., 2014.
    """

    def __init__(self, *, rate: Any, key: Any) -> None:
        self.rate, self.key = rate, key

    def forward(self, x: Array) -> Array:
        # A traced key traces the mask, even of an x that is there, such as weights.
        xp = array_library(x, self.rate, self.key if is_traced(self.key) else None)
        dropped = (xp.asarray(self.rate, dtype=np.float32) * np.float32(LEVELS)).astype(np.uint32)
        kept_share = (LEVELS - dropped).astype(x.dtype) / np.asarray(LEVELS, x.dtype)
        self.scale = xp.where(short_words(self.key, x.shape) >= dropped, 1 / kept_share, np.asarray(0, x.dtype))
        return x * self.scale

    def backward(self, gy: Array) -> Array:
        return gy * self.scale


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
