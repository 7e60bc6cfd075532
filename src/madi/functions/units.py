"""Units that are linear on one side or in the middle: ELU, PReLU, GELU, softplus, hard sigmoid.

But for PReLU they compute half precision in float32: the smooth ones would lose digits, and NumPy's bfloat16 its type.
"""

from __future__ import annotations

import math
from typing import Any

from madi.errors import ConfigurationError
from madi.functions.activations import logistic
from madi.functions.arithmetic import _Elementwise
from madi.functions.elementary import bell, error_function
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library


class ELU(Function):
    """Exponential linear unit, elementwise.

    forward   y  = x where x > 0, else alpha (exp(x) - 1)
    backward  gx = gy where x > 0, else gy alpha exp(x)       keeps x; at 0, a kink where alpha is not 1, alpha gy

    Clevert, Unterthiner and Hochreiter, 2016.
    """

    wide = True

    def __init__(self, *, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Array) -> Array:
        xp = array_library(x)
        self.x = x
        return xp.where(x > 0, x, self.alpha * xp.expm1(xp.minimum(x, 0)))

    def backward(self, gy: Array) -> Array:
        xp = array_library(gy)
        return xp.where(self.x > 0, gy, gy * self.alpha * xp.exp(xp.minimum(self.x, 0)))


class PReLU(_Elementwise):
    """Rectified linear unit that leaks, by a slope that is learned; x and slope broadcast against each other.

    forward   y  = x where x > 0, else slope x
    backward  gx = gy where x > 0, else gy slope,  gslope = 0 where x > 0, else gy x
    keeps both inputs

    He et al., 2015.
    """

    symbol = "PReLU"

    def equation(self, x: Array, slope: Array) -> Array:
        self.x, self.slope = x, slope
        return array_library(x, slope).where(x > 0, x, slope * x)

    def slopes(self, gy: Array) -> tuple[Array, Array]:
        where, positive = array_library(gy).where, self.x > 0
        return where(positive, gy, gy * self.slope), where(positive, 0, gy * self.x)


class HardSigmoid(Function):
    """A sigmoid of three straight lines, elementwise.

    forward   y  = min(max(slope x + offset, 0), 1)
    backward  gx = gy slope where 0 < y < 1, else 0       keeps y; slope 0 at both kinks

    Default slope 1/6 and offset 1/2 (Howard et al., 2019), as in PyTorch and Keras 3.
    """

    wide = True

    def __init__(self, *, slope: float = 1 / 6, offset: float = 0.5) -> None:
        self.slope, self.offset = slope, offset

    def forward(self, x: Array) -> Array:
        self.y = array_library(x).clip(x * self.slope + self.offset, 0, 1)
        return self.y

    def backward(self, gy: Array) -> Array:
        return array_library(gy).where((self.y > 0) & (self.y < 1), gy * self.slope, 0)


class Softplus(Function):
    """A smooth rectifier, elementwise.

    forward   y  = log(1 + exp(x))       computed as max(x, 0) + log(1 + exp(-|x|)), which cannot overflow
    backward  gx = gy / (1 + exp(-x))    keeps x
    """

    wide = True

    def forward(self, x: Array) -> Array:
        self.x = x
        return array_library(x).logaddexp(x, 0)

    def backward(self, gy: Array) -> Array:
        return gy * logistic(self.x)


class GELU(Function):
    """Gaussian error linear unit, elementwise.

    forward   y  = x Φ(x) with Φ(x) = (1 + erf(x / √2)) / 2
    backward  gx = gy (Φ(x) + x φ(x)) with φ(x) = exp(-x² / 2) / √(2π)
    keeps x and Φ(x): the normal distribution and its density

    Hendrycks and Gimpel, 2016.
    """

    wide = True

    def forward(self, x: Array) -> Array:
        self.x, self.below = x, (1 + error_function(x * math.sqrt(0.5))) * 0.5
        return x * self.below

    def backward(self, gy: Array) -> Array:
        density = bell(self.x * math.sqrt(0.5)) / math.sqrt(2 * math.pi)
        return gy * (self.below + self.x * density)


CUBIC = 0.044715


class TanhGELU(Function):
    """Gaussian error linear unit by the hyperbolic tangent, elementwise.

    forward   y  = x (1 + t) / 2 with t = tanh(√(2/π) (x + 0.044715 x³))
    backward  gx = gy ((1 + t) / 2 + x (1 - t²) / 2 √(2/π) (1 + 3 · 0.044715 x²))
    keeps x and t

    Within t, x stops at ±10, where t is ±1 in every type: x³ cannot overflow.  Hendrycks and Gimpel, 2016.
    """

    symbol = "GELU"
    wide = True

    def forward(self, x: Array) -> Array:
        xp = array_library(x)
        self.x, self.held = x, xp.clip(x, -10, 10)
        self.t = xp.tanh(math.sqrt(2 / math.pi) * (self.held + CUBIC * self.held**3))
        return x * ((1 + self.t) * 0.5)

    def backward(self, gy: Array) -> Array:
        inner = math.sqrt(2 / math.pi) * (1 + 3 * CUBIC * self.held**2)
        return gy * 0.5 * (1 + self.t + self.x * (1 - self.t**2) * inner)


KINDS: dict[str, type[Function]] = {"none": GELU, "tanh": TanhGELU}


def elu(x: Any, alpha: float = 1.0) -> Variable:
    """x where positive, else `alpha * (exp(x) - 1)`.  See `ELU`."""
    return ELU(alpha=alpha)(x)


def prelu(x: Any, slope: Any) -> Variable:
    """x where positive, else `slope * x`; the slope gets a gradient.  See `PReLU`.

    `slope` broadcasts: a number, one for each channel on the last axis, or any shape that NumPy would take.
    """
    return PReLU()(x, slope)


def hard_sigmoid(x: Any, slope: float = 1 / 6, offset: float = 0.5) -> Variable:
    """`slope * x + offset`, held between 0 and 1.  See `HardSigmoid`."""
    return HardSigmoid(slope=slope, offset=offset)(x)


def softplus(x: Any) -> Variable:
    """`log(1 + exp(x))`.  See `Softplus`."""
    return Softplus()(x)


def gelu(x: Any, approximate: str = "none") -> Variable:
    """x times the chance that a normal number lies below it: `approximate` "none" (`GELU`) or "tanh" (`TanhGELU`)."""
    if approximate not in KINDS:
        raise ConfigurationError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}.")
    return KINDS[approximate]()(x)
