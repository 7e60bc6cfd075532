"""A trial: one set of hyperparameters, and what training with them measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from madi.errors import unknown_name

VALIDATION = "validation_"
BEST_SHARE, FEWEST = 5, 5  # the best fifth of the trials, but at least five, say where the ranges go on


@dataclass(frozen=True)
class Asked:
    """A trial that is to be trained: its number in the search, its round (from 1), its hyperparameters."""

    number: int
    round: int
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Trial(Asked):
    """A trial that was trained.

    epochs      its history, a row an epoch: {"loss": ..., "accuracy": ..., "validation_accuracy": ...}
    diverged    whether its numbers left the finite ones; it then has no result
    """

    epochs: list[dict[str, float]]
    diverged: bool = False

    def curve(self, name: str) -> list[float]:
        """The column of an entry over the epochs."""
        return [row[name] for row in self.epochs if name in row]

    def last(self, name: str) -> float:
        """An entry in the last epoch; NaN where there is none."""
        return self.epochs[-1].get(name, math.nan) if self.epochs else math.nan


@dataclass(frozen=True)
class Measure:
    """What trials are compared by: a value on the validation data after the last epoch; the loss decides a tie.

    name     as in the history, without "validation_"
    rises    whether more is better
    """

    name: str
    rises: bool

    @classmethod
    def of(cls, metrics: Iterable[Any], name: str | None) -> Measure:
        """That of a trainer's metrics which is called `name`; where none is named the first, or else the loss.

        Raises UnknownNameError.
        """
        known = {metric.name: metric.greater_is_better for metric in metrics}
        chosen = name or next(iter(known), "loss")
        known["loss"] = False
        if chosen not in known:
            raise unknown_name("measure", chosen, known)
        return cls(chosen, known[chosen])

    def value(self, trial: Trial) -> float:
        """The result of a trial; NaN for one that diverged."""
        return math.nan if trial.diverged else trial.last(VALIDATION + self.name)

    def counts(self, trial: Trial) -> bool:
        """Whether the trial has a result."""
        return math.isfinite(self.value(trial))

    def ranked(self, trials: Iterable[Trial]) -> list[Trial]:
        """The trials that have a result, the best first."""
        return sorted(filter(self.counts, trials), key=self._place)

    def good(self, trials: Iterable[Trial]) -> list[Trial]:
        """The best fifth of the trials, at least five: those that the ranges narrow around."""
        best = self.ranked(trials)
        return best[: max(FEWEST, math.ceil(len(best) / BEST_SHARE))]

    def _place(self, trial: Trial) -> tuple[float, float, int]:
        value, loss = self.value(trial), trial.last(f"{VALIDATION}loss")
        return -value if self.rises else value, loss if math.isfinite(loss) else math.inf, trial.number


def trial_from(plain: Mapping[str, Any]) -> Trial:
    """The trial whose fields these are; a list among the parameters is a tuple."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in plain["parameters"].items()}
    return Trial(plain["number"], plain["round"], values, plain["epochs"], plain["diverged"])
