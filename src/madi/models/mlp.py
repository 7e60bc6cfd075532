"""The multilayer perceptron: hidden layers of any number and size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from madi import initializers
from madi.errors import unknown_name
from madi.initializers import He, Initializer, Xavier
from madi.layers import ACTIVATIONS, Dense, Dropout, Flatten, Layer, LeakyReLU, Sequential

# The start that keeps the signal's variance through each activation; Xavier's for those not named.
RECTIFIERS: dict[str, Initializer] = {"relu": He(), "leaky_relu": He(slope=LeakyReLU().slope)}


def mlp(
    hidden: int | Sequence[int] = (100,), outputs: int = 10, *, activation: str = "relu",
    initializer: str | Initializer | None = None, dropout: float = 0.0, flatten: bool = True,
) -> Sequential:  # fmt: skip
    """A multilayer perceptron, as a model from any example to `outputs` numbers: logits, or a regression's values.

    hidden        units of each hidden layer; a number for one of them, () for none
    outputs       number of outputs; nothing is applied to them, so that they go into a loss on logits
    activation    after each hidden layer: a name in `madi.layers.ACTIVATIONS`
    initializer   of all weights; default He for relu and leaky_relu, Xavier otherwise
    dropout       rate of a Dropout after each hidden layer; 0 adds none
    flatten       whether images are flattened first

    Raises UnknownNameError for an unknown activation or initializer, ConfigurationError for sizes below 1 and rates
    outside 0 <= dropout < 1.

    >>> list(mlp((50, 100), 10).build((28, 28, 1)).parameters())
    ['1.weight', '1.bias', '3.weight', '3.bias', '5.weight', '5.bias']
    """
    if activation not in ACTIVATIONS:
        raise unknown_name("activation", activation, ACTIVATIONS)
    start = RECTIFIERS.get(activation, Xavier()) if initializer is None else initializers.get(initializer)
    sizes = (hidden,) if isinstance(hidden, (int, np.integer)) else hidden
    head = [Flatten()] if flatten else []
    blocks = (layer for units in sizes for layer in _block(units, activation, start, dropout))
    return Sequential(*head, *blocks, Dense(outputs, initializer=start))


def _block(units: int, activation: str, initializer: Initializer, dropout: float) -> Iterator[Layer]:
    yield Dense(units, initializer=initializer)
    yield ACTIVATIONS[activation]()
    if dropout != 0:
        yield Dropout(dropout)
