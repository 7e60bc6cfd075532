"""Where pictures lie: files below a folder, or the members of an archive, told of in one way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from madi.datasets.pictures.header import MOST_BYTES
from madi.datasets.pictures.refusal import refused

_OF_THE_SYSTEM = {"thumbs.db", "desktop.ini", "__macosx"}
Parts = tuple[str, ...]


class Entry(NamedTuple):
    """One file: the names of the folders that it lies in, from the top, with its own last; and its size in bytes."""

    parts: Parts
    size: int


@dataclass(frozen=True)
class Source(ABC):
    """Files by folder.

    where      the folder or archive, as messages name it
    entries    its files, sorted; hidden ones and those of the operating system are left out
    folders    the folders in it, sorted, at any depth
    notices    what was left out
    """

    where: str
    entries: tuple[Entry, ...]
    folders: tuple[Parts, ...]
    notices: tuple[str, ...]

    @abstractmethod
    def name(self, parts: Parts) -> str:
        """A file or folder in it, as messages name it."""

    @abstractmethod
    def content(self, entry: Entry) -> bytes:
        """All bytes of a file.  Raises FileError where they cannot be read."""

    def read(self, entry: Entry) -> bytes:
        """All bytes of a file; raises FileError, before any memory is taken, for one that is too large."""
        if entry.size > MOST_BYTES:
            text = f"expected at most {MOST_BYTES >> 20} MiB, got {entry.size >> 20} MiB"
            raise refused(self.name(entry.parts), text, "Make the picture smaller, or remove it.")
        return self.content(entry)


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is none of the user's: hidden, or left by the operating system."""
    return name.startswith(".") or name.casefold() in _OF_THE_SYSTEM
