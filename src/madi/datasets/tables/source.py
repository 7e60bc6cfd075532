"""A text table as a file of UTF-8 that can be read from any byte: the file itself, or an unpacked, recoded copy.

Compressed files and those of other encodings are unpacked once, within bounds, into a temporary file without a name,
which lies in memory while it is small.
"""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from madi.datasets.content import open_content
from madi.datasets.tables.detection import SAMPLE, TableFormat, detect
from madi.datasets.tables.faults import empty, undecodable
from madi.datasets.tables.foreign import refuse_foreign
from madi.datasets.tables.paths import PACKED
from madi.errors import FileError

IN_MEMORY = 16 << 20  # bytes of a copy that need no file
RATIO = 250  # bytes of content that a byte of gzip or xz may become: tables reach 50, a bomb 1000
ALLOWANCE = 16 << 20  # bytes that any compressed file may become
_BLOCK = 1 << 20


def detect_format(
    path: Path, *, delimiter: str | None = None, decimal: str | None = None, encoding: str | None = None
) -> tuple[TableFormat, bytes]:
    """The format of the text in `path`, and its first bytes.

    Raises FileError for files that are no text, DataError for an empty one; see `detect` for the others.
    """
    with open_content(path, limit=content_limit(path)) as content:
        head = content.read(SAMPLE)
    if not head:
        raise empty(path)
    refuse_foreign(head, path)
    return detect(head, path, delimiter=delimiter, decimal=decimal, encoding=encoding), head


def open_source(path: Path, format: TableFormat, head: bytes) -> BinaryIO:
    """The text of `path` as UTF-8 whose lines end in line feeds; the caller closes it."""
    old_ends = _has_old_ends(head, format)
    if path.suffix not in PACKED and format.encoding == "utf-8" and not old_ends:
        try:
            return path.open("rb")
        except OSError as error:
            raise FileError(f"Cannot read {path}: {error.strerror}. Check the path and its permissions.") from error
    copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115 - the caller closes it
    try:
        for text in _decoded(path, format.encoding):
            copy.write((text.replace("\r", "\n") if old_ends else text).encode())
    except OSError as error:
        copy.close()
        if isinstance(error, FileError):
            raise
        folder = tempfile.gettempdir()
        raise FileError(
            f"Cannot unpack {path} into {folder}: {error.strerror}. Make room there, or set TMPDIR to another folder."
        ) from error
    return copy


def content_limit(path: Path) -> int:
    """The most bytes that the content of `path` may have: what a compressed table can honestly become."""
    size = os.path.getsize(path)
    return ALLOWANCE + RATIO * size if path.suffix in PACKED else size


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    """The text of a file.  Raises FileError with the first byte that the encoding does not have."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with open_content(path, limit=content_limit(path)) as content:
        while True:
            pending, _ = decoder.getstate()
            begin = content.at - len(pending)
            block = content.read(_BLOCK)
            try:
                yield decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise undecodable(path, begin + error.start, (pending + block)[error.start], encoding) from None
            if not block:
                return


def _has_old_ends(head: bytes, format: TableFormat) -> bool:
    """Whether the lines end in carriage returns alone."""
    text = head.decode(format.encoding, "ignore")
    return "\r" in text and "\n" not in text
