"""The book of a search: which trials were asked for, which are finished, which ranges each round has.

`Memory` keeps it in memory and draws the trials itself; `madi.tuning.study` keeps it in optuna's storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from madi.tuning.ranges import Ranges, draw
from madi.tuning.trial import Asked, Trial


class Book(Protocol):
    """What a search writes into and goes on from."""

    def finished(self) -> list[Trial]:
        """All finished trials."""

    def ranges(self, round: int) -> Ranges | None:
        """The ranges of a round; None where it has not begun."""

    def begin(self, round: int, ranges: Ranges) -> None:
        """A round begins with these ranges."""

    def ask(self, round: int, wanted: int, most: int) -> list[Asked]:
        """The next trials of a round, at most `most`: begun before and never finished, or new ones up to `wanted`."""

    def tell(self, trials: Sequence[Trial]) -> None:
        """These trials are finished."""


class Memory:
    """A book in memory; trials are drawn at random, each from the seed and its own number."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.trials: list[Trial] = []
        self.open: list[Asked] = []
        self.rounds: dict[int, Ranges] = {}

    def finished(self) -> list[Trial]:
        """All finished trials."""
        return list(self.trials)

    def ranges(self, round: int) -> Ranges | None:
        """The ranges of a round; None where it has not begun."""
        return self.rounds.get(round)

    def begin(self, round: int, ranges: Ranges) -> None:
        """A round begins with these ranges."""
        self.rounds[round] = ranges

    def ask(self, round: int, wanted: int, most: int) -> list[Asked]:
        """The next trials of a round, at most `most`, up to `wanted` of them altogether."""
        first = len(self.trials) + len(self.open)
        left = wanted - sum(trial.round == round for trial in [*self.trials, *self.open])
        numbers = range(first, first + min(left, most))
        asked = [Asked(number, round, draw(self.rounds[round], seed=self.seed, number=number)) for number in numbers]
        self.open += asked
        return asked

    def tell(self, trials: Sequence[Trial]) -> None:
        """These trials are finished."""
        told = {trial.number for trial in trials}
        self.open = [asked for asked in self.open if asked.number not in told]
        self.trials += trials
