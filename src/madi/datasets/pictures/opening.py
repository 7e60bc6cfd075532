"""A path of the user's, opened as what it is: a folder of pictures, an archive of one, or a single picture."""

from __future__ import annotations

import os
from pathlib import Path

from madi.datasets.pictures.archive import open_archive
from madi.datasets.pictures.folder import Folder, open_folder
from madi.datasets.pictures.refusal import cannot_read, described, shown
from madi.datasets.pictures.source import Entry, Source
from madi.errors import FileError, closest

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with members, without any


def open_source(path: Path) -> Source:
    """The files of a folder or of a zip archive.

    Raises FileError where there is neither; names the closest name beside it.
    """
    if path.is_dir():
        return open_folder(path)
    start = first_bytes(path)
    if is_zip(start):
        return open_archive(path)
    expected = "expected a folder with a folder of pictures for each class, or a .zip of one"
    raise FileError(f"{shown(str(path))}: {expected}, got a file with {described(start)}. Give the folder.")


def first_bytes(path: Path) -> bytes:
    """Enough of a file to know its kind.  Raises FileError where there is none, or it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(64)
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        raise cannot_read(str(path), error) from error


def is_zip(start: bytes) -> bool:
    """Whether these are the first bytes of a zip archive."""
    return start.startswith(_ZIP)


def _missing(path: Path) -> FileError:
    try:
        near = closest(path.name, os.listdir(path.parent))
    except OSError:
        near = None
    fix = f"Did you mean {shown(str(path.with_name(near)))}?" if near else "Check the path."
    return FileError(f"No such file or folder: {shown(str(path))}. {fix}")


def open_file(path: Path) -> Source:
    """A single file, as a source of one.  Raises FileError where there is none."""
    first_bytes(path)
    entry = Entry((path.name,), path.stat().st_size)
    return Folder(shown(str(path.parent)), (entry,), (), (), str(path.parent))
