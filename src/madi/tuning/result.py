"""What a search found: its trials as a table, the best, the ranges round by round, the figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from madi.errors import DataError
from madi.tuning.ranges import Between, Ranges, from_plain, text, to_plain
from madi.tuning.trial import VALIDATION, Measure, Trial, trial_from

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from polars import DataFrame


@dataclass(frozen=True)
class Search:
    """A search.

    records       its finished trials, by number
    ranges        those of each round: {"learning_rate": LogUniform(...), ...}
    measure       what the trials are compared by
    interrupted   whether the user ended it before its last trial
    """

    records: tuple[Trial, ...]
    ranges: tuple[Ranges, ...]
    measure: Measure
    interrupted: bool = False

    @property
    def best(self) -> Trial:
        """The trial with the best result.  Raises DataError where none has one."""
        ranked = self.measure.ranked(self.records)
        if not ranked:
            count = len(self.records)
            raise DataError(
                f"search: none of {count} trials has a result, all diverged. Choose ranges with lower rates."
                if count else "search: no trial is finished yet."
            )  # fmt: skip
        return ranked[0]

    def at_an_end(self) -> dict[str, str]:
        """The parameters whose best value lies at an end of the first range: better ones may lie beyond it.

        {"learning_rate": "upper"} where it is within a twentieth of the range from there.
        """
        found = {name: entry.end_near(self.best.parameters[name]) for name, entry in self.ranges[0].items()
                 if isinstance(entry, Between)}  # fmt: skip
        return {name: end for name, end in found.items() if end}

    @property
    def trials(self) -> DataFrame:
        """A polars table, a row a trial, the best first: its number, its round, its parameters, its last values.

        A trial that diverged stands last; what it measured before that is left out.
        """
        import polars

        ranked = self.measure.ranked(self.records)
        others = [trial for trial in self.records if not self.measure.counts(trial)]
        return polars.DataFrame([self._row(trial) for trial in [*ranked, *others]], infer_schema_length=None)

    def _row(self, trial: Trial) -> dict[str, Any]:
        values = {name: text(value) if isinstance(value, tuple) else value for name, value in trial.parameters.items()}
        counts = self.measure.counts(trial)
        names = dict.fromkeys([VALIDATION + self.measure.name, VALIDATION + "loss", self.measure.name, "loss"])
        measured = {name: trial.last(name) if counts else None for name in names}
        return {"trial": trial.number, "round": trial.round, **values, **measured, "diverged": not counts}

    def plot(self, best: int = 20) -> Figure:
        """A matplotlib figure: the curves of the best trials, and each parameter's values, results and ranges."""
        from madi.tuning.figure import figure

        return figure(self, best)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        ranges = [{name: to_plain(entry) for name, entry in of_round.items()} for of_round in self.ranges]
        return {
            "records": [asdict(trial) for trial in self.records], "ranges": ranges, "measure": asdict(self.measure),
            "interrupted": self.interrupted,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Search:
        """The search that `to_dict` wrote."""
        ranges = [{name: from_plain(entry) for name, entry in of_round.items()} for of_round in plain["ranges"]]
        records = tuple(map(trial_from, plain["records"]))
        return cls(records, tuple(ranges), Measure(**plain["measure"]), plain["interrupted"])
