"""DropConnect: weights left out at random in training."""

from __future__ import annotations

from typing import Any

import madi.functions as F
from madi.errors import ConfigurationError
from madi.graph import Variable
from madi.kernels import random
from madi.layers.dense import Dense


class DropConnect(Dense):
    """Dense layer each of whose weights is left out with probability `rate` in training.

    forward   y  = x V + b,   V = W m / (1 - rate)      m = 1 where kept, else 0, for each weight of its own
    backward  gx = gy Vᵀ,  gW = (xᵀ gy) m / (1 - rate),  gb = Σ gy
    inference y  = x W + b,   the mean of y over all masks

    units        number of outputs
    rate         share of the weights that is left out; it may be changed between steps (`layer.rate = 0.2`) without a
                 new compilation
    bias         False leaves b out, which is never dropped
    initializer  of W (inputs, units): a name or one of madi.initializers; default He; b starts at 0

    One mask serves all examples of a batch: one for each example would keep N times W in memory, and make N products
    of one row.  The kept weights are scaled up in training, so that inference needs nothing.  The paper draws a mask
    for each example, drops biases too, and samples activations from a normal distribution in inference; this is its
    mean instead.  Wan, Zeiler, Zhang, LeCun and Fergus, 2013.

    Raises ConfigurationError for a rate outside 0 <= rate < 1, and for training without a key; ShapeError as `Dense`.
    """

    numbers = ("rate",)

    def __init__(self, units: int, rate: float = 0.5, *, bias: bool = True, initializer: Any = "he") -> None:
        super().__init__(units, bias=bias, initializer=initializer)
        if not 0 <= rate < 1:
            raise ConfigurationError(f"DropConnect: expected a rate of at least 0 and below 1, got {rate}. Try 0.5.")
        self.rate = float(rate)

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """x V + b in training, x W + b otherwise."""
        if not training:
            return self.affine(x, self.weight)
        if key is None:
            raise ConfigurationError(
                f"{self.label()}: training needs a random key, got none. Pass key=, as in model(x, training=True, "
                "key=key)."
            )
        return self.affine(x, F.dropout(self.weight, self.rate, key=random.fold_in(key, self.stream)))
