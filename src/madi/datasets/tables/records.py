"""Records of a text table: where they end, how many fields they have, and whether their quotes are sound.

A field that begins with a quotation mark is quoted: it ends with the next single one, delimiters and line ends within
it belong to it, and two quotation marks there are one (RFC 4180).  A mark stands outside quotes when an even number of
quotation marks precede it.  Every function here takes bytes of UTF-8 that begin with a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

NEWLINE, RETURN, QUOTE = b'\n\r"'
LONGEST = 64 << 20  # bytes of one record


class Piece(NamedTuple):
    """Whole records of a file.

    offset    of their first byte, in bytes of UTF-8
    line      of the first record, counted from 1
    content   their bytes
    """

    offset: int
    line: int
    content: bytes


class RecordTooLong(Exception):
    """A record of more than `LONGEST` bytes, which begins at `line`; `quoted` where a quoted field never ends in it."""

    def __init__(self, line: int, quoted: bool):
        super().__init__(line, quoted)
        self.line, self.quoted = line, quoted


class QuoteFault(NamedTuple):
    """What is wrong with a quotation mark, and the line it is in, counted from 0."""

    line: int
    fault: str


def pieces(stream: BinaryIO, size: int, *, offset: int = 0, line: int = 1) -> Iterator[Piece]:
    """What `stream` has from byte `offset`, which begins `line`, in pieces of at most `size` bytes, of whole records.

    A piece is larger where one record is.
    """
    wanted = size
    while content := _at(stream, offset, wanted):
        end = last_end(content)
        if not end and len(content) == wanted:
            if wanted > LONGEST:
                raise RecordTooLong(line, quoted=content.count(b'"') % 2 == 1)
            wanted *= 2
            continue
        piece = Piece(offset, line, content[:end] if end else ended(content))
        yield piece
        offset, line, wanted = offset + len(piece.content), line + feeds(piece.content), size


def _at(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


def ended(content: bytes) -> bytes:
    """`content` with a line feed at its end."""
    return content if content.endswith(b"\n") else content + b"\n"


def feeds(content: bytes) -> int:
    """How many line feeds there are."""
    return int(np.count_nonzero(np.frombuffer(content, np.uint8) == NEWLINE))


def last_end(content: bytes) -> int:
    """Where the last whole record of `content` ends, after its line feed; 0 where none does."""
    end = content.rfind(b"\n")
    if QUOTE not in content:
        return end + 1
    while end >= 0 and content.count(b'"', 0, end) % 2:
        end = content.rfind(b"\n", 0, max(0, content.rfind(b'"', 0, end)))
    return end + 1


def outside(values: np.ndarray) -> np.ndarray:
    """Which bytes stand outside quotes."""
    return ~np.bitwise_xor.accumulate(values == QUOTE)


def record_ends(content: bytes) -> np.ndarray:
    """The positions of the line feeds that end records."""
    values = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(values == NEWLINE)
    return ends[outside(values)[ends]] if QUOTE in content else ends


def count_fields(content: bytes, delimiter: str) -> np.ndarray:
    """The number of fields of each record that ends in a line feed and is not blank."""
    values = np.frombuffer(content, np.uint8)
    signs = np.flatnonzero(values == ord(delimiter))
    if QUOTE in content:
        signs = signs[outside(values)[signs]]
    ends = record_ends(content)
    counts = np.diff(np.searchsorted(signs, ends), prepend=0) + 1
    return counts[~_blank(values, ends)]


def record_lines(content: bytes) -> np.ndarray:
    """The line in which each record begins that is not blank, counted from 0."""
    values = np.frombuffer(content, np.uint8)
    ends = record_ends(content)
    lines = np.flatnonzero(values == NEWLINE) if QUOTE in content else ends
    begins = np.concatenate([[0], np.searchsorted(lines, ends)[:-1] + 1]) if len(ends) else ends
    return begins[~_blank(values, ends)]


def without_blank(content: bytes) -> bytes:
    """`content` without its blank lines; the very object where it has none."""
    values = np.frombuffer(content, np.uint8)
    if not _blank(values, np.flatnonzero(values == NEWLINE)).any():
        return content
    ends = record_ends(content)
    blank = ends[_blank(values, ends)]
    keep = np.ones(len(values), bool)
    keep[blank] = False
    returns = blank[(blank > 0) & (values[blank - 1] == RETURN)]
    keep[returns - 1] = False
    return values[keep].tobytes()


def quote_fault(content: bytes, delimiter: str) -> QuoteFault | None:
    """The first quotation mark that stands within an unquoted field, that is followed by text, or that is alone."""
    values = np.frombuffer(content, np.uint8)
    marks = np.flatnonzero(values == QUOTE)
    before = np.concatenate([[NEWLINE], values])[marks]
    after = np.concatenate([values, [NEWLINE]])[marks + 1]
    opens, closes = np.arange(len(marks)) % 2 == 0, np.arange(len(marks)) % 2 == 1
    early = opens & ~np.isin(before, (NEWLINE, QUOTE, ord(delimiter)))
    late = closes & ~np.isin(after, (NEWLINE, RETURN, QUOTE, ord(delimiter)))
    wrong = np.flatnonzero(early | late)
    if len(wrong):
        index = int(wrong[0]) - (not early[wrong[0]])
        fault = "a quotation mark within a field" if early[wrong[0]] else "a quoted field with text after its end"
        return QuoteFault(content.count(b"\n", 0, int(marks[index])), fault)
    if len(marks) % 2:
        return QuoteFault(content.count(b"\n", 0, int(marks[-1])), "a quoted field that never ends")
    return None


def _blank(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Which of the records that end at `ends` hold nothing, or a carriage return alone."""
    lengths = np.diff(ends, prepend=-1) - 1
    returned = (lengths == 1) & (values[ends - 1] == RETURN)
    return (lengths == 0) | returned
