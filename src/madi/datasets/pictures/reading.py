"""Many pictures at once, by threads: pillow decodes without Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from madi.datasets.pictures.source import Entry, Source
from madi.errors import FileError

_PIECE = 64  # pictures that a thread takes at a time
_NAMED = 10  # bad ones that a message names
Decode = Callable[[bytes, str], np.ndarray]


class Bad(NamedTuple):
    """A picture that cannot be read: its row among the others, its name, and why."""

    row: int
    name: str
    error: FileError


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decode_all(source: Source, entries: Sequence[Entry], decode: Decode, x: np.ndarray | None) -> list[Bad]:
    """Decode each picture into its row of `x`, (N, H, W, C), or into nothing, to see whether it can be; -> the bad."""

    def take(row: int) -> FileError | None:
        try:
            pixels = decode(source.read(entries[row]), source.name(entries[row].parts))
        except FileError as error:
            return error
        if x is not None:
            x[row] = pixels
        return None

    found = for_each(take, len(entries))
    names = (source.name(entry.parts) for entry in entries)
    return [Bad(row, name, error) for row, (name, error) in enumerate(zip(names, found, strict=True)) if error]


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
    text = f"{where}: {len(bad)} of {count} pictures cannot be read: {_listed(bad)}"
    return FileError(f"{text}. The first: {bad[0].error} {fix}".rstrip())


def notice_of(count: int, bad: Sequence[Bad]) -> str:
    """The notice of pictures that were left out."""
    return f"Left out, because they cannot be read: {len(bad)} of {count} pictures: {_listed(bad)}."


def _listed(bad: Sequence[Bad]) -> str:
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return ", ".join(found.name for found in bad[:_NAMED]) + more
