"""What reading gives: `Table`, rows of a file as a frame; and what a format gives to a reader in pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from madi.datasets.tables.detection import TableFormat

Lines = Callable[[int, int], np.ndarray]  # the lines of the rows from one number up to another


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Rows of a file.

    frame       the columns: Int64 and Float64 where all entries are numbers, Boolean, Date and Datetime (in UTC,
                without zone), String otherwise; missing entries are null
    path        of the file
    format      how it is written: what was detected or asked for
    notices     what the reader of the results must know
    first       the number of the first row in the file, counted from 0
    lines_of    the lines of rows in a text file; None in Parquet
    """

    frame: pl.DataFrame
    path: Path
    format: TableFormat
    notices: tuple[str, ...] = ()
    first: int = 0
    lines_of: Lines | None = None

    def __repr__(self) -> str:
        return f"<Table '{self.path}': {self.frame.height} rows, {self.frame.width} columns, {self.format}>"

    def lines(self) -> np.ndarray:
        """The line of the file in which each row begins, (rows,) int64; in Parquet its number; both from 1.

        Goes through the file again, for quoted fields may have lines of their own.
        """
        first, end = self.first, self.first + self.frame.height
        return np.arange(first + 1, end + 1) if self.lines_of is None else self.lines_of(first, end)

    def place(self, row: int) -> str:
        """Where a row stands, `row` counted from 0 in this frame: "data.csv, line 17"; in Parquet "..., row 16"."""
        number = self.first + row
        if self.lines_of is None:
            return f"{self.path}, row {number + 1}"
        return f"{self.path}, line {int(self.lines_of(number, number + 1)[0])}"


class Span(NamedTuple):
    """A piece of a table.

    first    the number of its first row
    rows     how many it has
    at       where they lie in a text file: byte, bytes, line
    """

    first: int
    rows: int
    at: tuple[int, int, int] = (0, 0, 0)


class Pieces(Protocol):
    """A table of one format, to be read piece by piece.

    notices     what the reader of the results must know
    schema      {column: polars type}
    spans       its pieces, in order
    """

    notices: tuple[str, ...]
    schema: dict[str, pl.DataType]
    spans: list[Span]

    @property
    def format(self) -> TableFormat:
        """How it is written."""

    @property
    def lines_of(self) -> Lines | None:
        """The lines of rows, in text."""

    def frame(self, span: Span) -> pl.DataFrame:
        """The rows of a piece."""

    def close(self) -> None:
        """Close the file."""
