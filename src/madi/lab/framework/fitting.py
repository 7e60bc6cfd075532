"""Several networks trained on the same examples, one after the other, and what is measured on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from madi.datasets import Split
from madi.errors import DivergenceError
from madi.training import Trainer


def fit_each(trainers: Sequence[Trainer], data: Split, **options: Any) -> list[bool]:
    """`trainer.fit(data, **options)` for each, and whether its numbers stayed finite.

    Networks of one shape, with the same optimizer, are compiled once.  One that diverges is left as it last was, with
    the history up to there, and disturbs no other.  Ctrl-C ends all of it.
    """
    return [_fits(trainer, trainers[0], data, options) for trainer in trainers]


def _fits(trainer: Trainer, first: Trainer, data: Split, options: dict[str, Any]) -> bool:
    trainer._engines = first._engines  # which hold the compiled programs
    try:
        trainer.fit(data, verbose=0, **options)
    except DivergenceError:
        return False
    if trainer.interrupted:
        raise KeyboardInterrupt
    return True


def fit_steps(trainers: Sequence[Trainer], data: Split, *, steps: int, batch_size: int) -> np.ndarray:
    """Train each for so many steps: the loss at each of them, (trainers, steps), NaN after one that diverged.

    The steps are those of whole epochs over as many of the examples as are left out evenly; where no whole epochs have
    just so many steps, a few more are taken, and not shown.
    """
    epochs = math.ceil(steps / math.ceil(len(data.x) / batch_size))
    examples = math.ceil(steps / epochs) * batch_size
    fit_each(trainers, Split(data.x[:examples], data.y[:examples]), epochs=epochs, batch_size=batch_size)
    losses = np.full((len(trainers), steps), np.nan)
    for row, trainer in zip(losses, trainers, strict=True):
        found = trainer.history.steps["loss"][:steps]
        row[: len(found)] = found
    return losses
