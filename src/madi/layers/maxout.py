"""Maxout: each unit is the largest of a few affine functions."""

from __future__ import annotations

from typing import Any

import madi.functions as F
from madi.graph import Variable
from madi.initializers import Xavier
from madi.layers.dense import Dense
from madi.options import expect_count

FIRST_WEIGHTS = Xavier(fan="in")


class Maxout(Dense):
    """Fully connected layer whose units each take the largest of k = `pieces` affine functions: no activation follows.

    forward   z  = x W + b                        (N, inputs) -> (N, units k); unit u has columns u k to u k + k - 1
              y[u] = max over j of z[u k + j]      (N, units)
    backward  gz[u k + j] = gy[u] where z[u k + j] is the largest, the first of equal ones; else 0
              gx = gz Wᵀ,  gW = xᵀ gz,  gb = Σ gz

    units        number of outputs
    pieces       affine functions a unit; with enough of them it comes near any convex function of x
    bias         False leaves b out
    initializer  of W (inputs, units k): a name or one of madi.initializers; default Xavier(fan="in"), with which 2
                 pieces keep the mean square of the signal (4 pieces: 1.55 times it); b starts at 0

    Each piece costs what a Dense of `units` costs.  Goodfellow, Warde-Farley, Mirza, Courville and Bengio, 2013.

    Raises ConfigurationError for units or pieces that are no whole numbers of at least 1; ShapeError as `Dense`.
    """

    def __init__(self, units: int, pieces: int = 2, *, bias: bool = True, initializer: Any = FIRST_WEIGHTS) -> None:
        super().__init__(units, bias=bias, initializer=initializer)
        self.pieces = expect_count("Maxout: pieces", pieces, fix="Try 2.")

    @property
    def columns(self) -> int:
        """Columns of W: one for each piece of each unit."""
        return self.units * self.pieces

    def __call__(self, x: Any) -> Variable:
        """The largest piece of each unit."""
        return F.maxout(self.affine(x, self.weight), self.pieces)
