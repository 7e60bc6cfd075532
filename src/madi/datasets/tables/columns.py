"""What was learned of each column from the training rows, and how its values become features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import polars as pl

from madi.datasets.tables.categories import CategoryColumn
from madi.datasets.tables.column import Column, standardised
from madi.datasets.tables.encoding import Encoded
from madi.datasets.tables.plain import FINITE, FLAG, POSITIVE, TEXT, TEXT_OR_NONE, TEXTS, checked, expect
from madi.datasets.tables.values import Place, Values, as_booleans, as_dates, as_numbers

DAY = 86400e6  # microseconds
PARTS = {"month": 12.0, "weekday": 7.0, "time": DAY}  # of a date: what comes round, and after how much


@dataclass(frozen=True)
class NumberColumn(Column):
    """(x - mean) / deviation of the known training values; a missing value is the mean, and so 0."""

    kind = "number"
    rules: ClassVar = {"name": TEXT, "missing": FLAG, "mean": FINITE, "deviation": POSITIVE}

    mean: float
    deviation: float

    @property
    def known_names(self) -> tuple[str, ...]:
        """Its own name."""
        return (self.name,)

    @property
    def detail(self) -> str:
        """Mean and deviation."""
        return f"mean {self.mean:.6g}, deviation {self.deviation:.6g}{self._filled()}"

    def encode_settled(self, series: pl.Series, place: Place, notices: list[str]) -> Encoded:
        """One feature, and one that says where it is missing."""
        values = as_numbers(series, place)
        return self.planes([standardised(values, self.mean, self.deviation, series, place)], values.missing, notices)


@dataclass(frozen=True)
class BooleanColumn(Column):
    """0 for false and 1 for true; a missing value is `mean`, the share of true."""

    kind = "boolean"
    rules: ClassVar = {"name": TEXT, "missing": FLAG, "mean": FINITE}

    mean: float

    @property
    def known_names(self) -> tuple[str, ...]:
        """Its own name."""
        return (self.name,)

    @property
    def detail(self) -> str:
        """The share of true."""
        return f"true in {self.mean:.1%} of the rows{self._filled()}"

    def encode_settled(self, series: pl.Series, place: Place, notices: list[str]) -> Encoded:
        """One feature, and one that says where it is missing."""
        values = as_booleans(series, place)
        numbers = values.numbers.astype(np.float32)
        if values.missing is not None:
            numbers[values.missing] = self.mean
        return self.planes([numbers], values.missing, notices)


@dataclass(frozen=True)
class DateColumn(Column):
    """Days since the mean of the training dates, over their deviation, and for each part sine and cosine of its round.

    parts     those of month, weekday and time (of day) that differ among the training rows
    mean      days since 1970, with their fraction;  deviation in days
    form      how its texts are written, where they were read here; None where the file was read with dates in it

    A missing value is 0 in all of them.
    """

    kind = "date"
    rules: ClassVar = {
        "name": TEXT, "missing": FLAG, "mean": FINITE, "deviation": POSITIVE, "parts": TEXTS,
        "form": TEXT_OR_NONE,
    }  # fmt: skip

    mean: float
    deviation: float
    parts: tuple[str, ...]
    form: str | None

    def check(self) -> None:
        """Parts that dates have."""
        super().check()
        expect(set(self.parts) <= set(PARTS), f"parts of a date among {', '.join(PARTS)}", self.parts)

    @property
    def known_names(self) -> tuple[str, ...]:
        """Its own name for the days, and two for each part."""
        rounds = (f"{self.name} ({part}, {wave})" for part in self.parts for wave in ("sine", "cosine"))
        return (self.name, *rounds)

    @property
    def detail(self) -> str:
        """The middle of the dates, their deviation, and the parts."""
        day = np.datetime64(round(self.mean), "D")
        parts = "".join(f", {part}" for part in self.parts)
        return f"days around {day}, deviation {self.deviation:.6g}{parts}{self._filled()}"

    def encode_settled(self, series: pl.Series, place: Place, notices: list[str]) -> Encoded:
        """The days, the waves, and where they are missing."""
        dates = as_dates(series, self.form, place)
        days = days_of(dates)
        features = [standardised(days, self.mean, self.deviation, series, place)]
        for part in self.parts:
            angle = part_of(dates, part) * (2 * np.pi / PARTS[part])
            features += [np.sin(angle).astype(np.float32), np.cos(angle).astype(np.float32)]
        if days.missing is not None:
            for feature in features:
                feature[days.missing] = 0
        return self.planes(features, days.missing, notices)


KINDS: dict[str, type[Column]] = {
    column.kind: column for column in (NumberColumn, CategoryColumn, DateColumn, BooleanColumn)
}


def column_from_config(config: Mapping[str, Any]) -> Column:
    """The column that `to_config` described.  Raises ValueError for what it cannot have written."""
    expect(isinstance(config, Mapping), "a table for each column", config)
    expect(config.get("kind") in KINDS, f"a kind of column among {', '.join(KINDS)}", config.get("kind"))
    cls = KINDS[config["kind"]]
    plain = checked(config, {"kind": TEXT, **cls.rules})
    column = cls(**{field.name: _as_tuple(plain[field.name]) for field in fields(cls)})
    column.check()
    return column


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# ---- dates as numbers


def days_of(dates: pl.Series) -> Values:
    """Days since 1970, with their fraction."""
    numbers = (dates.to_physical() / DAY).fill_null(np.nan).to_numpy()
    return Values(numbers, dates.is_null().to_numpy() if dates.null_count() else None)


def part_of(dates: pl.Series, part: str) -> np.ndarray:
    """How far each date is in its round: months from 0, weekdays from 0 (Monday), microseconds of the day."""
    match part:
        case "month":
            found = dates.dt.month() - 1
        case "weekday":
            found = dates.dt.weekday() - 1
        case _:
            found = dates.to_physical() % int(DAY)
    return found.cast(pl.Float64).fill_null(0).to_numpy()
