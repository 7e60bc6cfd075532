"""Many pictures at once, by threads: pillow decodes without Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from madi.datasets.pictures.decoding import decode
from madi.datasets.pictures.header import read_header
from madi.datasets.pictures.refusal import Refusal
from madi.datasets.pictures.source import Entry, Source
from madi.errors import FileError

_PIECE = 16  # pictures that a thread takes at a time, and an interrupt waits for
_NAMED = 10  # that a message names


class Bad(NamedTuple):
    """A picture that cannot be read: its row among the others, its name, and why."""

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


def read_all(source: Source, entries: Sequence[Entry], row: Callable[[int], np.ndarray]) -> list[Bad]:
    """Decode each picture into the array that `row` gives for its place; -> those that cannot be read."""

    def take(place: int) -> FileError | None:
        try:
            read_picture(source, entries[place], row(place))
        except FileError as error:
            return error
        return None

    found = for_each(take, len(entries))
    return [Bad(place, source.name(entries[place].parts), error) for place, error in enumerate(found) if error]


def for_each(take: Callable[[int], Any], count: int) -> list[Any]:
    """[take(0), take(1), ..., take(count - 1)], by a thread for each core."""
    workers = cores()
    piece = max(1, min(_PIECE, count // (4 * workers)))
    pieces = [range(start, min(start + piece, count)) for start in range(0, count, piece)]
    with ThreadPoolExecutor(workers) as pool:
        try:
            return [found for part in pool.map(lambda rows: [take(row) for row in rows], pieces) for found in part]
        except BaseException:
            pool.shutdown(cancel_futures=True)  # an interrupt need not wait for all that are left
            raise


def error_of(where: str, count: int, bad: Sequence[Bad], fix: str = "") -> FileError:
    """The error for pictures that cannot be read: the first ten by name, how many there are, why the first cannot."""
    if len(bad) == 1:
        return FileError(f"{bad[0].error} {fix}".rstrip())
    text = f"{where}: {len(bad)} of {count} pictures cannot be read: {listed([found.name for found in bad])}"
    return FileError(f"{text}. The first: {bad[0].error} {fix}".rstrip())


def notice_of(count: int, bad: Sequence[Bad]) -> str:
    """The notice of pictures that were left out."""
    names = listed([found.name for found in bad])
    return f"Left out, because they cannot be read: {len(bad)} of {count} pictures: {names}."


def listed(names: Sequence[str]) -> str:
    """The first ten, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
