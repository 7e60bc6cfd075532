"""Parquet tables, whole or in parts of row groups, by the types that every table has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import polars as pl

from madi.datasets.tables.detection import TableFormat
from madi.datasets.tables.footer import Footer, read_footer
from madi.datasets.tables.memory import available_memory, readable_size
from madi.datasets.tables.table import Span
from madi.errors import DataError, FileError

PIECE_ROWS = 1 << 16
_Read = TypeVar("_Read")


class ParquetPieces:
    """A Parquet file in spans of rows, none of them across row groups (see `Pieces`).

    polars maps a file into memory as a whole, so it is given one row group at a time, as a file of its own.

    Raises what `read_footer` does, and DataError for columns of types that no table has.
    """

    format = TableFormat("parquet")
    notices: tuple[str, ...] = ()
    lines_of = None

    def __init__(self, path: Path):
        self._path = path
        self.footer = read_footer(path)
        _check_names(self.footer, path)
        self.spans = [Span(first, rows) for first, rows, _ in _cut(self.footer)]
        self._where = {first: (group, begin) for first, _, (group, begin) in _cut(self.footer)}
        self.schema = {name: _final(name, dtype, path) for name, dtype in self._found_schema().items()}

    def whole(self) -> pl.DataFrame:
        """All rows.  Raises FileError where memory does not hold them."""
        self._check_memory(self.footer.memory)
        return pl.concat(self._collect(self._scan(group)) for group, rows in enumerate(self.footer.groups) if rows)

    def frame(self, span: Span) -> pl.DataFrame:
        """The rows of a piece."""
        self._check_memory(self.footer.memory // self.footer.rows * span.rows)
        group, begin = self._where[span.first]
        return self._collect(self._scan(group).slice(begin, span.rows))

    def close(self) -> None:
        """The file is open only while it is read."""

    def _scan(self, group: int) -> pl.LazyFrame:
        return pl.scan_parquet(self.footer.excerpt(self._path, group))

    def _found_schema(self) -> pl.Schema:
        group = next(group for group, rows in enumerate(self.footer.groups) if rows)
        return _guarded(self._path, lambda: self._scan(group).collect_schema())

    def _collect(self, scan: pl.LazyFrame) -> pl.DataFrame:
        frame = _guarded(self._path, scan.collect)
        return frame.select(_settled(frame[name], dtype) for name, dtype in self.schema.items())

    def _check_memory(self, needed: int) -> None:
        free = available_memory()
        if needed > free:
            raise FileError(
                f"{self._path}: too large to read into memory: its rows take {readable_size(needed)}, "
                f"{readable_size(free)} are free. Go through it in pieces (madi.datasets.tables.open_table), or make "
                "memory free."
            )


def _guarded(path: Path, read: Callable[[], _Read]) -> _Read:
    """What polars reads; its errors, and the faults by which it stops at some corrupt files, become one of madi's."""
    try:
        return read()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise FileError(f"{path}: corrupt Parquet data ({reason}). Get the file anew, or write it again.") from error


def _cut(footer: Footer) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Of each piece: the number of its first row, how many it has, and which rows of which group they are."""
    first = 0
    for group, rows in enumerate(footer.groups):
        for begin in range(0, rows, PIECE_ROWS):
            yield first + begin, min(PIECE_ROWS, rows - begin), (group, begin)
        first += rows


def _final(name: str, dtype: pl.DataType, path: Path) -> pl.DataType:
    """The type of a table's column that holds a Parquet column's entries."""
    if dtype.is_integer():
        return pl.Float64() if dtype in (pl.UInt64, pl.Int128, pl.UInt128) else pl.Int64()
    if dtype.is_float() or dtype.is_decimal() or dtype == pl.Duration:
        return pl.Float64()
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Time, pl.Null):
        return pl.String()
    if dtype in (pl.Boolean, pl.Date):
        return dtype
    if dtype == pl.Datetime:
        return pl.Datetime("us")
    raise DataError(
        f"{path}: column '{name}': expected numbers, text, dates, or true and false, got {dtype}. Write it as one of "
        "these, or leave the column out."
    )


def _settled(column: pl.Series, dtype: pl.DataType) -> pl.Series:
    """A column in its final type: NaN is missing, durations are seconds, moments those of UTC."""
    if column.dtype == pl.Duration:
        return column.dt.total_microseconds() / 1e6
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    column = column.cast(dtype)
    return column.fill_nan(None) if dtype == pl.Float64 else column


def _check_names(footer: Footer, path: Path) -> None:
    if not footer.rows:
        raise DataError(f"{path}: expected rows, got none in {len(footer.names)} columns. Add rows.")
    for column, name in enumerate(footer.names, 1):
        if not name.strip():
            raise DataError(f"{path}: expected a name for each column, got none for column {column}. Name it.")
        if name in footer.names[: column - 1]:
            first = footer.names.index(name) + 1
            raise DataError(
                f"{path}: expected different names, got '{name}' for columns {first} and {column}. Rename one."
            )
