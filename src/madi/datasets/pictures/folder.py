"""The files below a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from madi.datasets.pictures.refusal import cannot_read, shown
from madi.datasets.pictures.source import Entry, Parts, Source, is_ignored

_AT_ONCE = 1 << 24


@dataclass(frozen=True)
class Folder(Source):
    """A folder on disk, by its path."""

    root: str

    def name(self, parts: Parts) -> str:
        return shown(os.path.join("" if self.where == "." else self.where, *parts) or self.where)

    def content(self, entry: Entry) -> bytes:
        return read_file(os.sep.join((self.root, *entry.parts)), entry.size)


def open_folder(path: Path) -> Folder:
    """The files of a folder and of the folders in it.

    Symbolic links are followed where they lead to a place within the folder, else left out with a notice.
    Raises FileError for a folder that cannot be listed.
    """
    walk = _Walk(path).go()
    return Folder(
        shown(str(path)),
        tuple(sorted(walk.entries)),
        tuple(sorted(walk.folders)),
        _about_links(path, walk.left),
        str(path),
    )


def _about_links(path: Path, left: list[Parts]) -> tuple[str, ...]:
    """What is told of links that were not followed."""
    if not left:
        return ()
    first = shown("/".join(min(left)))
    return (f"Left out, because they lead outside of {shown(path.name)}: {len(left)} link(s), such as {first}.",)


class _Walk:
    """What is found below a folder: files, folders, and the links that were left out."""

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self.entries: list[Entry] = []
        self.folders: list[Parts] = []
        self.left: list[Parts] = []
        self._waiting: list[tuple[str, Parts]] = [(str(root), ())]
        self._seen: set[tuple[int, int]] = set()

    def go(self) -> _Walk:
        """Visit every folder once, so that no link leads round in a circle."""
        while self._waiting:
            self._visit(*self._waiting.pop())
        return self

    def _visit(self, folder: str, parts: Parts) -> None:
        try:
            if self._was_seen(os.stat(folder)):
                return
            with os.scandir(folder) as found:
                for item in found:
                    if not is_ignored(item.name):
                        self._take(item, (*parts, item.name))
        except OSError as error:
            raise cannot_read(folder, error) from error

    def _take(self, item: os.DirEntry[str], parts: Parts) -> None:
        if item.is_symlink() and not self._is_within(item.path):
            self.left.append(parts)
        elif item.is_dir():
            self.folders.append(parts)
            self._waiting.append((item.path, parts))
        elif item.is_file():
            self.entries.append(Entry(parts, item.stat().st_size))

    def _was_seen(self, folder: os.stat_result) -> bool:
        known = folder.st_dev, folder.st_ino
        seen = known in self._seen
        self._seen.add(known)
        return seen

    def _is_within(self, path: str) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self.root)


def read_file(path: str, size: int) -> bytes:
    """All bytes of a file of about `size`; raises FileError where it cannot be read.

    By the system's calls alone: for small files they take half the time of `open`.
    """
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise cannot_read(path, error) from error
    try:
        return _all_bytes(file, size)
    except OSError as error:
        raise cannot_read(path, error) from error
    finally:
        os.close(file)


def _all_bytes(file: int, size: int) -> bytes:
    data = os.read(file, min(size + 1, _AT_ONCE))
    if len(data) == size:
        return data
    blocks = [data]
    while len(blocks[-1]) and sum(map(len, blocks)) <= size:
        blocks.append(os.read(file, _AT_ONCE))
    return b"".join(blocks)
