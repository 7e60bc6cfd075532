"""Matrix products: the work of a network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from madi.errors import ShapeError
from madi.functions.arithmetic import broadcastable, sum_to
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import silent_products
from madi.kernels.dense import dense_forward, dense_input_gradient, dense_weight_gradient


class MatMul(Function):
    """Matrix product over the last two axes; leading axes broadcast.  Vectors count as one row or one column.

    forward   y   = x0 x1                (..., n, k) (..., k, m) -> (..., n, m)
    backward  gx0 = gy x1ᵀ,  gx1 = x0ᵀ gy
    """

    symbol = "@"

    @silent_products
    def forward(self, x0: Array, x1: Array) -> Array:
        self.x0, self.x1 = x0, x1
        inner = x0.shape[-1:], x1.shape[-2:-1] if x1.ndim > 1 else x1.shape
        if not x0.ndim or not x1.ndim or inner[0] != inner[1]:
            raise ShapeError(
                f"matmul: expected the last size of the left input to equal the last but one of the right, got "
                f"{x0.shape} @ {x1.shape}. Transpose or reshape one of them."
            )
        if not broadcastable(x0.shape[:-2], x1.shape[:-2]):
            raise ShapeError(
                f"matmul: the leading axes of {x0.shape} and {x1.shape} do not broadcast. Sizes must agree from the "
                "last of them back, or be 1."
            )
        return x0 @ x1

    @silent_products
    def backward(self, gy: Array) -> tuple[Array | None, Array | None]:
        rows = self.x0 if self.x0.ndim > 1 else self.x0[None, :]
        columns = self.x1 if self.x1.ndim > 1 else self.x1[:, None]
        gy = gy if self.x1.ndim > 1 else gy[..., None]
        gy = gy if self.x0.ndim > 1 else gy[..., None, :]
        gx0 = self.fit(gy @ columns.swapaxes(-1, -2), rows, self.x0) if self.needs[0] else None
        gx1 = self.fit(rows.swapaxes(-1, -2) @ gy, columns, self.x1) if self.needs[1] else None
        return gx0, gx1

    @property
    def multiply_adds(self) -> int:
        """Multiplications, each with its addition, of the whole call: n k m for each pair of matrices."""
        inner, columns = self.x0.shape[-1], self.x1.shape[-1] if self.x1.ndim > 1 else 1
        rows = self.x0.shape[-2] if self.x0.ndim > 1 else 1
        pairs = np.broadcast_shapes(self.x0.shape[:-2], self.x1.shape[:-2])
        return math.prod(pairs) * rows * inner * columns

    @staticmethod
    def fit(gradient: Array, matrix: Array, x: Array) -> Array:
        """The gradient of the input seen as a matrix, in the input's own shape."""
        return sum_to(gradient, matrix.shape).reshape(x.shape)


class Affine(Function):
    """Weights and a bias on every example: what a dense layer computes.

    forward   y  = x W + b                       (..., inputs) (inputs, outputs) + (outputs,) -> (..., outputs)
    backward  gx = gy Wᵀ,  gW = xᵀ gy,  gb = Σ gy     over all examples
    keeps x and W
    """

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        self.x, self.weight = x, weight
        if weight.ndim != 2 or not x.ndim or x.shape[-1] != weight.shape[0]:
            raise ShapeError(
                f"affine: expected x (..., inputs) and weight (inputs, outputs), got x {x.shape} and weight "
                f"{weight.shape}."
            )
        if bias is not None and bias.shape != weight.shape[1:]:
            raise ShapeError(
                f"affine: expected a bias of shape {weight.shape[1:]}, one for each output, got {bias.shape}."
            )
        return dense_forward(x, weight, bias)

    def backward(self, gy: Array) -> tuple[Array | None, ...]:
        gx = dense_input_gradient(gy, self.weight) if self.needs[0] else None
        if not self.needs[1]:
            return (gx, None, gy.sum(axis=tuple(range(gy.ndim - 1))))[: len(self.inputs)]
        return (gx, *dense_weight_gradient(self.x, gy))[: len(self.inputs)]

    @property
    def multiply_adds(self) -> int:
        """Multiplications, each with its addition, of the whole call: inputs x outputs for each example."""
        return math.prod(self.x.shape) * self.weight.shape[1]


def matmul(x0: Any, x1: Any) -> Variable:
    """`x0 @ x1`, over the last two axes.  See `MatMul`."""
    return MatMul()(x0, x1)


def affine(x: Any, weight: Any, bias: Any = None) -> Variable:
    """`x W + b` on the last axis of x: (..., inputs) -> (..., outputs); the bias may be left out.  See `Affine`."""
    return Affine()(x, weight) if bias is None else Affine()(x, weight, bias)
