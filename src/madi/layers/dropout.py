"""Dropout: units left out at random in training."""

from __future__ import annotations

from typing import Any

import madi.functions as F
from madi.errors import ConfigurationError
from madi.graph import Variable
from madi.kernels import random
from madi.layers.base import Layer


class Dropout(Layer):
    """In training each element becomes 0 with probability `rate`, and the rest grows by 1 / (1 - rate).

    In inference x passes unchanged.  See `madi.functions.Dropout`.  The rate may be changed between steps
    (`layer.rate = 0.2`) without a new compilation.  Each Dropout of a model draws its own bits from the key that it
    is given.

    Raises ConfigurationError for a rate outside 0 <= rate < 1, and for training without a key.
    """

    numbers = ("rate",)

    def __init__(self, rate: float = 0.5) -> None:
        if not 0 <= rate < 1:
            raise ConfigurationError(f"Dropout: expected a rate of at least 0 and below 1, got {rate}. Try 0.5.")
        self.rate = float(rate)

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """dropout(x) in training, x otherwise."""
        if not training:
            return x
        own = None if key is None else random.fold_in(key, self.stream)
        return F.dropout(x, self.rate, key=own)
