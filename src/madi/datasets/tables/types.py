"""What a column of text holds: numbers, true and false, dates, or text; found in samples and joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import polars as pl

from madi.datasets.tables.dates import DateForm, date_forms

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
CODE = r"^0\d"  # a number with a leading zero: a postal code, a key
THOUSANDS = r"^[+-]?\d{1,3}([.,]\d{3})+([.,]\d+)?$"
DOUBTS = {
    "dates": "in its dates, day and month could be exchanged. Write them as 2024-12-31.",
    "thousands": "the commas or points in its numbers could stand for thousands. Take those out that do, or state the "
    "decimal sign.",
}
TYPES: dict[str, pl.DataType] = {
    "missing": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "moment": pl.Datetime("us"),
    "text": pl.String(),
}


_Texts = TypeVar("_Texts", pl.Series, pl.Expr)


@dataclass(frozen=True)
class ColumnType:
    """What the entries of a column are.

    kind       "missing" (no entry yet), "integer", "number", "boolean", "date", "moment" (date and time), "text"
    form       how dates are written
    as_text    whether polars reads the column as text and `convert` makes the entries of it, because spaces surround
               them or polars reads them differently
    doubt      why the entries stay text, where they could be something else in two ways: a key of `DOUBTS`
    """

    kind: str
    form: DateForm | None = None
    as_text: bool = False
    doubt: str = ""

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
    kinds = _plain_kinds(entries.with_columns(point(pl.all(), decimal)))
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
        return replace(first, as_text=as_text, doubt=first.doubt if first.doubt == second.doubt else "")
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


def point(entries: _Texts, decimal: str) -> _Texts:
    """Numbers with a decimal comma as numbers with a point; those with a point as none, for it stands for thousands."""
    if decimal != ",":
        return entries
    return entries.str.replace(".", "_", literal=True).str.replace(",", ".", literal=True)


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
    if forms:
        return ColumnType("text", doubt="dates")
    return ColumnType("text", doubt="thousands" if entries.str.contains(THOUSANDS).all() else "")


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
