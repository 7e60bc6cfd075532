"""The book of a search in optuna's storage: it survives the process, and several can write into it.

A trial is asked for before it is trained and told after it.  Each process signs the trials that it asks for; one that
was killed finds its own, begun and never finished, and trains them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from madi.errors import ConfigurationError, FileError, MadiError
from madi.tuning.ranges import Choice, Integer, LogUniform, Range, Ranges, from_plain, to_plain
from madi.tuning.samplers import SAMPLERS, RandomDraws
from madi.tuning.trial import Asked, Measure, Trial

DIVERGED = TrialState.PRUNED  # a trial without a result that TPE still learns from: it ranks behind all others
STATES = (TrialState.RUNNING, TrialState.COMPLETE, DIVERGED)
SEARCH, RANGES, RESULT, ROUND, WORKER = "search", "ranges of round", "trial", "round", "worker"


class StudyBook:
    """A book in a study of optuna.

    worker   the name of this process: it takes up the trials that it asked for and did not finish
    """

    def __init__(
        self, study: optuna.Study, sampler: RandomDraws, ranges: Ranges, measure: Measure, worker: str
    ) -> None:  # fmt: skip
        self.study, self.sampler, self.first, self.measure, self.worker = study, sampler, ranges, measure, worker

    @classmethod
    def open(
        cls, storage: str | None, name: str, ranges: Ranges, measure: Measure, *, sampler: str, seed: int, worker: str
    ) -> StudyBook:
        """The study of that name, made where there is none.

        Raises FileError for a storage that cannot be opened, ConfigurationError for a study of another search.
        """
        draws = SAMPLERS[sampler](seed)
        with _quiet(), _told(storage):
            study = optuna.create_study(
                storage=_storage(storage), study_name=name, sampler=draws,
                direction="maximize" if measure.rises else "minimize", load_if_exists=True,
            )  # fmt: skip
        asked = {"ranges": _plain(ranges), "measure": asdict(measure), "seed": seed, "sampler": sampler}
        there = study.user_attrs.get(SEARCH)
        if there is None:
            study.set_user_attr(SEARCH, asked)
        elif other := [key for key, value in asked.items() if there.get(key) != value]:
            raise ConfigurationError(
                f"study: {name!r} in {storage} was begun with {other[0]} {there.get(other[0])}, now it is "
                f"{asked[other[0]]}. Go on with the same {other[0]}, or choose another name for the study."
            )
        return cls(study, draws, ranges, measure, worker)

    def finished(self) -> list[Trial]:
        """All finished trials, those of other processes too."""
        results = self.study.user_attrs
        return [self._trial(found, results) for found in self._all() if found.state != TrialState.RUNNING]

    def ranges(self, round: int) -> Ranges | None:
        """The ranges of a round; None where no process has begun it."""
        plain = self.study.user_attrs.get(f"{RANGES} {round}")
        return None if plain is None else {name: from_plain(entry) for name, entry in plain.items()}

    def begin(self, round: int, ranges: Ranges) -> None:
        """A round begins with these ranges."""
        self.study.set_user_attr(f"{RANGES} {round}", _plain(ranges))

    def ask(self, round: int, wanted: int, most: int) -> list[Asked]:
        """The next trials of a round, at most `most`: this process's own unfinished ones, or new ones up to `wanted`.

        What other processes have begun counts.
        """
        every = [found for found in self._all() if found.user_attrs[ROUND] == round]
        open_ = [found for found in every if self._is_left(found)]
        if open_:
            return [Asked(found.number, round, self._values(found)) for found in open_[:most]]
        ranges = self.ranges(round)
        return [self._new(round, ranges) for _ in range(min(wanted - len(every), most))] if ranges else []

    def tell(self, trials: Sequence[Trial]) -> None:
        """These trials are finished.  What they measured is written before they are said to be."""
        for trial in trials:
            counts = self.measure.counts(trial)
            self.study.set_user_attr(f"{RESULT} {trial.number}", {"epochs": trial.epochs, "diverged": not counts})
            if counts:
                self.study.tell(trial.number, self.measure.value(trial), skip_if_finished=True)
            else:
                self.study.tell(trial.number, state=DIVERGED, skip_if_finished=True)

    def _all(self) -> list[FrozenTrial]:
        """Trials that are whole: a process may have been killed while it asked for one."""
        found = self.study.get_trials(deepcopy=False, states=STATES)
        return [entry for entry in found if ROUND in entry.user_attrs and set(entry.params) == set(self.first)]

    def _is_left(self, found: FrozenTrial) -> bool:
        return found.state == TrialState.RUNNING and found.user_attrs[WORKER] == self.worker

    def _new(self, round: int, ranges: Ranges) -> Asked:
        self.sampler.ranges = ranges
        asked = self.study.ask({name: _distribution(entry, self.first[name]) for name, entry in ranges.items()})
        asked.set_user_attr(WORKER, self.worker)
        asked.set_user_attr(ROUND, round)
        return Asked(asked.number, round, self._values(asked))

    def _values(self, found: Any) -> dict[str, Any]:
        """The parameters in the order of the ranges, options as they were given."""
        values = {name: found.params[name] for name in self.first}
        return {name: entry.option(values[name]) if isinstance(entry, Choice) else values[name]
                for name, entry in self.first.items()}  # fmt: skip

    def _trial(self, found: FrozenTrial, results: dict[str, Any]) -> Trial:
        result = results[f"{RESULT} {found.number}"]
        return Trial(found.number, found.user_attrs[ROUND], self._values(found), **result)


def _plain(ranges: Ranges) -> dict[str, Any]:
    """The ranges as JSON gives them back."""
    plain = {name: to_plain(entry) for name, entry in ranges.items()}
    return {name: {key: _listed(value) for key, value in entry.items()} for name, entry in plain.items()}


def _listed(value: Any) -> Any:
    return list(map(_listed, value)) if isinstance(value, tuple) else value


def _distribution(entry: Any, first: Range) -> BaseDistribution:
    """The range for optuna, which does not let the options of a choice change: the sampler keeps to those left."""
    if isinstance(first, Choice):
        return CategoricalDistribution(first.texts())
    if isinstance(entry, Integer):
        return IntDistribution(entry.low, entry.high)
    return FloatDistribution(entry.low, entry.high, log=isinstance(entry, LogUniform))


def _storage(storage: str | None) -> Any:
    """optuna's storage: in memory, a database by its URL, or a journal in a file."""
    if storage is None or "://" in storage:
        return storage
    return JournalStorage(JournalFileBackend(storage))


@contextmanager
def _told(storage: str | None) -> Iterator[None]:
    """What goes wrong with a storage, in one line."""
    try:
        yield
    except MadiError:
        raise
    except Exception as error:  # each database has exceptions of its own
        reason = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
        raise FileError(
            f"storage {storage}: cannot be opened ({reason}). Give a file in a folder that is there, or a URL such as "
            "sqlite:///search.db."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Within the block optuna tells of warnings only."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
