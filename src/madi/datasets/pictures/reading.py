"""Many pictures at once, by threads: pillow decodes without Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from madi.datasets.pictures.decoding import decode
from madi.datasets.pictures.header import read_header
from madi.datasets.pictures.refusal import Refusal, shown
from madi.datasets.pictures.source import Entry, Source
from madi.errors import FileError, argument

_PIECE = 16  # pictures that a thread takes at a time, and an interrupt waits for
_NAMED = 10  # that a message names
Seen = Callable[[int], None]  # is told how many pictures more are done


class Bad(NamedTuple):
    """A picture that cannot be read: its row among the others, its name within their folder, and why."""

    row: int
    name: str
    error: FileError


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_content(data: bytes, where: str, out: np.ndarray) -> None:
    """Decode the bytes of a picture's file into `out`, (H, W, C).  Raises FileError, with its name, if it cannot be."""
    try:
        decode(read_header(data), out)
    except Refusal as refusal:
        raise refusal.of(where) from refusal


def read_picture(source: Source, entry: Entry, out: np.ndarray) -> None:
    """Decode a picture into `out`, (H, W, C).  Raises FileError, with its name, if it cannot be."""
    try:
        decode(source.header(entry), out)
    except Refusal as refusal:
        raise refusal.of(source.name(entry.parts)) from refusal


def read_all(
    source: Source, entries: Sequence[Entry], row: Callable[[int], np.ndarray], seen: Seen | None = None
) -> list[Bad]:
    """Decode each picture into the array that `row` gives for its place; -> those that cannot be read."""

    def take(place: int) -> FileError | None:
        try:
            read_picture(source, entries[place], row(place))
        except FileError as error:
            return error
        return None

    found = for_each(take, len(entries), seen)
    return [Bad(place, within(entries[place]), error) for place, error in enumerate(found) if error]


def within(entry: Entry) -> str:
    """A picture by its place in its folder or archive, wherever that lies: what a report may tell to others."""
    return shown("/".join(entry.parts))


def for_each(take: Callable[[int], Any], count: int, seen: Seen | None = None) -> list[Any]:
    """[take(0), take(1), ..., take(count - 1)], by a thread for each core."""
    workers = cores()
    piece = max(1, min(_PIECE, count // (4 * workers)))
    pieces = [range(start, min(start + piece, count)) for start in range(0, count, piece)]
    with ThreadPoolExecutor(workers) as pool:
        try:
            found: list[Any] = []
            for part in pool.map(lambda rows: [take(row) for row in rows], pieces):
                found += part
                if seen is not None:
                    seen(len(part))
            return found
        except BaseException:
            pool.shutdown(cancel_futures=True)  # an interrupt need not wait for all that are left
            raise


def about_bad(where: str, count: int, bad: Sequence[Bad], *, skip_bad: bool) -> list[str]:
    """The notice of pictures that were left out; raises FileError where they may not be.

    Both name the first ten; the error says why the first cannot be read.
    """
    if not bad:
        return []
    names = listed([found.name for found in bad])
    if skip_bad:
        return [f"Left out, because they cannot be read: {len(bad)} of {count} pictures: {names}."]
    fix = f"With {argument('skip_bad', True)}, such pictures are left out."
    if len(bad) == 1:
        raise FileError(f"{bad[0].error} {fix}")
    text = f"{where}: {len(bad)} of {count} pictures cannot be read: {names}"
    raise FileError(f"{text}. The first: {bad[0].error} {fix}")


def listed(names: Sequence[str]) -> str:
    """The first ten, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
