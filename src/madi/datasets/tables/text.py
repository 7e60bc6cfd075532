"""Text tables piece by piece: the header, the types of the columns, and every piece as a frame.

A piece is some megabytes of whole records.  polars reads it with the types that the columns have so far; where an entry
does not fit, the piece is read as text, the types are widened, and the piece is read again.  A column whose earlier
pieces cannot be cast to the wider type (numbers that turn out to be text) makes a second pass necessary, at most one.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import polars as pl

from madi.datasets.tables import faults, records, signs
from madi.datasets.tables.detection import TableFormat
from madi.datasets.tables.records import Piece
from madi.datasets.tables.types import CODE, DOUBTS, MISSING, ColumnType, Misfit, convert, joined, needs_rereading

PIECE = 8 << 20  # bytes: large enough for polars' threads, small beside the table
HEAD = 1 << 20  # bytes from which the types are first told


class Header(NamedTuple):
    """The names of the columns, and where the records after them begin: byte and line."""

    names: tuple[str, ...]
    offset: int
    line: int


class TextScanner:
    """The records of a text table, read from `stream`, UTF-8 whose lines end in line feeds.

    types        of the columns, by what has been read so far
    rereading    whether a column has become text after pieces of it were read as something else
    """

    def __init__(self, stream: BinaryIO, path: Path, format: TableFormat):
        self.path, self.format, self.rereading = path, format, False
        self._stream = stream
        self.header = _read_header(stream, path, format)
        self.types = self._first_types()

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """{column: type} by what has been read so far."""
        return {name: type.dtype for name, type in self.types.items()}

    @property
    def notices(self) -> tuple[str, ...]:
        """What the reader of the results must know."""
        return tuple(
            f"Column '{name}' stays text: {DOUBTS[type.doubt]}" for name, type in self.types.items() if type.doubt
        )

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def frames(self, size: int = PIECE) -> Iterator[tuple[Piece, pl.DataFrame]]:
        """Every piece and its frame, whose types may be narrower than those of later ones; see `widened`."""
        self.rereading = False
        for piece in self.pieces(size):
            yield piece, self.frame(piece)

    def pieces(self, size: int = PIECE) -> Iterator[Piece]:
        """All records in pieces of about `size` bytes."""
        return body(self._stream, self.path, self.header, size)

    def piece(self, offset: int, size: int, line: int) -> Piece:
        """The piece that `pieces` gave with this offset and content of this size."""
        self._stream.seek(offset)
        return Piece(offset, line, records.ended(self._stream.read(size)))

    def frame(self, piece: Piece) -> pl.DataFrame:
        """The records of a piece; widens the types where an entry does not fit."""
        content = self._checked(piece)
        try:
            return self._parse(content)
        except (pl.exceptions.PolarsError, Misfit):
            self._widen(content, piece)
        try:
            return self._parse(content)
        except (pl.exceptions.PolarsError, Misfit) as error:
            raise faults.unreadable(self.path, piece, error) from error

    def widened(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A frame that was read before the types were final, in the final ones."""
        return frame if dict(frame.schema) == self.schema else frame.cast(self.schema)  # type: ignore[arg-type]

    def _checked(self, piece: Piece) -> bytes:
        """The piece without blank lines, once its quotes are sound and its records have the fields of the header."""
        content, delimiter = piece.content, self.format.delimiter
        if b"\0" in content:
            raise faults.nul(self.path, piece)
        if records.QUOTE in content and (fault := records.quote_fault(content, delimiter)):
            raise faults.quote(self.path, piece, fault)
        content = records.without_blank(content)
        if not signs.regular(content, delimiter, len(self.header.names)):
            self._refuse_ragged(content, piece)
        return content

    def _refuse_ragged(self, content: bytes, piece: Piece) -> None:
        fields = len(self.header.names)
        ragged = np.flatnonzero(records.count_fields(content, self.format.delimiter) != fields)
        if len(ragged):
            raise faults.ragged(self.path, piece, self.format.delimiter, fields, int(ragged[0]))

    def _parse(self, content: bytes) -> pl.DataFrame:
        frame = self._read(content, {name: type.read_as for name, type in self.types.items()})
        if self._misread(content):
            raise Misfit("a number with a leading zero, or a point beside decimal commas")
        spaced = signs.has_spaces(content, self.format.delimiter)
        found = [
            convert(frame[name], type, self.format.decimal)
            for name, type in self.types.items()
            if type.read_as == pl.String and (spaced or type.kind != "text")
        ]
        frame = frame.with_columns(found) if found else frame
        unknown = _without_nan(frame)
        return frame.with_columns(unknown) if unknown else frame

    def _read(self, content: bytes, schema: dict[str, pl.DataType]) -> pl.DataFrame:
        if not content:
            return pl.DataFrame(schema=schema)
        return pl.read_csv(
            content,
            has_header=False,
            schema=schema,
            separator=self.format.delimiter,
            quote_char='"' if records.QUOTE in content else None,
            null_values=list(MISSING),
            decimal_comma=self.format.decimal == ",",
        )

    def _read_as_text(self, content: bytes, piece: Piece) -> pl.DataFrame:
        try:
            return self._read(content, {name: pl.String() for name in self.header.names})
        except pl.exceptions.PolarsError as error:
            self._refuse_ragged(content, piece)
            raise faults.unreadable(self.path, piece, error) from error

    def _widen(self, content: bytes, piece: Piece) -> None:
        """Types that hold the entries of `content` too.

        Where they held them already, polars reads an entry otherwise than `convert`: it is left to that.
        """
        old = self.types
        self.types = joined(old, self._read_as_text(content, piece), self.format.decimal)
        self.rereading |= any(needs_rereading(old[name], self.types[name]) for name in old)
        if self.types == old:
            self.types = {name: replace(type, as_text=True) for name, type in old.items()}

    def _first_types(self) -> dict[str, ColumnType]:
        piece = next(self.pieces(HEAD), None)
        if piece is None or not (content := self._checked(piece)):
            raise faults.no_rows(self.path, self.header.names)
        nothing = dict.fromkeys(self.header.names, ColumnType("missing"))
        return joined(nothing, self._read_as_text(content, piece), self.format.decimal)

    def _misread(self, content: bytes) -> bool:
        """Whether polars took an entry for a number that is none.

        That is a whole number with a leading zero, such as a postal code, or one with a point beside decimal commas.
        """
        direct = {name: type.kind for name, type in self.types.items() if not type.as_text}
        codes = [name for name, kind in direct.items() if kind == "integer"]
        codes = codes if codes and signs.has_zeros(content, self.format.delimiter) else []
        points = [name for name, kind in direct.items() if kind in ("integer", "number")]
        points = points if self.format.decimal == "," and b"." in content else []
        if not codes and not points:
            return False
        texts = self._read(content, {name: pl.String() for name in self.header.names})
        suspects = [texts[name].str.contains(CODE) for name in codes]
        suspects += [texts[name].str.contains(".", literal=True) for name in points]
        return any(answers.any() for answers in suspects)


def body(stream: BinaryIO, path: Path, header: Header, size: int) -> Iterator[Piece]:
    """The records after the header in pieces of about `size` bytes."""
    stream.seek(header.offset)
    try:
        yield from records.pieces(stream, size, offset=header.offset, line=header.line)
    except records.RecordTooLong as error:
        raise faults.too_long(path, error) from None


def row_lines(stream: BinaryIO, path: Path, format: TableFormat, begin: int, end: int) -> np.ndarray:
    """The lines of the rows from number `begin` up to `end`."""
    found, first = [np.zeros(0, np.int64)], 0
    for piece in body(stream, path, _read_header(stream, path, format), PIECE):
        lines = piece.line + records.record_lines(piece.content)
        found.append(lines[max(0, begin - first) : max(0, end - first)])
        first += len(lines)
        if first >= end:
            break
    return np.concatenate(found)


def _without_nan(frame: pl.DataFrame) -> list[pl.Series]:
    """The columns of numbers with a NaN, which is missing."""
    found = frame.select(pl.col(pl.Float64).is_nan().any())
    return [frame[name].fill_nan(None) for name in found.columns if found[name][0]]


def _read_header(stream: BinaryIO, path: Path, format: TableFormat) -> Header:
    """The first record that is not blank.  Raises DataError where it cannot name the columns."""
    stream.seek(0)
    marked = stream.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
    start = len(codecs.BOM_UTF8) * marked
    stream.seek(start)
    record = _first_record(stream, path, start)
    names = _fields(record, path, format)
    end = record.offset + len(record.content)
    return Header(faults.checked_names(names, path, record.line), end, record.line + record.content.count(b"\n"))


def _first_record(stream: BinaryIO, path: Path, start: int) -> Piece:
    """The first record that is not blank."""
    try:
        piece = next(records.pieces(stream, HEAD, offset=start), None)
    except records.RecordTooLong as error:
        raise faults.too_long(path, error) from None
    content = piece.content if piece else b""
    lines = records.record_lines(content)
    if not len(lines):
        raise faults.empty(path)
    begin = 0
    for _ in range(int(lines[0])):
        begin = content.index(b"\n", begin) + 1
    ends = records.record_ends(content)
    end = int(ends[np.searchsorted(ends, begin)]) + 1
    return Piece(start + begin, 1 + int(lines[0]), content[begin:end])


def _fields(record: Piece, path: Path, format: TableFormat) -> list[str]:
    """The fields of one record."""
    if b"\0" in record.content:
        raise faults.nul(path, record)
    if fault := records.quote_fault(record.content, format.delimiter):
        raise faults.quote(path, record, fault)
    try:
        text = record.content.decode("utf-8", "replace")
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=format.delimiter))
    except csv.Error as error:  # a name of more than 128 KiB
        raise faults.unreadable(path, record, error) from error
