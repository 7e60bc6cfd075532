"""What a Parquet file says of itself, checked against the file before any of its data are read.

The footer lists columns, row groups and where their pages lie; each page has a header with its sizes.  A reader
takes memory by what these say, so a small file can ask for all of it: here the numbers must agree with each other and
with the size of the file, and what they ask for is known beforehand.  Source: Apache Parquet's format, `parquet.thrift`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from madi.datasets.tables.thrift import Compact, Malformed
from madi.errors import DataError, FileError

MAGIC = b"PAR1"
_REMEDY = "Get the file anew, or write it again."
_HEADERS = (1 << 10, 1 << 16, 1 << 22)  # bytes that a page's header may have, tried in turn
_WIDTHS = {0: 1, 1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 16}  # bytes of a value in a frame, by Parquet's physical type
_FIXED = 7  # the physical type of values of a width of their own
_REPEATED = 2
_PAGES_OF_DATA = (0, 3)
_PLAIN_CODEC = 0


class Leaf(NamedTuple):
    """A column: its name, and the bytes that one value takes in a frame."""

    name: str
    width: int


@dataclass(frozen=True)
class Footer:
    """What was found.

    rows      of the file
    groups    rows of each row group
    names     of the columns
    memory    bytes that the whole table takes as a frame
    """

    rows: int
    groups: tuple[int, ...]
    names: tuple[str, ...]
    memory: int


class Lie(Exception):
    """Metadata that contradict themselves or the file."""


def read_footer(path: Path) -> Footer:
    """The footer of a Parquet file, all of whose sizes agree with it.

    Raises FileError for files that are truncated, corrupt, encrypted, no Parquet, or lie about their sizes; DataError
    for columns that hold lists or structures, by name.
    """
    with _opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        start, raw = _raw_footer(stream, size, path)
        try:
            found = Compact(raw).structure()
            leaves = _leaves(found[2], path)
            groups = tuple(_group_rows(group, leaves) for group in found.get(4, []))
            _agree("rows", found[3], sum(groups))
            texts = sum(_walk(stream, chunk, start) for group in found.get(4, []) for chunk in _chunks(group))
        except (Lie, Malformed, LookupError, TypeError, AttributeError, UnicodeDecodeError) as error:
            raise FileError(f"{path}: corrupt Parquet metadata ({error}). {_REMEDY}") from error
    memory = texts + sum(groups) * sum(leaf.width for leaf in leaves)
    return Footer(sum(groups), groups, tuple(leaf.name for leaf in leaves), memory)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror}. Check the path and its permissions.") from error
    with stream:
        yield stream


def _raw_footer(stream: BinaryIO, size: int, path: Path) -> tuple[int, bytes]:
    """Where the footer begins, and its bytes."""
    head = stream.read(4)
    if head == b"PARE":
        raise FileError(f"{path}: expected an open Parquet file, got an encrypted one. Write it without encryption.")
    if head != MAGIC:
        raise FileError(f"{path}: expected a Parquet file, which begins with 'PAR1', got {head!r}. {_REMEDY}")
    stream.seek(max(0, size - 8))
    tail = stream.read(8)
    length = int.from_bytes(tail[:4], "little")
    if size < 12 or tail[4:] != MAGIC:
        raise FileError(
            f"{path}: truncated: a Parquet file ends with 'PAR1', this one of {size} bytes does not. {_REMEDY}"
        )
    if length > size - 12:
        raise FileError(f"{path}: expected a footer within its {size} bytes, got one of {length} bytes. {_REMEDY}")
    stream.seek(size - 8 - length)
    return size - 8 - length, stream.read(length)


def _leaves(schema: list[dict[int, Any]], path: Path) -> list[Leaf]:
    """The columns, none of them nested."""
    leaves, index = [], 1
    while index < len(schema):
        name = schema[index][4].decode()
        if schema[index].get(5) or schema[index].get(3) == _REPEATED:
            raise DataError(
                f"{path}: column '{name}': expected one value a row, got lists or structures. Write them as columns of "
                "their own, or leave the column out."
            )
        leaves.append(Leaf(name, _width(schema[index])))
        index += 1
    _agree("columns", schema[0].get(5), len(leaves))
    return leaves


def _width(element: dict[int, Any]) -> int:
    kind = element[1]
    if kind == _FIXED:
        return max(16, int(element[2]))
    if kind not in _WIDTHS:
        raise Lie(f"physical type {kind}")
    return _WIDTHS[kind]


def _group_rows(group: dict[int, Any], leaves: list[Leaf]) -> int:
    """The rows of a row group, which all of its columns have."""
    rows = int(group[3])
    _agree("columns of a row group", len(group[1]), len(leaves))
    for chunk in group[1]:
        if chunk.get(1):
            raise Lie("a column that lies in another file")
        _agree("values of a column", chunk[3][5], rows)
    if rows < 0:
        raise Lie(f"{rows} rows")
    return rows


def _chunks(group: dict[int, Any]) -> Iterator[dict[int, Any]]:
    for chunk in group[1]:
        yield chunk[3]


def _walk(stream: BinaryIO, chunk: dict[int, Any], limit: int) -> int:
    """The bytes that the pages of a column chunk become, once their headers are known to agree with the footer.

    limit    where the footer begins, before which all pages end
    """
    at = min(int(chunk[9]), int(chunk.get(11) or chunk[9]))
    end = at + int(chunk[7])
    if not 4 <= at <= end <= limit:
        raise Lie(f"pages from byte {at} to {end}, where the data end at byte {limit}")
    values = unpacked = 0
    while at < end:
        header, begin = _page(stream, at, end)
        packed, becomes = int(header[3]), int(header[2])
        if packed < 0 or becomes < 0 or begin + packed > end:
            raise Lie(f"a page of {packed} bytes at byte {at}, where its column ends at byte {end}")
        if chunk[4] == _PLAIN_CODEC:
            _agree("bytes of a page that is not compressed", becomes, packed)
        if header[1] in _PAGES_OF_DATA:
            values += int((header.get(5) or header[8])[1])
        unpacked, at = unpacked + becomes, begin + packed
    _agree("values in the pages of a column", values, int(chunk[5]))
    return unpacked


def _page(stream: BinaryIO, at: int, end: int) -> tuple[dict[int, Any], int]:
    """The header of the page at byte `at`, and where the page's data begin."""
    for size in _HEADERS:
        stream.seek(at)
        reader = Compact(stream.read(min(size, end - at)))
        try:
            return reader.structure(), at + reader.at
        except IndexError:
            continue
    raise Lie(f"no header of a page at byte {at}")


def _agree(what: str, declared: Any, found: int) -> None:
    if declared != found:
        raise Lie(f"{declared} {what} declared, {found} found")
