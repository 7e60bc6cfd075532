"""The values of one column, read as numbers, categories, dates or booleans; what cannot be is named with its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from madi.datasets.tables.dates import FORMS, DateForm, date_forms
from madi.datasets.tables.types import CODE, MISSING, point
from madi.errors import DataError, argument

MOSTLY = 0.9  # the share of a column that must read as numbers, or dates, for the rest of it to be a mistake
_TRUE, _FALSE = ("true", "yes", "y", "t", "1"), ("false", "no", "n", "f", "0")
_TIME = r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
_SHOWN = 40  # letters of a value in a message


@dataclass(frozen=True)
class Place:
    """Where the rows of a column stand, and how its file writes decimals.

    name       row of the column -> "data.csv, line 17"
    decimal    ".", or ",", beside which a point could stand for thousands; ".," for a file that shows no sign of its
               own, where the training file had commas
    """

    name: Callable[[int], str]
    decimal: str = "."

    def __call__(self, row: int) -> str:
        return self.name(row)


class Values(NamedTuple):
    """A column as float64, (N,), and where its values are missing (there they are NaN), or None where none is."""

    numbers: np.ndarray
    missing: np.ndarray | None

    @property
    def known(self) -> np.ndarray:
        """The values that are there."""
        return self.numbers if self.missing is None else self.numbers[~self.missing]


def settled(series: pl.Series) -> pl.Series:
    """The column in one of the types that the functions below know: texts, numbers, booleans, dates.

    Texts are stripped, and those that stand for a missing value become null, as does NaN.  Durations become seconds,
    and times of day, also as texts throughout, moments of 1 January 1970.

    Raises DataError for what is no column of single values.
    """
    dtype = series.dtype
    if isinstance(dtype, (pl.Categorical, pl.Enum)):
        series = series.cast(pl.String)
    if series.dtype == pl.String:
        texts = series.str.strip_chars()
        return _times_or_texts(texts.set(texts.is_in(list(MISSING)), None))
    if dtype.is_float():
        return series.fill_nan(None) if _has_nan(series) else series
    if isinstance(dtype, pl.Duration):
        return series.dt.total_microseconds() / 1e6
    if isinstance(dtype, pl.Time):
        return _on_one_day(series)
    if dtype.is_numeric() or dtype.is_temporal() or dtype in (pl.Boolean, pl.Null):
        return series
    left_out = argument("ignore", [series.name])
    raise DataError(f"column '{series.name}': expected single values, got {dtype}. Leave it out: {left_out}.")


def _times_or_texts(texts: pl.Series) -> pl.Series:
    """The texts, or the times of day that all of them are."""
    first = texts.first(ignore_nulls=True)
    if not isinstance(first, str) or not re.fullmatch(_TIME, first) or not texts.str.contains(f"^{_TIME}$").all():
        return texts
    times = _clock(texts)
    return texts if times.null_count() > texts.null_count() else times


def _clock(texts: pl.Series) -> pl.Series:
    """Times of day written 6:30 or 6:30:15; null where a text is none."""
    seconds = texts.str.replace(r"^(\d+:\d+)$", "${1}:00")
    return _on_one_day(seconds.str.to_time("%H:%M:%S%.f", strict=False))


def _on_one_day(times: pl.Series) -> pl.Series:
    """Times of day as moments of the first day of 1970."""
    return (times.cast(pl.Int64) // 1000).cast(pl.Datetime("us"))


def _has_nan(series: pl.Series) -> bool:
    """Whether a value may be NaN: a sum of none is finite, unless there are infinite ones."""
    if series.null_count():
        return bool(series.is_nan().any())
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isnan(series.to_numpy().sum()))


def kind_of(series: pl.Series, place: Place) -> str:
    """ "number", "category", "date" or "boolean": what a settled column holds; "missing" where no value is known.

    A column of texts is one of numbers, or dates, where all of its values read as such.  Numbers with leading zeros are
    codes, and so categories, as are dates in which day and month could be exchanged.

    Raises DataError for texts of which nearly all read so: the first that does not is a mistake of the file.
    """
    dtype = series.dtype
    if series.null_count() == len(series):
        return "missing"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype != pl.String:
        return "date" if dtype.is_temporal() else "number"
    if not series.str.contains(CODE).any() and _all_but_mistakes(series, _parsed(series, place), "numbers", place):
        return "number"
    return "date" if len(forms_of(series, place)) == 1 else "category"


def forms_of(series: pl.Series, place: Place) -> list[DateForm]:
    """The forms in which all texts of a settled column are dates; several where day and month could be exchanged.

    Raises DataError for texts of which nearly all are dates.
    """
    known = series.drop_nulls()
    likely = [form for form in FORMS if re.fullmatch(form.pattern, known[0])] if len(known) else []
    if not likely:
        return []
    best = min(likely, key=lambda form: form.parse(known).null_count())
    return date_forms(known) if _all_but_mistakes(series, best.parse(series), "dates", place) else []


def open_dates(series: pl.Series, place: Place) -> DataError:
    """The error for dates in which day and month could be exchanged."""
    row = int(series.is_not_null().arg_max() or 0)
    return DataError(
        f"{place(row)}: expected dates that can be read in one way, in column '{series.name}', got "
        f"{shown(series[row])}, whose day and month could be exchanged. Write year, month, day, or leave the column "
        f"out: {argument('ignore', [series.name])}."
    )


def _all_but_mistakes(series: pl.Series, parsed: pl.Series, kind: str, place: Place) -> bool:
    known = len(series) - series.null_count()
    bad = parsed.is_null() & series.is_not_null()
    wrong = int(bad.sum())
    if wrong and wrong <= (1 - MOSTLY) * known:
        fix = f"or take the column as it is: {argument('kinds', {series.name: 'category'})}"
        raise unreadable(series, bad, f"{kind}, as {known - wrong} of {known} values are", place, fix)
    return not wrong


def unreadable(series: pl.Series, bad: pl.Series, expected: str, place: Place, more: str = "") -> DataError:
    """The error for the first of the `bad` values of a column."""
    row = int(bad.arg_max() or 0)
    value = str(series[row])
    comma = "," not in place.decimal and _has_decimal_comma(value)
    hint = f" If its comma is the decimal sign, read it with {argument('decimal', 'comma')}." if comma else ""
    fix = ", ".join(filter(None, ["Mend it", more]))
    return DataError(f"{place(row)}: expected {expected}, in column '{series.name}', got {shown(value)}. {fix}.{hint}")


def _has_decimal_comma(value: str) -> bool:
    whole, comma, rest = value.lstrip("+-").partition(",")
    return bool(comma) and whole.isdecimal() and rest.isdecimal()


def shown(value: str) -> str:
    """A value as a message shows it, cut where it is long."""
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}...")


# ---- by kind


def as_numbers(series: pl.Series, place: Place) -> Values:
    """A settled column as numbers; booleans are 0 and 1.

    Raises DataError, with the first place, for texts that are no numbers, dates, and infinite values.
    """
    if series.dtype.is_temporal():
        raise unreadable(
            series, series.is_not_null(), "numbers", place, f"or {argument('kinds', {series.name: 'date'})}"
        )
    if series.dtype == pl.String:
        numbers = _parsed(series, place)
        bad = numbers.is_null() & series.is_not_null()
        if bad.any():
            raise unreadable(series, bad, "a number", place)
        series = numbers
    found = _values(series)
    if not np.isfinite(found.known.sum()) and np.isinf(found.numbers).any():
        row = int(np.isinf(found.numbers).argmax())
        raise DataError(
            f"{place(row)}: expected a finite number in column '{series.name}', got {found.numbers[row]}. Mend it, or "
            "leave the field empty if the value is not known."
        )
    return found


def _parsed(series: pl.Series, place: Place) -> pl.Series:
    """Texts as numbers; null where one is none."""
    either = place.decimal == ".,"
    entries = series.str.replace(",", ".", literal=True) if either else point(series, place.decimal)
    return entries.cast(pl.Float64, strict=False)


def _values(series: pl.Series) -> Values:
    """Numbers or booleans as float64."""
    numbers = series.cast(pl.Float64)
    if not series.null_count():
        return Values(numbers.to_numpy(), None)
    return Values(numbers.fill_null(np.nan).to_numpy(), series.is_null().to_numpy())


def as_booleans(series: pl.Series, place: Place) -> Values:
    """A settled column as 0 and 1: booleans, the numbers 0 and 1, or texts such as "yes" and "no".

    Raises DataError, with the first place, for anything else.
    """
    if series.dtype == pl.Boolean:
        return _values(series)
    texts = as_texts(series).str.to_lowercase()
    truth, known = texts.is_in(_TRUE), texts.is_in((*_TRUE, *_FALSE))
    bad = ~known & series.is_not_null()
    if bad.any():
        fix = f"or {argument('kinds', {series.name: 'category'})}"
        raise unreadable(series, bad, "true or false (yes or no, 1 or 0)", place, fix)
    return _values(truth.set(series.is_null(), None))


def as_texts(series: pl.Series) -> pl.Series:
    """A settled column as the names of categories: whole numbers without a point, whatever type the file gave them."""
    if series.dtype.is_float():
        whole = series.cast(pl.Int64, strict=False)
        is_whole = (whole.cast(pl.Float64) == series).fill_null(False)
        return whole.cast(pl.String).zip_with(is_whole, series.cast(pl.String))
    return series.cast(pl.String)


def as_dates(series: pl.Series, form: str | None, place: Place) -> pl.Series:
    """A settled column as times without a zone, in microseconds.

    form      how the training rows were written (`DateForm.format`), in which texts are tried first

    Raises DataError, with the first place, for what is no date.
    """
    if series.dtype == pl.String:
        dates = _dates_of_texts(series, form, place)
    elif series.dtype.is_temporal():
        dates = series.cast(pl.Datetime("us", getattr(series.dtype, "time_zone", None))).dt.replace_time_zone(None)
    else:
        dates = pl.Series(series.name, [None] * len(series), pl.Datetime("us"))
    bad = dates.is_null() & series.is_not_null()
    if bad.any():
        raise unreadable(series, bad, f"a date{f' written {form}' if form else ''}", place)
    return dates


def _dates_of_texts(series: pl.Series, form: str | None, place: Place) -> pl.Series:
    """The texts as dates in the one form that fits all; else in the form of the training rows."""
    known = series.drop_nulls()
    fitting = date_forms(known) if len(known) else []
    if len(fitting) != 1 and form:
        fitting = [entry for entry in FORMS if entry.format == form]
    if len(fitting) > 1:
        raise open_dates(series, place)
    return fitting[0].parse(series).cast(pl.Datetime("us")) if fitting else _clock(series)
