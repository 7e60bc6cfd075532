"""Optimizers: SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW, with PyTorch's formulas and defaults.

optimizer = Adam(1e-3, weight_decay=1e-4)
state = optimizer.init(parameters)
parameters, state = optimizer.update(
    parameters, gradients, state,
    learning_rate=optimizer.rate_at(step), numbers=optimizer.numbers(), decays=decays,
)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from madi import options
from madi.errors import ConfigurationError
from madi.optimizers.clipping import clip_by_norm, clip_by_value
from madi.optimizers.optimizer import Optimizer
from madi.optimizers.rules import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from madi.schedules import Rate

__all__ = [
    "SGD",
    "TABLE",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSProp",
    "clip_by_norm",
    "clip_by_value",
    "from_config",
    "get",
]

TABLE: dict[str, type[Optimizer]] = {
    optimizer.__name__.lower(): optimizer for optimizer in (SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW)
}


def get(optimizer: str | Optimizer, learning_rate: Rate | None = None) -> Optimizer:
    """The optimizer of that name with its defaults, or the given one as it is.

    learning_rate    the rate of one that is made by name; None takes its default
    Raises UnknownNameError, with the closest name, for a name that is not in `TABLE`, and ConfigurationError where a
    rate is given beside an optimizer, which has its own.
    """
    if not isinstance(optimizer, Optimizer):
        made = options.lookup("optimizer", optimizer, TABLE)
        return made() if learning_rate is None else made(learning_rate)
    if learning_rate is not None:
        name = type(optimizer).__name__
        raise ConfigurationError(f"learning_rate is given twice. Write {name}(learning_rate) alone.")
    return optimizer


def from_config(config: Mapping[str, Any]) -> Optimizer:
    """The optimizer that `to_config` wrote, its schedule included."""
    optimizer: Optimizer = options.from_config("optimizer", config, TABLE)
    return optimizer
