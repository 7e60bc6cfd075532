"""What a Parquet file says of itself, checked against the file before any of its data are read.

The footer lists columns, row groups and where their pages lie; each page has a header with its sizes.  A reader
takes memory by what these say, so a small file can ask for all of it: here the numbers must agree with each other and
with the size of the file, and what they ask for is known beforehand.

Source: Apache Parquet's format, `parquet.thrift`, whose field numbers stand below.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from madi.datasets.tables.thrift import Compact, Fields, Items, Malformed, encoded
from madi.errors import DataError, FileError

MAGIC = b"PAR1"
_REMEDY = "Get the file anew, or write it again."
_HEADERS = (1 << 10, 1 << 16, 1 << 22)  # bytes that a page's header may have, tried in turn
_WIDTHS = {0: 1, 1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 16}  # bytes of a value in a frame, by Parquet's physical type
_BYTES = 6  # the physical type of texts
_FIXED = 7  # the physical type of values of a width of their own
_REPEATED = 2
_PAGES_OF_DATA = (0, 3)
_PLAIN_CODEC = 0

# Field numbers: of FileMetaData, SchemaElement, RowGroup, ColumnChunk, ColumnMetaData, PageHeader.
_SCHEMA, _ROWS, _GROUPS = 2, 3, 4
_KIND, _LENGTH, _REPETITION, _NAME, _CHILDREN = 1, 2, 3, 4, 5
_CHUNKS, _GROUP_ROWS, _GROUP_OFFSET = 1, 3, 5
_OTHER_FILE, _CHUNK_OFFSET, _CHUNK, _INDEXES = 1, 2, 3, (4, 5, 6, 7)
_TYPE, _CODEC, _VALUES, _PACKED, _PAGES, _DICTIONARY, _MORE = 1, 4, 5, 7, 9, 11, (10, 14, 15)
_PAGE_KIND, _UNPACKED_SIZE, _PACKED_SIZE, _PAGE, _PAGE_2 = 1, 2, 3, 5, 8


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
    memory    bytes that the whole table takes as a frame, and the pages of a column beside it
    """

    rows: int
    groups: tuple[int, ...]
    names: tuple[str, ...]
    memory: int
    _fields: Fields = field(repr=False)

    def excerpt(self, path: Path, index: int) -> io.BytesIO:
        """A Parquet file of one row group of this one: its pages, and a footer that says where they lie now."""
        group = self._fields[_GROUPS][index]
        content, chunks = io.BytesIO(), []
        content.write(MAGIC)
        with _opened(path) as stream:
            for chunk in group[_CHUNKS]:
                begin, end = _extent(chunk[_CHUNK])
                chunks.append(_moved(chunk, content.tell() - begin))
                stream.seek(begin)
                content.write(stream.read(end - begin))
        group = group.changed({_CHUNKS: Items(chunks, group[_CHUNKS].kind)}, without=(_GROUP_OFFSET,))
        groups = Items([group], self._fields[_GROUPS].kind)
        footer = encoded(self._fields.changed({_ROWS: group[_GROUP_ROWS], _GROUPS: groups}))
        content.write(footer + len(footer).to_bytes(4, "little") + MAGIC)
        content.seek(0)
        return content


class Lie(Exception):
    """Metadata that contradict themselves or the file."""


def read_footer(path: Path) -> Footer:
    """The footer of a Parquet file, all of whose sizes agree with it.

    Raises FileError for files that are truncated, corrupt, encrypted, no Parquet, or lie about their sizes; DataError
    for columns that hold lists or structures, by name.
    """
    with _opened(path) as stream:
        start, raw = _raw_footer(stream, os.fstat(stream.fileno()).st_size, path)
        try:
            return _checked(stream, Compact(raw).structure(), start, path)
        except DataError:
            raise
        except (Lie, Malformed) as error:
            raise FileError(f"{path}: corrupt Parquet metadata ({error}). {_REMEDY}") from error
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            text = "fields are missing or of another type than they should be"
            raise FileError(f"{path}: corrupt Parquet metadata ({text}). {_REMEDY}") from error


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
        raise FileError(f"{path}: truncated: a Parquet file ends with 'PAR1', these {size} bytes do not. {_REMEDY}")
    if length > size - 12:
        raise FileError(f"{path}: expected a footer within its {size} bytes, got one of {length} bytes. {_REMEDY}")
    stream.seek(size - 8 - length)
    return size - 8 - length, stream.read(length)


def _checked(stream: BinaryIO, fields: Fields, start: int, path: Path) -> Footer:
    """The footer whose fields these are, which begins at byte `start`."""
    leaves = _leaves(fields[_SCHEMA], path)
    groups = tuple(_group_rows(group, leaves) for group in fields[_GROUPS])
    _agree("rows", fields[_ROWS], sum(groups))
    chunks = [chunk[_CHUNK] for group in fields[_GROUPS] for chunk in group[_CHUNKS]]
    unpacked = [_walk(stream, chunk, start) for chunk in chunks]
    texts = sum(size for size, chunk in zip(unpacked, chunks, strict=True) if chunk[_TYPE] == _BYTES)
    memory = sum(groups) * sum(leaf.width for leaf in leaves) + texts + max(unpacked, default=0)
    return Footer(sum(groups), groups, tuple(leaf.name for leaf in leaves), memory, fields)


def _leaves(schema: list[Fields], path: Path) -> list[Leaf]:
    """The columns, none of them nested."""
    leaves = []
    for element in schema[1:]:
        name = element[_NAME].decode()
        if element.get(_CHILDREN) or element.get(_REPETITION) == _REPEATED:
            raise DataError(
                f"{path}: column '{name}': expected one value a row, got lists or structures. Write them as columns of "
                "their own, or leave the column out."
            )
        leaves.append(Leaf(name, _width(element)))
    _agree("columns", schema[0].get(_CHILDREN), len(leaves))
    return leaves


def _width(element: Fields) -> int:
    kind = element[_KIND]
    if kind == _FIXED:
        return max(16, int(element[_LENGTH]))
    if kind not in _WIDTHS:
        raise Lie(f"a column of physical type {kind}")
    return _WIDTHS[kind]


def _group_rows(group: Fields, leaves: list[Leaf]) -> int:
    """The rows of a row group, which all of its columns have."""
    rows = int(group[_GROUP_ROWS])
    _agree("columns of a row group", len(group[_CHUNKS]), len(leaves))
    for chunk in group[_CHUNKS]:
        if chunk.get(_OTHER_FILE):
            raise Lie("a column that lies in another file")
        _agree("values of a column", chunk[_CHUNK][_VALUES], rows)
    if rows < 0:
        raise Lie(f"{rows} rows")
    return rows


def _walk(stream: BinaryIO, chunk: Fields, limit: int) -> int:
    """The bytes that the pages of a column chunk become, once their headers are known to agree with the footer.

    limit    where the footer begins, before which all pages end
    """
    at, end = _extent(chunk)
    if not 4 <= at <= end <= limit:
        raise Lie(f"pages from byte {at} to {end}, where the data end at byte {limit}")
    values = unpacked = 0
    while at < end:
        header, begin = _page(stream, at, end)
        packed, becomes = int(header[_PACKED_SIZE]), int(header[_UNPACKED_SIZE])
        if packed < 0 or becomes < 0 or begin + packed > end:
            raise Lie(f"a page of {packed} bytes at byte {at}, where its column ends at byte {end}")
        if chunk[_CODEC] == _PLAIN_CODEC:
            _agree("bytes of a page that is not compressed", becomes, packed)
        if header[_PAGE_KIND] in _PAGES_OF_DATA:
            values += int((header.get(_PAGE) or header[_PAGE_2])[1])
        unpacked, at = unpacked + becomes, begin + packed
    _agree("values in the pages of a column", values, int(chunk[_VALUES]))
    return unpacked


def _extent(chunk: Fields) -> tuple[int, int]:
    """Where the pages of a column chunk begin and end; the dictionary, where there is one, comes first."""
    begin = min(int(chunk[_PAGES]), int(chunk.get(_DICTIONARY) or chunk[_PAGES]))
    return begin, begin + int(chunk[_PACKED])


def _moved(chunk: Fields, by: int) -> Fields:
    """A column chunk whose pages lie `by` bytes further on; indexes, which lie elsewhere, are left out."""
    data = chunk[_CHUNK]
    places = {number: data[number] + by for number in (_PAGES, _DICTIONARY) if data.get(number)}
    moved = data.changed(places, without=_MORE)
    return chunk.changed({_CHUNK: moved, _CHUNK_OFFSET: 0}, without=_INDEXES)


def _page(stream: BinaryIO, at: int, end: int) -> tuple[Fields, int]:
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
