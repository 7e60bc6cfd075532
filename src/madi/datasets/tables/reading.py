"""Tables in files, read whole or in pieces: `read_table`, `open_table`."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl

from madi.datasets.content import open_content
from madi.datasets.tables import faults
from madi.datasets.tables.detection import TableFormat, is_korean
from madi.datasets.tables.memory import available_memory
from madi.datasets.tables.parquet import ParquetPieces
from madi.datasets.tables.paths import is_parquet, table_path
from madi.datasets.tables.source import content_limit, detect_format, open_source
from madi.datasets.tables.table import Lines, Pieces, Span, Table
from madi.datasets.tables.text import PIECE, TextScanner, row_lines
from madi.errors import ConfigurationError, FileError

STREAMED = 2 << 20  # bytes of text that a piece has in bounded memory
KOREAN = 1 << 16  # bytes that must read as Korean where a file turns out not to be UTF-8
_Found = TypeVar("_Found")


class Options(NamedTuple):
    """What the caller says of the file; None is to be detected."""

    delimiter: str | None
    decimal: str | None
    encoding: str | None


class TableReader:
    """A table in bounded memory: its types, found over the whole file, and its rows in pieces.

    path       of the file
    format     how it is written
    notices    what the reader of the results must know
    schema     {column: polars type}
    rows       of the table
    spans      which rows each piece has
    """

    def __init__(self, path: Path, pieces: Pieces):
        self.path, self._pieces = path, pieces
        self.format, self.notices, self.schema = pieces.format, pieces.notices, pieces.schema
        self.spans = pieces.spans
        self.rows = sum(span.rows for span in self.spans)
        self._finalizer = weakref.finalize(self, pieces.close)

    def __len__(self) -> int:
        return len(self.spans)

    def __enter__(self) -> TableReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; happens by itself when the reader is gone."""
        self._finalizer()

    def piece(self, index: int) -> Table:
        """The rows of one piece, read for itself: about 2 MiB of text, or a part of a row group."""
        span = self.spans[index]
        return self._table(self._pieces.frame(span), span.first)

    def chunks(self, rows: int | None = None) -> Iterator[Table]:
        """All rows in order, `rows` at a time (the last may be fewer), or piece by piece."""
        if rows is not None and rows < 1:
            raise ConfigurationError(
                f"chunks: expected at least 1 row a chunk, got rows={rows}. Take for example 10000."
            )
        tables = map(self.piece, range(len(self)))
        yield from tables if rows is None else self._regrouped(tables, rows)

    def _regrouped(self, tables: Iterator[Table], rows: int) -> Iterator[Table]:
        first, held = 0, pl.DataFrame(schema=self.schema)
        for table in tables:
            held = pl.concat([held, table.frame])
            while held.height >= rows:
                yield self._table(held.head(rows), first)
                first, held = first + rows, held.slice(rows)
        if held.height:
            yield self._table(held, first)

    def _table(self, frame: pl.DataFrame, first: int) -> Table:
        return Table(frame, self.path, self.format, self.notices, first, self._pieces.lines_of)


class TextPieces:
    """A text table in pieces (see `Pieces`); goes through it once to find types and rows."""

    def __init__(self, scanner: TextScanner):
        self._scanner, self._lock = scanner, threading.Lock()
        self.spans = list(_spans(scanner))
        self.format, self.notices = scanner.format, scanner.notices
        self.schema = scanner.schema
        self.lines_of: Lines | None = partial(text_lines, scanner.path, scanner.format)

    def frame(self, span: Span) -> pl.DataFrame:
        """The rows of a piece.  Raises FileError where the file has changed since it was opened."""
        with self._lock:  # batches may be prepared in a thread of their own, beside those of validation
            piece = self._scanner.piece(*span.at)
        frame = self._scanner.widened(self._scanner.frame(piece))
        if frame.height != span.rows or dict(frame.schema) != self.schema:
            raise FileError(f"{self._scanner.path}: the file has changed while it was read. Open it again.")
        return frame

    def close(self) -> None:
        """Close the file."""
        self._scanner.close()


def read_table(
    path: str | Path, *, delimiter: str | None = None, decimal: str | None = None, encoding: str | None = None
) -> Table:
    """The table in a .csv, .tsv, .txt (also .gz, .xz) or .parquet file, whole.

    delimiter    between fields: comma, semicolon, tab or bar, by name or as the sign itself; None detects it
    decimal      sign of decimals: point or comma; None detects it
    encoding     "utf-8", "utf-16", "cp949", "latin-1", "cp1252", ...; None detects the first three

    Text: a first line names the columns.  Entries that are empty, NA, N/A, NaN, nan, null, NULL, None or ? are
    missing, quoted or not; spaces around entries count for nothing.  Whole numbers with leading zeros stay text, and
    dates in which day and month could be exchanged.  Blank lines are skipped.  In Parquet, nulls and NaN are missing.

    Raises FileError for files that are missing, unreadable, no table, or larger than memory; DataError for tables that
    are empty, ragged, badly quoted, or without proper names; UnknownNameError and ConfigurationError for the options.
    """
    path, options = table_path(path), Options(delimiter, decimal, encoding)
    if is_parquet(path):
        pieces = _parquet(path, options)
        return Table(pieces.whole(), path, pieces.format, pieces.notices)
    return _scanned(path, options, _whole)


def open_table(
    path: str | Path, *, delimiter: str | None = None, decimal: str | None = None, encoding: str | None = None
) -> TableReader:
    """The table in a file of any size, to be read in pieces; goes through a text file once to find the types.

    Takes and raises what `read_table` does.
    """
    path, options = table_path(path), Options(delimiter, decimal, encoding)
    pieces: Pieces = _parquet(path, options) if is_parquet(path) else _scanned(path, options, TextPieces)
    return TableReader(path, pieces)


def text_lines(path: Path, format: TableFormat, begin: int, end: int) -> np.ndarray:
    """The lines in which the rows from number `begin` up to `end` stand, (end - begin,) int64."""
    _, head = detect_format(path, **format.options)
    with closing(open_source(path, format, head)) as stream:
        return row_lines(stream, path, format, begin, end)


def _parquet(path: Path, options: Options) -> ParquetPieces:
    for name, value in options._asdict().items():
        if value is not None:
            raise ConfigurationError(f"{path}: expected no {name} for Parquet, got {value!r}. Leave it out.")
    return ParquetPieces(path)


def _scanned(path: Path, options: Options, use: Callable[[TextScanner], _Found]) -> _Found:
    """What `use` makes of a text table; a file whose Korean comes late is begun anew."""
    format, head = detect_format(path, **options._asdict())
    try:
        return _used(path, format, head, use)
    except faults.Undecodable as error:
        if options.encoding is not None or format.encoding != "utf-8" or not _korean_from(path, error.at):
            raise
    return _used(path, replace(format, encoding="cp949"), head, use)


def _used(path: Path, format: TableFormat, head: bytes, use: Callable[[TextScanner], _Found]) -> _Found:
    """What `use` makes of the table; the file stays open for what keeps the scanner."""
    stream = open_source(path, format, head)
    try:
        return use(TextScanner(stream, path, format))
    except BaseException:
        stream.close()
        raise


def _whole(scanner: TextScanner) -> Table:
    with closing(scanner):
        frames = _frames(scanner)
        if scanner.rereading:
            frames = _frames(scanner)
        for index, frame in enumerate(frames):
            frames[index] = scanner.widened(frame)
    lines_of = partial(text_lines, scanner.path, scanner.format)
    return Table(pl.concat(frames), scanner.path, scanner.format, scanner.notices, lines_of=lines_of)


def _frames(scanner: TextScanner) -> list[pl.DataFrame]:
    """The pieces; an incomplete list where the file must be read again."""
    frames: list[pl.DataFrame] = []
    for _, frame in scanner.frames():
        if available_memory() < 6 * PIECE:
            raise faults.no_memory(scanner.path)
        frames = [] if scanner.rereading else [*frames, frame]
    return frames


def _spans(scanner: TextScanner) -> Iterator[Span]:
    first = 0
    for piece, frame in scanner.frames(STREAMED):
        yield Span(first, frame.height, (piece.offset, len(piece.content), piece.line))
        first += frame.height


def _korean_from(path: Path, at: int) -> bool:
    """Whether what follows from byte `at` reads as Korean."""
    with open_content(path, limit=content_limit(path)) as content:
        while content.at < at:
            content.read(min(KOREAN, at - content.at))
        return is_korean(content.read(KOREAN))
