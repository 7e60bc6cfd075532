"""Memory for time: a layer whose inner values are not kept for backward, but computed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from madi.errors import ConfigurationError
from madi.graph import Array, Function, Parameter, Variable, gradients, no_grad, observing
from madi.kernels.arrays import is_traced
from madi.layers.base import Layer
from madi.layers.calling import observing_layers
from madi.layers.composition import Auxiliary, expect_layers


class Recomputation(Function):
    """A function f of x and parameters θ, run twice.

    forward   y  = f(x, θ)
    backward  f(x, θ) once more, which now keeps what its nodes' backwards need; then gx and gθ by these
    keeps x and θ

    first       x -> y: the run whose value counts
    second      (x, θ) -> y: the same function, on other Variables, with no effect beside its value

    In a compiled program the two runs would be one and the same to the compiler, and it would keep the values of the
    first after all.  So the second, and the way back through it, are a branch of the program, which is taken where gy
    holds numbers.  (Nothing less keeps them apart on a CPU: behind `lax.optimization_barrier` XLA does run f twice, but
    early, and the memory of eight residual blocks rose by a sixth.)

    Griewank and Walther, 2000, "Algorithm 799: revolve"; Chen et al., 2016, "Training deep nets with sublinear memory
    cost".
    """

    def __init__(self, first: Callable[..., Variable], second: Callable[..., Variable]) -> None:
        self.first, self.second = first, second

    def forward(self, x: Array, *weights: Array) -> Array:
        """f(x, θ)."""
        self.x, self.weights = x, weights
        with no_grad():
            return self.first(Variable(x)).value

    def backward(self, gy: Array) -> tuple[Array | None, ...]:
        """f again, and back through it."""
        found = apart(self.again, gy) if is_traced(gy) else self.again(gy)
        return tuple(found.get(index) for index in range(len(self.inputs)))

    def again(self, gy: Array) -> dict[int, Array]:
        """The gradients of the inputs that need one, by their places."""
        values = (self.x, *self.weights)
        leaves = [Parameter(value, trainable=needs) for value, needs in zip(values, self.needs, strict=True)]
        with observing(_unseen), observing_layers(_unseen):  # whoever watches has seen this run's values already
            y = self.second(leaves[0], leaves[1:])
        found = gradients(y, gy)
        return {index: found[leaf] for index, leaf in enumerate(leaves) if leaf in found}


def apart(function: Callable[[Array], dict[int, Array]], gy: Array) -> dict[int, Array]:
    """function(gy) as a branch of the traced program, which waits for gy; NaN where gy begins with that."""
    import jax
    from jax import lax

    shapes = jax.eval_shape(function, gy)
    first = gy.reshape(-1)[0]

    def nothing(gy: Array) -> dict[int, Array]:
        return {index: jax.numpy.full(entry.shape, np.nan, entry.dtype) for index, entry in shapes.items()}

    found: dict[int, Array] = lax.cond(first == first, function, nothing, gy)
    return found


class Recompute(Layer):
    """A layer whose values within are not kept for backward: it runs a second time there.

    forward   y  = layer(x)                    keeps x alone
    backward  layer(x) again, then its own backward

    layer    any layer; the larger it is, the more is saved, down to the values of one such layer at a time

    Values, gradients, dropout's draws and running statistics are those of the layer itself, which counts them once: it
    costs a forward pass, a third of a training step.  In inference nothing is kept anyhow, and nothing is run twice.
    See `Recomputation` for how the two runs are kept apart in a compiled program.

    Raises ConfigurationError for a layer with an auxiliary head within, whose output would leave it on another way.

    >>> import numpy as np
    >>> from madi.layers import Dense, ReLU, Sequential
    >>> block = Sequential(Dense(100), ReLU(), Dense(3))
    >>> model = Sequential(Dense(3), Recompute(block)).build((2,), seed=0)
    >>> model(np.ones((5, 2), np.float32), training=True).shape
    (5, 3)
    """

    def __init__(self, layer: Layer) -> None:
        expect_layers("Recompute", layer)
        self.layer = layer

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """layer(x)."""
        if not training:
            return self.layer(x, key=key)
        self._expect_one_way_out()
        layer = self.layer.ensure_built(x.shape[1:], vars(self.layer).get("_key"))
        twin = layer.bind({})  # as it is before this call moves its running statistics
        weights = layer.parameters()

        def first(x: Variable) -> Variable:
            return layer(x, training=True, key=key)

        def second(x: Variable, values: list[Variable]) -> Variable:
            return twin.bind(dict(zip(weights, values, strict=True)))(x, training=True, key=key)

        y: Variable = Recomputation(first, second)(x, *weights.values())
        return y

    def _expect_one_way_out(self) -> None:
        for path, inner in self.layer.walk():
            if isinstance(inner, Auxiliary):
                raise ConfigurationError(
                    f"{self.label()}: expected a layer with one output, got an auxiliary head within, '{path}'. "
                    "Recompute what lies before and behind it."
                )


def _unseen(*arguments: Any) -> None:
    """What an observer does who is not to see."""
