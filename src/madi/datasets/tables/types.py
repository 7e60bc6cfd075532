"""What a column of text holds: numbers, true and false, dates, or text; found in samples and joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from madi.datasets.tables.dates import DateForm, date_forms

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
CODE = r"^0\d"  # a number with a leading zero: a postal code, a key
TYPES: dict[str, pl.DataType] = {
    "missing": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "moment": pl.Datetime("us"),
    "text": pl.String(),
}


@dataclass(frozen=True)
class ColumnType:
    """What the entries of a column are.

    kind       "missing" (no entry yet), "integer", "number", "boolean", "date", "moment" (date and time), "text"
    form       how dates are written
    as_text    whether polars reads the column as text and `convert` makes the entries of it, because spaces surround
               them or polars reads them differently
    open       whether the entries are dates in which day and month could be exchanged, for which they stay text
    """

    kind: str
    form: DateForm | None = None
    as_text: bool = False
    open: bool = False

    @property
    def dtype(self) -> pl.DataType:
        """Of the finished column."""
        return TYPES[self.kind]

    @property
    def read_as(self) -> pl.DataType:
        """The type that polars is asked to read."""
        direct = self.kind in ("integer", "number", "boolean") and not self.as_text
        return self.dtype if direct else pl.String()


class Misfit(Exception):
    """A piece of the file whose entries are not of the types that the pieces before it had."""


def types_of(frame: pl.DataFrame, decimal: str) -> dict[str, ColumnType]:
    """The narrowest type that all entries of each column have, for a frame in which all columns are text."""
    spaced = _which(frame.select((pl.all().str.strip_chars() != pl.all()).any()))
    entries = frame.with_columns(pl.all().str.strip_chars())
    entries = entries.with_columns(pl.when(~pl.all().is_in(MISSING)).then(pl.all()))
    if decimal == ",":
        entries = entries.with_columns(pl.all().str.replace(",", ".", literal=True))
    kinds = _plain_kinds(entries)
    return {
        name: ColumnType(kinds[name], as_text=name in spaced)
        if name in kinds
        else _other_type(entries[name].drop_nulls(), name in spaced)
        for name in frame.columns
    }


def join(first: ColumnType, second: ColumnType) -> ColumnType:
    """The type of a column with entries of both types."""
    if "missing" in (first.kind, second.kind):
        return second if first.kind == "missing" else first
    as_text = first.as_text or second.as_text
    if (first.kind, first.form) == (second.kind, second.form):
        return replace(first, as_text=as_text, open=first.open and second.open)
    if {first.kind, second.kind} == {"integer", "number"}:
        return ColumnType("number", as_text=as_text)
    return ColumnType("text")


def needs_rereading(old: ColumnType, new: ColumnType) -> bool:
    """Whether a column that was read as `old` cannot be cast to `new`, because its text is gone."""
    return new.kind == "text" and old.kind not in ("text", "missing")


def convert(texts: pl.Series, type: ColumnType, decimal: str) -> pl.Series:
    """The entries of a column that was read as text.  Raises Misfit where one is not of the type."""
    stripped = texts.str.strip_chars()
    entries = stripped.set(stripped.is_in(MISSING), None)
    if type.kind == "text":
        return entries
    parsed = _parse(entries, type, decimal)
    codes = type.kind == "integer" and entries.str.contains(CODE).any()
    if codes or parsed.null_count() != entries.null_count():
        raise Misfit(texts.name)
    return parsed


def joined(old: Mapping[str, ColumnType], frame: pl.DataFrame, decimal: str) -> dict[str, ColumnType]:
    """The types of the columns, given those of before and a frame in which all columns are text."""
    unsettled = [name for name, type in old.items() if type.kind != "text"]
    found = types_of(frame.select(unsettled), decimal)
    return {name: join(type, found[name]) if name in found else type for name, type in old.items()}


def _parse(entries: pl.Series, type: ColumnType, decimal: str) -> pl.Series:
    if type.kind == "missing":
        return entries.set(entries.is_not_null(), None)
    if type.kind == "boolean":
        lower = entries.str.to_lowercase()
        return (lower == "true").set(~lower.is_in(["true", "false"]), None)
    if type.form is not None:
        return type.form.parse(entries)
    return point(entries, decimal).cast(type.dtype, strict=False)


def point(entries: pl.Series, decimal: str) -> pl.Series:
    """Numbers with a decimal comma as numbers with a point."""
    return entries.str.replace(",", ".", literal=True) if decimal == "," else entries


def _plain_kinds(entries: pl.DataFrame) -> dict[str, str]:
    """{column: kind} for the columns that hold nothing, or numbers alone; those with leading zeros are text."""
    missing = _nulls(entries)
    numbers = [name for name, count in _nulls(_cast(entries, pl.Float64())).items() if count == missing[name]]
    whole = _nulls(_cast(entries.select(numbers), pl.Int64()))
    kinds = {name: "integer" if whole[name] == missing[name] else "number" for name in numbers}
    codes = _which(entries.select(numbers).select(pl.all().str.contains(CODE).any()))
    kinds |= {name: "text" for name in codes if kinds[name] == "integer"}
    return kinds | {name: "missing" for name in numbers if missing[name] == entries.height}


def _other_type(entries: pl.Series, spaced: bool) -> ColumnType:
    """True and false, dates of one form alone, or text; the latter too where day and month could be exchanged."""
    if entries.str.to_lowercase().is_in(["true", "false"]).all():
        return ColumnType("boolean", as_text=spaced)
    forms = date_forms(entries)
    if len(forms) == 1:
        return ColumnType("moment" if forms[0].timed else "date", form=forms[0])
    return ColumnType("text", open=bool(forms))


def _cast(entries: pl.DataFrame, dtype: pl.DataType) -> pl.DataFrame:
    return entries.select(pl.all().cast(dtype, strict=False))


def _nulls(frame: pl.DataFrame) -> dict[str, int]:
    """The missing entries of each column."""
    counts = frame.null_count()
    return dict(zip(counts.columns, counts.row(0), strict=True)) if counts.width else {}


def _which(answers: pl.DataFrame) -> set[str]:
    """The columns of one row in which True stands."""
    return (
        {name for name, answer in zip(answers.columns, answers.row(0), strict=True) if answer}
        if answers.width
        else set()
    )
