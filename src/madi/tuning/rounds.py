"""The search: rounds of trials, and after each the ranges narrow around the best."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from madi.datasets import Split, split
from madi.errors import ConfigurationError, argument, unknown_name
from madi.options import FRACTION, expect_count, expect_number
from madi.training import Trainer
from madi.tuning.book import Book, Memory
from madi.tuning.ranges import Range, Ranges, draw, expect_ranges, narrowed
from madi.tuning.result import Search
from madi.tuning.running import Make, made, run_trials
from madi.tuning.trial import Measure, Trial

SAMPLERS = ("random", "tpe")
MEMORY = 2**31  # bytes that the weights of all trials at once may take
FEW = 10  # trials asked for at once where those before should be learned from, or others take some too


class Round(NamedTuple):
    """A finished round, as a search reports it: which of how many, its ranges and trials, the best of all so far.

    seconds   0 where all of it was finished before
    """

    number: int
    rounds: int
    ranges: Ranges
    trials: list[Trial]
    best: Trial | None
    measure: Measure
    seconds: float


def search(
    make: Make, data: Any, *, ranges: Mapping[str, Range], trials: int = 60, rounds: int = 3, epochs: int = 5,
    batch_size: int = 100, validation: Any = 0.2, measure: str | None = None, sampler: str = "random", seed: int = 0,
    storage: str | None = None, study: str = "madi", worker: str | None = None,
    together: int | None = None, report: Callable[[Round], None] | None = None, verbose: int = 1,
) -> Search:  # fmt: skip
    """Search for hyperparameters: draw some, train a few epochs, keep the best, narrow the ranges, repeat.

    make         hyperparameters {"learning_rate": 0.01, ...} -> a madi.Trainer that was not fitted yet; or
                 (Trainer, {"batch_size": ..., "accumulate": ...}) where a trial decides those too
    data         arrays (x, y) to train and validate on; never the test set
    ranges       {"learning_rate": LogUniform(1e-6, 1e-2), ...}: LogUniform, Uniform, Integer or Choice
    trials       in all rounds together; rounds share them evenly
    epochs       of each trial
    validation   share of the data that is kept out of training to compare the trials on, drawn once from the seed with
                 the same proportions of classes; or arrays (x, y) of one's own
    measure      what is compared, after the last epoch: the name of a metric of the trainers, or "loss"; their first
                 metric where none is named.  The validation loss decides ties
    sampler      "random"; or "tpe" (Bergstra et al., "Algorithms for hyper-parameter optimization", 2011), which draws
                 more where the trials before were good.  It needs optuna, as a storage does
    seed         of the drawn values, and of the share for validation: the same seed and ranges, the same trials
    storage      where the search is kept, so that a search that was killed goes on, and several processes or machines
                 share one: a file, or a URL of a database such as "postgresql://..."
    study        its name in the storage
    worker       the name of this process where several share a storage: each needs its own, and takes up the trials
                 that it began and did not finish.  None where it is the only one
    together     trials that are asked for, and trained, at once.  The whole round for the random sampler of a
                 process alone; 10 for "tpe", which learns from those before, and where there are other workers; fewer
                 where their weights would not fit into 2 GiB
    report       called with a `Round` after each
    verbose      1: progress of the training; 0: silent

    The rule of narrowing: of all finished trials so far the best fifth, at least five, are the good ones.  Each range
    then reaches from the nearest value of the other trials below all good ones to the nearest above them; where none
    of the others lies beyond, it keeps its end.  A choice keeps the options of the good trials, and those that were
    never tried.  So a range that matters narrows soon, and one that does not hardly narrows.

    A trial that diverges disturbs no other: it has no result and is never among the best.  Ctrl-C ends the search
    with the finished trials; `.interrupted` of the result says so.

    Raises ConfigurationError for settings out of range and without optuna where it is needed, and what fit raises for
    data that do not fit.
    """
    for name, value, usual in (("trials", trials, 60), ("rounds", rounds, 3), ("epochs", epochs, 5)):
        expect_count(f"search: {name}", value, fix=f"Try {usual}.")
    if rounds > trials:
        raise ConfigurationError(
            f"search: {trials} trials do not fill {rounds} rounds. Try {argument('rounds', trials)}."
        )
    first = expect_ranges(ranges)
    examples = divided(data, validation, seed)
    fit = {"epochs": epochs, "batch_size": batch_size, "accumulate": 1, "verbose": verbose}
    trainer, _ = made(make, draw(first, seed=seed, number=0), fit)
    compared = Measure.of(trainer.metrics, measure)
    book = _book(sampler, storage, study, first, compared, seed=seed, worker=worker)
    if together is None:
        usual = trials if sampler == "random" and worker is None else FEW
        most = min(usual, fitting(trainer))
    else:
        most = expect_count("search: together", together, fix="Try 10.")
    return _Run(make, examples, fit, compared, book, shares(trials, rounds), most, report).go(first)


def divided(data: Any, validation: Any, seed: int) -> tuple[Split, Split]:
    """The examples to train on and those to compare trials on."""
    if not isinstance(validation, float):
        return data, validation
    expect_number("search: validation", validation, FRACTION, fix="Try 0.2.")
    x, y = (np.asarray(part) for part in data)
    parts = split(x, y, validation=validation, stratified=y.ndim == 1 and y.dtype.kind in "iu", seed=seed)
    return parts.train, parts.validation


def fitting(trainer: Trainer) -> int:
    """How many such trials fit into memory at once: weights, gradients and two arrays of an optimizer for each."""
    size = sum(parameter.value.nbytes for parameter in trainer.model.parameters().values())
    return max(1, MEMORY // (4 * size)) if size else FEW


def shares(trials: int, rounds: int) -> list[int]:
    """The trials of each round: 34, 33 and 33 of 100."""
    return [trials // rounds + (number < trials % rounds) for number in range(rounds)]


def _book(
    sampler: str, storage: str | None, study: str, ranges: Ranges, measure: Measure, *, seed: int, worker: str | None
) -> Book:
    if sampler not in SAMPLERS:
        raise unknown_name("sampler", sampler, SAMPLERS)
    if sampler == "random" and storage is None:
        return Memory(seed)
    expect_optuna()
    from madi.tuning.study import StudyBook

    return StudyBook.open(storage, study, ranges, measure, sampler=sampler, seed=seed, worker=worker or "")


def expect_optuna() -> None:
    """Raise ConfigurationError, with the command, where optuna is not installed."""
    if importlib.util.find_spec("optuna") is None:
        raise ConfigurationError("this search needs optuna, which is not installed. Run: pip install 'madi[search]'")


@dataclass(frozen=True)
class _Run:
    """A search with all that it needs."""

    make: Make
    examples: tuple[Any, Any]
    fit: dict[str, Any]
    measure: Measure
    book: Book
    shares: list[int]
    most: int
    report: Callable[[Round], None] | None

    def go(self, ranges: Ranges) -> Search:
        """All rounds, the first with these ranges; Ctrl-C between two fits ends the search as one within does."""
        begun = [self.begin(1, ranges)]
        try:
            for number, wanted in enumerate(self.shares, start=1):
                if number > 1:
                    begun.append(self.begin(number, begun[-1]))
                if not self.one_round(number, wanted, begun[-1]):
                    return self.result(begun, interrupted=True)
        except KeyboardInterrupt:
            return self.result(begun, interrupted=True)
        return self.result(begun, interrupted=False)

    def begin(self, number: int, before: Ranges) -> Ranges:
        """The ranges of a round: those that it was begun with, or those of the round before, narrowed."""
        found = self.book.ranges(number)
        if found is None:
            found = self.narrowed(before) if number > 1 else before
            self.book.begin(number, found)
        return found

    def narrowed(self, before: Ranges) -> Ranges:
        """The ranges around the good trials among all that are finished."""
        every = self.book.finished()
        good = self.measure.good(every)
        others = [trial for trial in every if trial not in good]
        return narrowed(before, [trial.parameters for trial in good], [trial.parameters for trial in others])

    def one_round(self, number: int, wanted: int, ranges: Ranges) -> bool:
        """Train the trials of a round that are not finished; False where the user broke off."""
        began, trained = time.perf_counter(), False
        while asked := self.book.ask(number, wanted, self.most):
            finished, interrupted = run_trials(self.make, asked, *self.examples, self.fit)
            self.book.tell(finished)
            if interrupted:
                return False
            trained = True
        if self.report is not None:
            every = self.book.finished()
            best = next(iter(self.measure.ranked(every)), None)
            seconds = time.perf_counter() - began if trained else 0.0
            mine = [trial for trial in every if trial.round == number]
            self.report(Round(number, len(self.shares), ranges, mine, best, self.measure, seconds))
        return True

    def result(self, ranges: list[Ranges], *, interrupted: bool) -> Search:
        """What came of it."""
        return Search(tuple(self.book.finished()), tuple(ranges), self.measure, interrupted)
