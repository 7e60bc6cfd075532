"""Where pictures lie: files below a folder, or the members of an archive, told of in one way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

from madi.datasets.pictures.header import MOST_BYTES, Header, read_header
from madi.datasets.pictures.refusal import Refusal

_OF_THE_SYSTEM = {"thumbs.db", "desktop.ini", "__macosx"}
_MOST_KEPT = 2**28  # bytes of all files together, up to which what was read once is kept until it is decoded
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
    _kept: dict[Parts, Header] = field(default_factory=dict, kw_only=True)

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
            raise Refusal(text, "Make the picture smaller, or remove it.").of(self.name(entry.parts))
        return self.content(entry)

    def header(self, entry: Entry) -> Header:
        """The header of a picture, with what its decoder needs.  Raises Refusal for what is none: see `read_header`."""
        return self._kept.pop(entry.parts, None) or read_header(self.read(entry))

    def keep(self, entry: Entry, header: Header) -> None:
        """Hold a header for the one time that it will be asked for again, so that the file is not read twice."""
        self._kept[entry.parts] = header

    @property
    def is_small(self) -> bool:
        """Whether all files together are so few bytes that they can be kept."""
        return sum(entry.size for entry in self.entries) <= _MOST_KEPT


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is none of the user's: hidden, or left by the operating system."""
    return name.startswith(".") or name.casefold() in _OF_THE_SYSTEM
