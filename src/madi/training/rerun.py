"""Some steps from the first weights with another learning rate, on the side: what would have become of the run?"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from madi.errors import DivergenceError
from madi.training.history import History
from madi.training.metrics import Metric
from madi.training.run import Run
from madi.training.trainer import Trainer


def losses_at(trainer: Trainer, data: Any, *, factor: float, steps: int, batch_size: int) -> np.ndarray:
    """The losses of at most `steps` steps from the trainer's first weights, its rates multiplied by `factor`.

    data         arrays (x, y) as of `fit`
    batch_size   as of `fit`

    The trainer stays as it is.  Fewer losses come back where one was no longer finite.
    """
    tried = at_first_weights(trainer, factor)
    found = tried._examples(data, "data", batch_size=batch_size)
    epochs = -(-steps // -(-len(found) // batch_size))
    with np.errstate(all="ignore"):
        _Some(tried, found, epochs, batch_size, steps).result()
    losses = np.asarray(tried.history.steps.get("loss", ()), np.float64)
    return losses[:steps]


def at_first_weights(trainer: Trainer, factor: float = 1.0) -> Trainer:
    """A trainer of the same network at its first weights, with a model and an optimizer of its own."""
    tried = copy.copy(trainer)
    tried.model = copy.deepcopy(trainer.model)
    tried.optimizer = copy.copy(trainer.optimizer)
    rate = trainer.optimizer.rate_at
    tried.optimizer.learning_rate = lambda step: factor * rate(step)
    tried.metrics = [metric for metric in trainer.metrics if isinstance(metric, Metric)]
    tried.history = History()
    tried._engines = dict(trainer._engines)
    tried.reset()
    return tried


class _Enough(Exception):
    """All steps are done."""


class _Some(Run):
    """A fit that ends after so many steps, or where the loss is no longer finite."""

    def __init__(self, trainer: Trainer, data: Any, epochs: int, batch_size: int, steps: int) -> None:
        super().__init__(trainer, data, None, epochs, batch_size, [])
        self.steps = steps

    def result(self) -> None:
        """Go."""
        try:
            self.go()
        except (_Enough, DivergenceError):
            return

    def _take(self, data: Any, indices: np.ndarray, count: int) -> None:
        super()._take(data, indices, count)
        if len(self.trainer.history.steps["loss"]) >= self.steps:
            raise _Enough
