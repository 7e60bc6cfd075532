"""Dense: every output sees every input."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi import initializers
from madi.errors import ShapeError
from madi.functions import affine
from madi.graph import Parameter, Variable
from madi.layers.base import Layer
from madi.options import expect_count


class Dense(Layer):
    """Fully connected layer.

    forward   y  = x W + b                   (N, inputs) -> (N, units); more leading axes are taken as examples too
    backward  gx = gy Wᵀ,  gW = xᵀ gy,  gb = Σ gy

    units        number of outputs
    bias         False leaves b out
    initializer  of W (inputs, units): a name or one of madi.initializers; default He; b starts at 0

    Raises ShapeError when the last axis of x has not the size that the layer was built for.
    """

    def __init__(self, units: int, *, bias: bool = True, initializer: Any = "he") -> None:
        self.units = expect_count(f"{type(self).__name__}: units", units, fix="")
        self.initializer = initializers.get(initializer)
        self.weight: Parameter = None  # type: ignore[assignment]  # made by build
        self.bias: Parameter | None = None
        self.use_bias = bias

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """W from the initializer, b zeros."""
        if not shape:
            raise ShapeError(
                f"{self.label()}: expected examples as rows of features, (N, features), got one number an example. "
                "Give it x.reshape(-1, 1)."
            )
        inputs = shape[-1]
        self.weight = Parameter(self.initializer(key, (inputs, self.columns), (inputs, self.units)))
        self.bias = Parameter(np.zeros(self.columns, np.float32), decay=False) if self.use_bias else None

    @property
    def columns(self) -> int:
        """Columns of W: one for each unit."""
        return self.units

    def __call__(self, x: Any) -> Variable:
        """x W + b."""
        return self.affine(x, self.weight)

    def affine(self, x: Variable, weight: Variable) -> Variable:
        """x times `weight`, plus b; ShapeError where x does not fit the layer's own."""
        if x.shape[-1:] != weight.shape[:1]:
            raise ShapeError(self._mismatch(x.shape))
        return affine(x, weight, self.bias)

    def _mismatch(self, shape: tuple[int, ...]) -> str:
        inputs = self.weight.shape[0]
        flattens = int(np.prod(shape[1:])) == inputs
        fix = (
            "Add Flatten() before it." if flattens else f"Give it {inputs} features, or build the model for this data."
        )
        return f"{self.label()}: expected inputs of size {inputs} on the last axis, got {shape}. {fix}"
