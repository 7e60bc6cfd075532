"""What the training rows say of one column, gathered piece by piece, and what follows from it."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from madi.datasets.tables.columns import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    NumberColumn,
    days_of,
    part_of,
)
from madi.datasets.tables.moments import Moments
from madi.datasets.tables.values import Place, as_booleans, as_dates, as_numbers, as_texts, forms_of, kind_of
from madi.errors import DataError, argument

Embed = int | str | Mapping[str, int] | None

MOST_FEATURES = 100  # values of a category with a feature of their own; the others share one
MOST_VECTORS = 10_000  # with a vector of their own, where the network looks them up
MANY = 20  # values from which a category is looked up rather than spread over features, where `embed` is given
TEXT_ROWS, TEXT_SHARE = 20, 0.5  # among so many rows, more different texts than this share are no categories
_KEPT = 100_000  # different texts that are counted at most
_NUMBERS_ROWS = re.compile(r"(?i:(^|[_\W])(id|ids|index|idx|no|nr|번호|row)$)|[a-z]I[dD]$")


@dataclass(frozen=True)
class Dropped:
    """A column that no feature comes from, what it holds, and why."""

    name: str
    kind: str
    reason: str


Finding = tuple[Column | Dropped, str]  # with a line for the reader, or ""


class Gathering(ABC):
    """The values of one column as its pieces come in."""

    def __init__(self, name: str) -> None:
        self.name, self.rows, self.missing = name, 0, 0

    def add(self, series: pl.Series, place: Place) -> None:
        """Take in a piece, settled."""
        self.rows += len(series)
        self.missing += series.null_count()
        self.take(series, place)

    def after(self, earlier: Gathering | None) -> Self:
        """This one, which goes on where pieces without any known value have been."""
        if earlier is not None:
            self.rows, self.missing = earlier.rows, earlier.missing
        return self

    @abstractmethod
    def take(self, series: pl.Series, place: Place) -> None:
        """What `add` does by kind."""

    @abstractmethod
    def found(self, embed: Embed) -> Finding:
        """The column as it follows from all pieces."""

    def dropped(self, kind: str, reason: str) -> Finding:
        """The column left out, and the line that says so."""
        return Dropped(self.name, kind, reason), f"column '{self.name}' is left out: {reason}."

    def constant(self, kind: str, value: object) -> Finding:
        """The column left out because all of its rows say the same."""
        return self.dropped(kind, f"all of its values are {value}")


class Numbers(Gathering):
    """Mean and deviation, and whether each row has another whole number."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.moments, self.numbering = Moments(), bool(_NUMBERS_ROWS.search(name))

    def take(self, series: pl.Series, place: Place) -> None:
        """Numbers, or texts that are some."""
        self.numbering &= series.dtype.is_integer() and series.n_unique() == len(series)
        self.moments.add(as_numbers(series, place).known)

    def found(self, embed: Embed) -> Finding:
        """A number column."""
        moments = self.moments
        if moments.constant and not self.missing:
            return self.constant("number", f"{moments.mean:.6g}")
        if not (math.isfinite(moments.mean) and math.isfinite(moments.deviation)):
            raise DataError(
                f"column '{self.name}': its numbers, from {moments.low:g} to {moments.high:g}, are too large to be "
                f"averaged. Mend them, or leave the column out: {argument('ignore', [self.name])}."
            )
        column = NumberColumn(self.name, bool(self.missing), moments.mean, moments.deviation)
        numbering = self.numbering and self.rows > 1
        return column, self._says_only_which_row() if numbering else ""

    def _says_only_which_row(self) -> str:
        return (
            f"column '{self.name}' holds another whole number in each row: if it only numbers the rows, leave it out: "
            f"{argument('ignore', [self.name])}."
        )


class Booleans(Gathering):
    """How many are true."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.true = 0

    def take(self, series: pl.Series, place: Place) -> None:
        """Booleans, or what stands for them."""
        self.true += int(as_booleans(series, place).known.sum())

    def found(self, embed: Embed) -> Finding:
        """A boolean column."""
        known = self.rows - self.missing
        if not self.missing and self.true in (0, known):
            return self.constant("boolean", "true" if self.true else "false")
        return BooleanColumn(self.name, bool(self.missing), self.true / known), ""


class Dates(Gathering):
    """Mean and deviation of the days, and which parts of the dates differ.

    form      how they are written in the file, where that is known ("" if not)
    """

    def __init__(self, name: str, form: str = "") -> None:
        super().__init__(name)
        self.moments, self.form = Moments(), form
        self.parts = {"month": Moments(), "weekday": Moments(), "time": Moments()}

    def take(self, series: pl.Series, place: Place) -> None:
        """Dates, or texts that are some."""
        if series.dtype == pl.String and not self.form:
            forms = forms_of(series, place)
            self.form = forms[0].format if len(forms) == 1 else ""
        dates = as_dates(series, self.form or None, place).drop_nulls()
        self.moments.add(days_of(dates).numbers)
        for part, moments in self.parts.items():
            moments.add(part_of(dates, part))

    def found(self, embed: Embed) -> Finding:
        """A date column."""
        if self.moments.constant and not self.missing:
            return self.constant("date", np.datetime64(round(self.moments.mean), "D"))
        parts = tuple(part for part, moments in self.parts.items() if not moments.constant)
        mean, deviation = self.moments.mean, self.moments.deviation
        return DateColumn(self.name, bool(self.missing), mean, deviation, parts, self.form or None), ""


class Categories(Gathering):
    """How often each value occurs.

    forced     told to be categories, however many values there are
    """

    def __init__(self, name: str, *, forced: bool) -> None:
        super().__init__(name)
        self.counts: Counter[str] = Counter()
        self.forced, self.is_text, self.written = forced, False, False

    def take(self, series: pl.Series, place: Place) -> None:
        """Texts, or what has a name."""
        self.written |= series.dtype == pl.String
        if self.is_text:
            return
        texts = as_texts(series).drop_nulls()
        self.is_text = not self.forced and is_text(texts)
        if not self.is_text:
            self.counts.update(dict(texts.value_counts().iter_rows()))
            self.is_text = not self.forced and len(self.counts) > _KEPT

    def found(self, embed: Embed) -> Finding:
        """A category column, or one left out."""
        if self.is_text:
            return self.dropped("text", "nearly all of its texts differ, so that they are no categories")
        if len(self.counts) == 1 and not self.missing:
            return self.constant("category", repr(next(iter(self.counts))))
        size = embedded_size(self.name, len(self.counts), embed)
        values, other = self._frequent(MOST_FEATURES if size is None else MOST_VECTORS)
        column = CategoryColumn(self.name, bool(self.missing), values, other, size, self.written)
        return column, self._says_how_many(len(values), size) if other else ""

    def _frequent(self, most: int) -> tuple[tuple[str, ...], bool]:
        """The most frequent values, the earlier in the alphabet of equal ones, sorted; and whether there are others."""
        ranked = sorted(self.counts, key=lambda value: (-self.counts[value], value))
        return tuple(sorted(ranked[:most])), len(ranked) > most

    def _says_how_many(self, kept: int, size: int | None) -> str:
        each = "feature" if size is None else "vector"
        hint = f" {argument('embed', 8)} gives each a vector." if size is None else ""
        return (
            f"column '{self.name}' has {len(self.counts)} different values: the {kept} most frequent have a {each} "
            f"each, the others share one.{hint}"
        )


class Missing(Gathering):
    """Nothing known so far: the first piece with a value would have told the kind."""

    def take(self, series: pl.Series, place: Place) -> None:
        """Count alone."""

    def found(self, embed: Embed) -> Finding:
        """The column left out."""
        return self.dropped("missing", "it holds no value at all")


class Told(Missing):
    """A column that the user has called text."""

    def found(self, embed: Embed) -> Finding:
        """The column left out."""
        return self.dropped("text", "it holds text")


def gathering(name: str, series: pl.Series, place: Place, kind: str | None, form: str = "") -> Gathering:
    """What gathers a column that begins with the settled `series`, by the kind it is told to have or shows.

    form      how its dates are written, where that is known
    """
    match kind or kind_of(series, place):
        case "number":
            return Numbers(name)
        case "boolean":
            return Booleans(name)
        case "date":
            return Dates(name, form)
        case "category":
            return Categories(name, forced=kind is not None)
        case "text":
            return Told(name)
    return Missing(name)


def is_text(texts: pl.Series) -> bool:
    """Whether known texts differ so much that they are no categories."""
    return len(texts) >= TEXT_ROWS and texts.n_unique() > TEXT_SHARE * len(texts)


def embedded_size(name: str, values: int, embed: Embed) -> int | None:
    """Numbers of the vector of each value of a category column; None where each value has a feature.

    "auto" gives 1.6 values^0.56, at most 50: the rule of thumb of fastai (Howard and Gugger, 2020).
    """
    if isinstance(embed, Mapping):
        return embed.get(name)
    if embed is None or values <= MANY:
        return None
    return embed if isinstance(embed, int) else min(50, round(1.6 * values**0.56))
