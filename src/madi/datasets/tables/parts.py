"""Rows of a table that are looked at column by column, each with the place that it stands at in its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np
import polars as pl

from madi.datasets.tables.table import Table
from madi.datasets.tables.values import Place, settled
from madi.errors import DataError, closest


@dataclass(frozen=True, eq=False)
class Part:
    """The columns of a table by name, as its file has them.

    table    that they come from: it tells their places
    rows     of them that are meant, and in what order; None for all
    comma    whether texts may be numbers with a decimal comma, though the file itself shows no such numbers
    """

    columns: dict[str, pl.Series]
    table: Table
    rows: np.ndarray | None = None
    comma: bool = False

    @classmethod
    def of(cls, table: Table, rows: np.ndarray | None = None) -> Part:
        """The rows of a table; None for all."""
        return cls({series.name: series for series in table.frame}, table, rows)

    @classmethod
    def alone(cls, table: Table) -> Part:
        """All rows of a table that nobody else holds: what is `taken` from them is gone."""
        return cls({series.name: series for series in table.frame}, replace(table, frame=table.frame.clear()))

    def of_rows(self, rows: np.ndarray) -> Part:
        """Some of the rows of a part that holds all."""
        return replace(self, rows=rows)

    def __len__(self) -> int:
        if self.rows is not None:
            return len(self.rows)
        return len(next(iter(self.columns.values()))) if self.columns else 0

    @property
    def place(self) -> Place:
        """Tells where a row stands, and how its file writes decimals."""
        rows, place = self.rows, self.table.place
        name = place if rows is None else lambda row: place(int(rows[row]))
        return Place(name, ".," if self.comma and self.decimal == "." else self.decimal)

    @property
    def decimal(self) -> str:
        """The sign of decimals in the file."""
        return self.table.format.decimal or "."

    def column(self, name: str) -> pl.Series:
        """The rows of one column, settled."""
        return settled(self.raw(name))

    def raw(self, name: str) -> pl.Series:
        """The rows of one column, as the file has them."""
        series = self.columns[name]
        return series if self.rows is None else series.gather(self.rows)

    def taken(self, name: str) -> pl.Series:
        """All rows of one column, which is not kept here any longer: its memory can be used again."""
        return self.columns.pop(name)

    def expect(self, names: Iterable[str], what: str) -> None:
        """Raise DataError, with the closest name there is for each, unless all of these columns are there."""
        if lacking := [name for name in names if name not in self.columns]:
            hints = ", ".join(_hinted(name, self.columns) for name in lacking)
            columns = "no column" if len(lacking) == 1 else "none of the columns"
            raise DataError(
                f"{self.table.path}: expected {what}, got {columns} {hints}. The file has: {_listed(self.columns)}."
            )


def parts_of(tables: Table | Part | Iterable[Table | Part]) -> Iterator[Part]:
    """The pieces of a table that comes whole or in pieces."""
    pieces = [tables] if isinstance(tables, (Table, Part)) else tables
    return (piece if isinstance(piece, Part) else Part.of(piece) for piece in pieces)


def _hinted(name: str, known: Iterable[str]) -> str:
    near = closest(name, known)
    return f"'{name}'" + (f" (closest: '{near}')" if near else "")


def _listed(names: Sequence[str] | dict[str, pl.Series]) -> str:
    first = list(names)[:20]
    more = f" and {len(names) - len(first)} more" if len(names) > len(first) else ""
    return ", ".join(f"'{name}'" for name in first) + more


class RowNames(Sequence[str]):
    """The names of some rows of a table, "data.csv:17"; their lines are looked up when the first name is asked for.

    Where the file is no longer there, rows are called by their number: "data.csv, row 16".
    """

    def __init__(self, table: Table, rows: np.ndarray) -> None:
        self._table, self._rows = table, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self._names[index]

    @cached_property
    def _names(self) -> list[str]:
        name, last = self._table.path.name, int(self._rows.max(initial=-1)) + 1
        try:
            lines = np.arange(1, last + 1) if self._table.lines_of is None else self._table.lines_of(0, last)
        except OSError:
            return [f"{name}, row {row + 1}" for row in self._rows.tolist()]
        return [f"{name}:{line}" for line in lines[self._rows].tolist()]
