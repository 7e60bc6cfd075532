"""What the training rows say of all columns and of the target, gathered piece by piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from madi.datasets.tables.column import Column
from madi.datasets.tables.gathering import Dropped, Embed, Gathering, Missing, gathering
from madi.datasets.tables.parts import Part
from madi.datasets.tables.targets import Target, TargetGathering
from madi.datasets.tables.weights import weights_of
from madi.datasets.tables.written import date_forms_of
from madi.errors import ConfigurationError, DataError, argument, unknown_name
from madi.options import is_whole

KINDS = ("number", "category", "date", "boolean", "text")


class Fitting:
    """All columns of the training rows, and the target, piece by piece.  The options are those of the preparation."""

    def __init__(
        self, target: Sequence[str] | str, *, task: str | None, kinds: Mapping[str, str] | None, ignore: Sequence[str],
        embed: Embed, weight: str | None,
    ) -> None:  # fmt: skip
        self.kinds, self.embed, self.weight = checked_kinds(kinds), checked_embed(embed), weight
        self.target = TargetGathering(target, task, self.kinds)
        self.ignore = (ignore,) if isinstance(ignore, str) else tuple(ignore)
        self.gathered: dict[str, Gathering] = {}
        self.decimal, self.forms = ".", dict[str, str]()
        self._expect_apart()

    def add(self, part: Part) -> None:
        """Take in a piece.  Raises DataError for values that do not fit, UnknownNameError for columns there are not."""
        self.target.add(part)
        if self.weight is not None:
            weights_of(part, self.weight)
        if not self.gathered:
            self._expect_names(list(part.columns))
            self.decimal, self.forms = part.decimal, date_forms_of(part)
        for name in part.columns:
            if name not in (*self.target.names, self.weight, *self.ignore):
                self._add(name, part)

    def found(self) -> tuple[tuple[Column, ...], tuple[Dropped, ...], Target, tuple[str, ...]]:
        """The columns with features, those without, the target, and what the reader must know.

        Raises DataError where no column is left to learn from.
        """
        findings = [gathered.found(self.embed) for gathered in self.gathered.values()]
        columns = tuple(column for column, _ in findings if isinstance(column, Column))
        dropped = [column for column, _ in findings if isinstance(column, Dropped)]
        if not columns:
            reasons = "; ".join(f"'{column.name}': {column.reason}" for column in dropped) or "there are no others"
            raise DataError(f"No column is left to predict {list(self.target.names)} from ({reasons}). Add some.")
        ignored = [Dropped(name, "ignored", "as asked") for name in self.ignore]
        target = self.target.found()
        notices = filter(None, [*(notice for _, notice in findings), self.target.notice])
        return columns, (*dropped, *ignored), target, tuple(notices)

    def _add(self, name: str, part: Part) -> None:
        series, held = part.column(name), self.gathered.get(name)
        if held is None or (type(held) is Missing and series.null_count() < len(series)):
            kind, form = self.kinds.get(name), self.forms.get(name, "")
            self.gathered[name] = gathering(name, series, part.place, kind, form).after(held)
        self.gathered[name].add(series, part.place)

    def _expect_names(self, present: Sequence[str]) -> None:
        for option, names in (("ignore", self.ignore), ("kinds", self.kinds), ("weight", [self.weight or present[0]])):
            for name in names:
                if name not in present:
                    raise unknown_name(f"column of {argument(option)}", name, present)

    def _expect_apart(self) -> None:
        taken = [*self.target.names, *([self.weight] if self.weight else [])]
        if twice := {name for name in (*taken, *self.ignore) if (*taken, *self.ignore).count(name) > 1}:
            raise ConfigurationError(
                f"column '{sorted(twice)[0]}': expected one use of {argument('target')}, {argument('weight')} and "
                f"{argument('ignore')}, got several. Choose one."
            )


def checked_embed(embed: Embed) -> Embed:
    """`embed` as it is; ConfigurationError unless it is None, "auto", a number of dimensions, or {column: number}."""
    sizes: list[Any] = list(embed.values()) if isinstance(embed, Mapping) else [embed]
    whole = all(is_whole(size) and 1 <= size <= 1024 for size in sizes)
    if embed is not None and embed != "auto" and not whole:
        raise ConfigurationError(
            f"{argument('embed')}: expected 'auto', a number of dimensions from 1 to 1024, or {{column: number}}, got "
            f"{embed!r}."
        )
    return embed


def checked_kinds(kinds: Mapping[str, str] | None) -> dict[str, str]:
    """The kinds by column; UnknownNameError for a kind that there is not."""
    for name, kind in (kinds or {}).items():
        if kind not in KINDS:
            raise unknown_name(f"kind of column '{name}'", kind, KINDS)
    return dict(kinds or {})
