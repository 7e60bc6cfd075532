"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TEMPORARY = ".madi-*.tmp"  # what a file is called until it is complete


def replace(path: Path, parts: Iterable[Any]) -> None:
    """Write bytes, part after part, in the place of a file, by way of one beside it; links are followed.

    Whoever reads the file sees the old one or the new one, never a part, and the new one is on the disk when the call
    ends.  Raises OSError where it cannot be written: then the old one stays.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(TEMPORARY.replace("*", secrets.token_hex(8)))
    try:
        _write_all(temporary, parts)
        temporary.replace(target)
        _flush_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):  # it has its new name, or was never made
            temporary.unlink()


def replace_text(path: Path, text: str) -> None:
    """Put the text, its line ends as they are, in the place of a file, as `replace` does."""
    replace(path, [text.encode()])


def remove_unfinished(folder: Path) -> None:
    """Remove what writers that were killed have left in a folder.  Nobody else may be writing to it."""
    for path in folder.glob(TEMPORARY):
        with contextlib.suppress(OSError):
            path.unlink()


def _write_all(path: Path, parts: Iterable[Any]) -> None:
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Have the new name itself on the disk, where folders can be flushed."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a network's file system may flush no folders
                raise
        finally:
            os.close(descriptor)
