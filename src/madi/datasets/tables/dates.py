"""Dates and times of day as text, in the forms that a column of a table may have throughout."""

from __future__ import annotations

import re
from typing import NamedTuple

import polars as pl

_DATES = (
    (r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
    (r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", "%Y.%m.%d"),
    (r"\d{4}\. \d{1,2}\. \d{1,2}\.?", "%Y. %m. %d"),
    (r"\d{4}년 ?\d{1,2}월 ?\d{1,2}일", "%Y년%m월%d일"),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    (r"\d{1,2}/\d{1,2}/\d{4}", "%d/%m/%Y"),
    (r"\d{1,2}/\d{1,2}/\d{4}", "%m/%d/%Y"),
    (r"\d{1,2}-\d{1,2}-\d{4}", "%d-%m-%Y"),
    (r"\d{1,2}-\d{1,2}-\d{4}", "%m-%d-%Y"),
)
_TIMES = (
    ("", ""),
    (r"[T ]\d{1,2}:\d{2}", " %H:%M"),
    (r"[T ]\d{1,2}:\d{2}:\d{2}(\.\d+)?", " %H:%M:%S%.f"),
)
_ZONE = r"(Z|[+-]\d{2}:?\d{2})"


class DateForm(NamedTuple):
    """One way to write a moment: what it looks like, and its parts as polars names them.

    zoned    whether an offset from UTC follows; such moments are read as those of UTC
    """

    pattern: str
    format: str
    zoned: bool = False

    @property
    def timed(self) -> bool:
        """Whether a time of day belongs to it."""
        return "%H" in self.format

    def parse(self, texts: pl.Series) -> pl.Series:
        """Date or Datetime; null where the text is written in another way or is no date."""
        fitting = texts.is_null() | texts.str.contains(f"^{self.pattern}$")
        texts = texts.set(~fitting, None) if not fitting.all() else texts
        texts = _plain(texts, self)
        if not self.timed:
            return texts.str.to_date(self.format, strict=False)
        parsed = texts.str.to_datetime(self.format, time_unit="us", strict=False)
        return parsed.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if self.zoned else parsed


FORMS = tuple(
    DateForm(date + time + (_ZONE if zoned else ""), format + tail + ("%#z" if zoned else ""), zoned)
    for date, format in _DATES
    for time, tail in _TIMES
    for zoned in (False, True)
    if tail or not zoned
)


def date_forms(texts: pl.Series) -> list[DateForm]:
    """The forms in which every one of `texts`, which are not null, is a date; several where day and month are open."""
    first = texts[0]
    likely = [form for form in FORMS if re.fullmatch(form.pattern, first)]
    return [form for form in likely if form.parse(texts).null_count() == 0]


def _plain(texts: pl.Series, form: DateForm) -> pl.Series:
    """The texts with one space before the time, and without the marks that a form allows but does not need."""
    if form.timed:
        texts = texts.str.replace("T", " ", literal=True)
    if "년" in form.format:
        return texts.str.replace_all(r"([년월]) ", "$1")
    return texts.str.strip_chars_end(".") if ". " in form.format else texts
