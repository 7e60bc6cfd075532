"""Files that are no text, whatever their names say: told by their first bytes, and never opened further."""

from __future__ import annotations

import re
from pathlib import Path

from madi.errors import FileError

_SAVE = "Save the table as CSV"
_EXPORT = "Export the table as CSV from the program that wrote it"
_RENAME = "Rename it so that its name ends in"
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _SAVE),
    (b"\x93NUMPY", "a NumPy array", _EXPORT),
    (b"PAR1", "a Parquet file", f"{_RENAME} .parquet"),
    (b"\x1f\x8b", "gzip data", f"{_RENAME} .csv.gz"),
    (b"\xfd7zXZ", "xz data", f"{_RENAME} .csv.xz"),
    (b"BZh9", "bzip2 data", "Unpack it"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data", "Unpack it"),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it"),
    (b"\x89PNG", "a PNG picture", _EXPORT),
    (b"\xff\xd8\xff", "a JPEG picture", _EXPORT),
    (b"GIF8", "a GIF picture", _EXPORT),
    (b"%PDF-", "a PDF document", _EXPORT),
    (b"\x89HDF", "an HDF5 file", _EXPORT),
    (b"SQLite format 3\0", "an SQLite database", _EXPORT),
    (b"ARROW1", "an Arrow file", _EXPORT),
    (b"\x7fELF", "a program", _EXPORT),
)
# Protocols 2 to 5 by their opcode, 0 and 1 by how a list, dictionary or name begins.
_PICKLE = re.compile(
    rb"\x80[\x02-\x05]|\(?[ld]p\d+\n|\([ld]p\d+\n|\]q\x00|\}q\x00|c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n[p(]"
)


def refuse_foreign(head: bytes, path: Path) -> None:
    """Raise FileError where `head`, the first bytes of `path`, are those of a file that holds no text."""
    if head.startswith(b"PK\x03\x04"):
        raise _refusal(path, *_kind_of_zip(head))
    if _PICKLE.match(head):
        raise _refusal(path, "a Python pickle, which could run code and is never loaded", _EXPORT)
    for magic, kind, fix in _KINDS:
        if head.startswith(magic):
            raise _refusal(path, kind, fix)


def binary(path: Path, at: int, place: str = "") -> FileError:
    """The error for a file with a NUL byte, which no text has."""
    where = f"byte {at}" + (f" ({place})" if place else "")
    return FileError(f"{path}: expected text, got binary content: a NUL byte at {where}. {_EXPORT}.")


def _kind_of_zip(head: bytes) -> tuple[str, str]:
    if b"[Content_Types].xml" in head or b"xl/" in head:
        return "an Excel workbook (.xlsx)", _SAVE
    if b".npy" in head[:200]:
        return "a NumPy archive (.npz)", _EXPORT
    return "a zip archive", "Unpack it"


def _refusal(path: Path, kind: str, fix: str) -> FileError:
    return FileError(f"{path}: expected a table as text, got {kind}. {fix}.")
