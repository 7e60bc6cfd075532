"""Which files hold tables, by their names."""

from __future__ import annotations

import os
from pathlib import Path

from madi.errors import FileError, closest

TEXT = (".csv", ".tsv", ".txt")
PARQUET = (".parquet",)
PACKED = (".gz", ".xz")


def table_path(path: str | Path) -> Path:
    """`path`, once it is known to be a file with the name of a table.  Raises FileError."""
    path = Path(path).expanduser()
    if os.path.isdir(path):
        raise FileError(f"{path}: expected the file of a table, got a folder. Name the file in it.")
    if not os.path.exists(path):  # False too where it may not be seen
        raise FileError(f"{path}: there is no such file. Check the path{_neighbour(path)}")
    if not os.path.isfile(path):
        raise FileError(f"{path}: expected an ordinary file, got a device or a pipe. Save the table in a file.")
    if not (is_parquet(path) or _text_suffix(path) in TEXT):
        known = ", ".join((*TEXT, *PARQUET))
        raise FileError(f"{path}: expected a name that ends in {known} (text also with .gz or .xz). Rename the file.")
    return path


def is_parquet(path: Path) -> bool:
    """Whether the name says Parquet."""
    return path.suffix.lower() in PARQUET


def _text_suffix(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() in PACKED else path.suffix.lower()


def _neighbour(path: Path) -> str:
    """The end of a sentence: a full stop, after a question where a file of a similar name lies beside it."""
    try:
        near = closest(path.name, (file.name for file in path.parent.iterdir() if file.is_file()))
    except OSError:
        return "."
    return f". Was '{near}' meant?" if near else "."
