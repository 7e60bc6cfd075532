"""The rules: one class, one equation.

x is a parameter, gx its gradient (clipped, and with weight decay added), r the learning rate, t the number of the
step, counted from 1.  Kept arrays start at 0.  All operations are elementwise.  Defaults and formulas are PyTorch's.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

from madi.kernels.arrays import array_library
from madi.optimizers.optimizer import Optimizer, learning_rate
from madi.options import FRACTION, NON_NEGATIVE, POSITIVE, option
from madi.schedules import Rate


def momentum() -> Any:
    """The field of a momentum."""
    return option(FRACTION, 0.9, fix="Try 0.9.")


def stabilizer(default: float) -> Any:
    """The field of the small number that keeps a division by a root away from 0."""
    return option(POSITIVE, default, fix=f"Try {default:g}.")


@dataclass
class SGD(Optimizer):
    """Stochastic gradient descent: a step down the slope.

    x = x - r gx

    Defaults: learning_rate 0.001.  Source: Robbins and Monro (1951).
    """

    usual_rate: ClassVar[float] = 0.1

    def rule(self, x: Any, gx: Any, numbers: SimpleNamespace) -> tuple[Any, ...]:
        """x - r gx."""
        return (x - numbers.learning_rate * gx,)


@dataclass(kw_only=True)
class Momentum(Optimizer):
    """A ball with mass: the velocity remembers earlier slopes and rolls through the zigzag of a narrow valley.

    v = momentum v + gx
    x = x - r v

    Defaults: learning_rate 0.001, momentum 0.9.  Source: Polyak (1964).  Variant: PyTorch's, in which the rate
    multiplies the whole velocity; v = momentum v - r gx, x = x + v is the same as long as r does not change.
    """

    momentum: float = momentum()

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def rule(self, x: Any, gx: Any, numbers: SimpleNamespace, velocity: Any) -> tuple[Any, ...]:
        """The new velocity, and a step along it."""
        velocity = numbers.momentum * velocity + gx
        return x - numbers.learning_rate * velocity, velocity


@dataclass(kw_only=True)
class Nesterov(Optimizer):
    """Momentum that looks ahead: it steps by the slope and by where the velocity is about to go.

    v = momentum v + gx
    x = x - r (gx + momentum v)

    Defaults: learning_rate 0.001, momentum 0.9.  Source: Nesterov (1983), as Sutskever et al., "On the importance of
    initialization and momentum" (2013).  Variant: PyTorch's SGD(nesterov=True); x stands for the point looked at.
    """

    momentum: float = momentum()

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def rule(self, x: Any, gx: Any, numbers: SimpleNamespace, velocity: Any) -> tuple[Any, ...]:
        """The new velocity, and a step along the slope and the velocity to come."""
        velocity = numbers.momentum * velocity + gx
        return x - numbers.learning_rate * (gx + numbers.momentum * velocity), velocity


@dataclass(kw_only=True)
class AdaGrad(Optimizer):
    """A rate for each parameter, which shrinks the more it has moved.

    h = h + gx^2
    x = x - r gx / (sqrt(h) + eps)

    Defaults: learning_rate 0.01, eps 1e-10.  Source: Duchi, Hazan and Singer, "Adaptive subgradient methods" (2011),
    the diagonal variant.
    """

    learning_rate: Rate = learning_rate(0.01)  # noqa: RUF009  (a field, not a shared default)
    eps: float = stabilizer(1e-10)

    slots: ClassVar[tuple[str, ...]] = ("squares",)

    def rule(self, x: Any, gx: Any, numbers: SimpleNamespace, squares: Any) -> tuple[Any, ...]:
        """The sum of squares so far, and a step divided by its root."""
        library = array_library(x, gx)
        squares = squares + gx * gx
        return x - numbers.learning_rate * gx / (library.sqrt(squares) + numbers.eps), squares


@dataclass(kw_only=True)
class RMSProp(Optimizer):
    """AdaGrad that forgets: the mean of recent squares in place of the sum of all.

    h = alpha h + (1 - alpha) gx^2
    x = x - r gx / (sqrt(h) + eps)

    Defaults: learning_rate 0.01, alpha 0.99, eps 1e-8.  Source: Tieleman and Hinton, lecture 6.5 of "Neural networks
    for machine learning" (2012).  Variant: PyTorch's, uncentred, without momentum, eps outside the root.
    """

    learning_rate: Rate = learning_rate(0.01)  # noqa: RUF009  (a field, not a shared default)
    alpha: float = option(FRACTION, 0.99, fix="Try 0.99.")
    eps: float = stabilizer(1e-8)

    slots: ClassVar[tuple[str, ...]] = ("squares",)

    def rule(self, x: Any, gx: Any, numbers: SimpleNamespace, squares: Any) -> tuple[Any, ...]:
        """The running mean of squares, and a step divided by its root."""
        library = array_library(x, gx)
        squares = numbers.alpha * squares + (1 - numbers.alpha) * gx * gx
        return x - numbers.learning_rate * gx / (library.sqrt(squares) + numbers.eps), squares


@dataclass(kw_only=True)
class Adam(Optimizer):
    """Momentum and RMSProp together, with both running means corrected for their start at 0.

    m = beta1 m + (1 - beta1) gx            v = beta2 v + (1 - beta2) gx^2
    x = x - r m' / (sqrt(v') + eps)         m' = m / (1 - beta1^t),  v' = v / (1 - beta2^t)

    Defaults: learning_rate 0.001, beta1 0.9, beta2 0.999, eps 1e-8.  weight_decay is L2, inside gx.
    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
    """

    beta1: float = option(FRACTION, 0.9, fix="Try 0.9.")
    beta2: float = option(FRACTION, 0.999, fix="Try 0.999.")
    eps: float = stabilizer(1e-8)

    slots: ClassVar[tuple[str, ...]] = ("mean", "square_mean")
    usual_rate: ClassVar[float] = 0.001

    def rule(self, x: Any, gx: Any, numbers: SimpleNamespace, mean: Any, square_mean: Any) -> tuple[Any, ...]:
        """Both running means, and a step along the first divided by the root of the second."""
        library = array_library(x, gx)
        beta1, beta2, step = numbers.beta1, numbers.beta2, numbers.step
        mean = beta1 * mean + (1 - beta1) * gx
        square_mean = beta2 * square_mean + (1 - beta2) * gx * gx
        correction = 1 / library.sqrt(1 - beta2**step)  # of the root: one number, where dividing v is a division each
        rate = numbers.learning_rate / (1 - beta1**step)
        return x - rate * mean / (library.sqrt(square_mean) * correction + numbers.eps), mean, square_mean


@dataclass(kw_only=True)
class AdamW(Adam):
    """Adam whose weight decay stands beside the gradient, not inside it, so that no root divides it.

    x = x - r weight_decay x, and then Adam's step from the plain gradient

    Defaults: Adam's, and weight_decay 0.01.
    Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).  Variant: PyTorch's, in which the
    learning rate multiplies the decay.
    """

    weight_decay: float = option(NON_NEGATIVE, 0.01, fix="Try 0.01, or 0 for none.")

    def with_weight_decay(self, x: Any, gx: Any, numbers: SimpleNamespace) -> tuple[Any, Any]:
        """Decoupled decay: (x, gx) -> (x - r weight_decay x, gx)."""
        return x * (1 - numbers.learning_rate * numbers.weight_decay), gx
