"""What can be wrong with a text table, each as one sentence that names file, place, expectation and remedy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from madi.datasets.tables import records
from madi.datasets.tables.foreign import binary
from madi.datasets.tables.records import Piece, QuoteFault, RecordTooLong
from madi.errors import DataError, FileError, argument

SHOWN = 40  # characters of an entry that a message quotes


class Undecodable(FileError):
    """A byte that the encoding does not have; `at` is its position in the file."""

    at = 0


def undecodable(path: Path, at: int, byte: int, encoding: str) -> Undecodable:
    """The error for a byte that the encoding does not have."""
    error = Undecodable(
        f"{path}: byte {at} (0x{byte:02x}) is not {encoding}. State the encoding, such as "
        f"{argument('encoding', 'cp949')} (or cp1252, latin-1), or save the file as UTF-8."
    )
    error.at = at
    return error


def empty(path: Path) -> DataError:
    """For a file without a single entry."""
    return DataError(f"{path}: expected a header and rows, got an empty file. Save the table again.")


def no_rows(path: Path, names: Sequence[str]) -> DataError:
    """For a header that nothing follows."""
    return DataError(f"{path}: expected rows after the header ({shown(', '.join(names))}), got none. Add rows.")


def no_header(path: Path, line: int, names: Sequence[str]) -> DataError:
    """For a first line that is a row of numbers."""
    example = [f"x{column}" for column in range(1, len(names) + 1)]
    example = example if len(example) < 5 else [*example[:2], "...", example[-1]]
    return DataError(
        f"{path}, line {line}: expected a header with the names of the columns, got numbers "
        f"({shown(', '.join(names))}). Add a first line of {count(len(names), 'name')}, such as {', '.join(example)}."
    )


def checked_names(names: Sequence[str], path: Path, line: int) -> tuple[str, ...]:
    """The names of a header without spaces around them.  Raises DataError for one that is empty or there twice."""
    names = tuple(name.strip() for name in names)
    if all(_is_number(name) for name in names):
        raise no_header(path, line, names)
    first: dict[str, int] = {}
    for column, name in enumerate(names, 1):
        if not name:
            raise DataError(
                f"{path}, line {line}: expected a name for each of {count(len(names), 'column')}, got none for column "
                f"{column}. Name it, or save the table without its index."
            )
        if name in first:
            raise DataError(
                f"{path}, line {line}: expected different names, got '{shown(name)}' for columns {first[name]} and "
                f"{column}. Rename one of them."
            )
        first[name] = column
    return names


def ragged(path: Path, piece: Piece, delimiter: str, fields: int, index: int) -> DataError:
    """For the record `index` of a piece, which has more or fewer fields than the header."""
    line = piece.line + int(records.record_lines(piece.content)[index])
    received = int(records.count_fields(piece.content, delimiter)[index])
    return DataError(
        f"{path}, line {line}: expected {count(fields, 'field')} as in the header, got {received}. Correct the line; "
        f"an entry with the delimiter {delimiter!r} in it stands in quotation marks."
    )


def quote(path: Path, piece: Piece, fault: QuoteFault) -> DataError:
    """For a quotation mark at a place where none may stand."""
    return DataError(
        f"{path}, line {piece.line + fault.line}: expected fields quoted whole or not at all, got {fault.fault}. "
        'Close the field, or quote the whole of it, from its first sign on, and write each mark in it twice ("").'
    )


def too_long(path: Path, error: RecordTooLong) -> DataError:
    """For a record that does not end."""
    what = "a quoted field that does not end" if error.quoted else "a line that does not end"
    return DataError(
        f"{path}, line {error.line}: expected a row of at most {records.LONGEST >> 20} MiB, got {what} in that. "
        f"{'Close the field' if error.quoted else 'Save the file as text with one row a line'}."
    )


def nul(path: Path, piece: Piece) -> FileError:
    """For a NUL byte."""
    at = piece.content.index(0)
    return binary(path, piece.offset + at, f"line {piece.line + piece.content.count(10, 0, at)}")


def no_memory(path: Path) -> FileError:
    """For a table that memory does not hold."""
    return FileError(
        f"{path}: too large to read into memory. Go through it in pieces (madi.datasets.tables.open_table), or make "
        "memory free."
    )


def unreadable(path: Path, piece: Piece, error: Exception) -> FileError:
    """For a piece that polars does not read: bytes that are no UTF-8, as a rule."""
    try:
        piece.content.decode()
    except UnicodeDecodeError as fault:
        return undecodable(path, piece.offset + fault.start, piece.content[fault.start], "utf-8")
    last = piece.line + int(np.count_nonzero(np.frombuffer(piece.content, np.uint8) == records.NEWLINE)) - 1
    reason = str(error).partition("\n")[0]
    return FileError(
        f"{path}, lines {piece.line} to {last}: cannot be read as a table ({reason}). Save the table again."
    )


def shown(text: str) -> str:
    """The text, cut where it is long, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def count(number: int, noun: str) -> str:
    """
    >>> count(1, "field"), count(2, "field")
    ('1 field', '2 fields')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def _is_number(name: str) -> bool:
    try:
        float(name.replace(",", "."))
    except ValueError:
        return False
    return True
