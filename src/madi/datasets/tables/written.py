"""What stands in a text file, letter by letter: for columns whose meaning a few rows do not show.

A file of one row shows 1.10 where the training file had versions 1.9, 1.10 and beta: there it is a number, here a text.
And 01/02/2020 alone may be in January or February, while the training file had a 31/01/2020.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

import polars as pl

from madi.datasets.tables.dates import date_forms
from madi.datasets.tables.parts import Part
from madi.datasets.tables.source import detect_format, open_source
from madi.datasets.tables.table import Table
from madi.datasets.tables.text import HEAD, TextScanner
from madi.datasets.tables.types import ColumnType


def as_written(table: Table, names: Iterable[str]) -> dict[str, pl.Series]:
    """These columns of a table that was read whole, as the texts of its file; goes through the file again."""
    with _texts(table) as scanner:
        found = pl.concat([frame.select(names) for _, frame in scanner.frames()])
    return {series.name: series for series in found}


def date_forms_of(part: Part) -> dict[str, str]:
    """{column: `DateForm.format`}: how the dates are written in the file whose first rows these are.

    Told by the head of the file and what was read of it.  Parquet, which writes no dates, has none; nor has a table
    that was made in memory.
    """
    names = [name for name, series in part.columns.items() if series.dtype.is_temporal()]
    if not names or part.table.first or not is_text_file(part.table):
        return {}
    with _texts(part.table) as scanner:
        head = scanner.frame(next(scanner.pieces(HEAD)))
    return {name: form for name in names if (form := _form(head[name], part.columns[name]))}


def is_text_file(table: Table) -> bool:
    """Whether the table stands in a text file."""
    return table.format.kind == "text" and table.path.is_file()


def _form(texts: pl.Series, dates: pl.Series) -> str | None:
    """The form in which the first of `texts` are those of `dates`; None where that is open."""
    rows = min(len(texts), len(dates))
    texts, dates = texts.head(rows), dates.head(rows).cast(pl.Datetime("us"))
    known = texts.drop_nulls()
    forms = date_forms(known) if len(known) else []
    fitting = [form.format for form in forms if form.parse(texts).cast(pl.Datetime("us")).equals(dates)]
    return fitting[0] if len(fitting) == 1 else None


@contextmanager
def _texts(table: Table) -> Iterator[TextScanner]:
    """The file of a table, all of whose columns are read as text."""
    _, head = detect_format(table.path, **table.format.options)
    with closing(open_source(table.path, table.format, head)) as stream:
        scanner = TextScanner(stream, table.path, table.format)
        scanner.types = dict.fromkeys(scanner.header.names, ColumnType("text"))
        yield scanner
