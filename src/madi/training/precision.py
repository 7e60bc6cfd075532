"""Mixed precision: activations in bfloat16, weights and all that must add up exactly in float32.

    weights     float32, rounded to bfloat16 at the start of each step: what an update adds is not lost by rounding
    gradients   bfloat16 on their way back; float32 from the parameters on (accumulation, update, average)
    kept        in float32: losses, the statistics of normalization, the parameters of layers that hold such

It is meant for hardware with units for it, such as GPUs.  On two cores of a Zen 4 server it does not pay: a step of
784-512-512-10 at batch 128 takes 3.1 ms for 2.7, one of the deep convnet at batch 100 40 ms for 28.

bfloat16 has the range of float32, so that no loss needs scaling.  Micikevicius et al., 2018, "Mixed precision
training"; Kalamkar et al., 2019, "A study of bfloat16 for deep learning training".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.graph import Array, Function, Parameter, Variable
from madi.layers import Layer


class Cast(Function):
    """Another number type.

    forward   y  = x in the type
    backward  gx = gy in x's own
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)

    def forward(self, x: Array) -> Array:
        """x in the type."""
        self.own = x.dtype
        return x.astype(self.dtype)

    def backward(self, gy: Array) -> Array:
        """gy in x's."""
        return gy.astype(self.own)


def rounded(values: dict[str, Array], model: Layer, precision: str) -> dict[str, Array]:
    """The parameters of a model as a step computes with them, by path."""
    kept = _of_statistics(model)
    return {path: value if path in kept else value.astype(precision) for path, value in values.items()}


def exact(y: Variable) -> Variable:
    """An output in float32, as losses and metrics take it."""
    wide: Variable = Cast(np.float32)(y)
    return wide


def _of_statistics(model: Layer) -> set[str]:
    """Paths of the parameters of layers that hold running statistics."""
    holding = [(f"{path}." if path else "", layer) for path, layer in model.walk() if layer.states]
    return {
        prefix + name for prefix, layer in holding for name, member in layer.members() if isinstance(member, Parameter)
    }
