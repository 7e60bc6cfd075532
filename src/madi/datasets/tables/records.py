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
    values = np.frombuffer(content, np.uint8)
    while end >= 0 and np.count_nonzero(values[:end] == QUOTE) % 2:
        end = content.rfind(b"\n", 0, max(0, content.rfind(b'"', 0, end)))
    return end + 1


def inside(values: np.ndarray) -> np.ndarray:
    """Which bytes stand within quotes, the mark that opens included: an odd number of marks come up to there.

    The parity of all bits up to each one, 64 at a time: every bit takes up those 1, 2, 4, ... 32 places before it.
    """
    packed = np.packbits(values == QUOTE, bitorder="little")
    bits = np.concatenate([packed, np.zeros(-len(packed) % 8, np.uint8)]).view("<u8")
    for shift in (1, 2, 4, 8, 16, 32):
        bits ^= bits << np.uint64(shift)
    odd = np.bitwise_xor.accumulate(bits >> np.uint64(63))  # whether the marks up to the end of each word are
    bits[1:] ^= np.uint64(0) - odd[:-1]
    return np.unpackbits(bits.view(np.uint8), count=len(values), bitorder="little").view(bool)


def record_ends(content: bytes) -> np.ndarray:
    """The positions of the line feeds that end records."""
    values = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(values == NEWLINE)
    return ends[~inside(values)[ends]] if QUOTE in content else ends


def count_fields(content: bytes, delimiter: str) -> np.ndarray:
    """The number of fields of each record that ends in a line feed and is not blank."""
    values = np.frombuffer(content, np.uint8)
    signs = np.flatnonzero(values == ord(delimiter))
    if QUOTE in content:
        signs = signs[~inside(values)[signs]]
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
    within = inside(values)
    marks = values == QUOTE
    ends = marks | (values == NEWLINE) | (values == ord(delimiter))
    early = marks & within
    early[1:] &= ~ends[:-1]
    early[0] = False
    late = marks & ~within
    late[:-1] &= ~(ends | (values == RETURN))[1:]
    late[-1] = False
    wrong = early | late
    if wrong.any():
        at = int(wrong.argmax())
        fault = "a quotation mark within a field" if early[at] else "a quoted field with text after its end"
        return QuoteFault(feeds(content[: at if early[at] else content.rindex(b'"', 0, at)]), fault)
    if within[-1]:
        return QuoteFault(feeds(content[: content.rindex(b'"')]), "a quoted field that never ends")
    return None


def _blank(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Which of the records that end at `ends` hold nothing, or a carriage return alone."""
    lengths = np.diff(ends, prepend=-1) - 1
    returned = (lengths == 1) & (values[ends - 1] == RETURN)
    return (lengths == 0) | returned
