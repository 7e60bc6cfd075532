"""Columns in the form in which they become features, and the one array that all of them are written into."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from madi.kernels.arrays import aligned_empty

BLOCK = 4096  # rows that are written at a time: with all their features they stay within the processor's cache
AT_ONCE = 16  # features that are written together: a line of that cache


class Encoded(ABC):
    """A column as compactly as its features allow.  `width` says how many features there are."""

    width: int

    @abstractmethod
    def write(self, out: np.ndarray, rows: slice | np.ndarray) -> None:
        """Write the features of `rows` into `out`, (number of rows, width)."""


@dataclass(frozen=True, eq=False)
class Planes(Encoded):
    """One array (N,) for each feature."""

    arrays: Sequence[np.ndarray]

    @property
    def width(self) -> int:  # type: ignore[override]
        """How many arrays."""
        return len(self.arrays)

    def write(self, out: np.ndarray, rows: slice | np.ndarray) -> None:
        """Write the arrays side by side."""
        for feature, array in enumerate(self.arrays):
            out[:, feature] = array[rows]


@dataclass(frozen=True, eq=False)
class OneHot(Encoded):
    """A feature for each of `width` categories: 1 at the code of the row, (N,), else 0; a code of -1 has no 1."""

    codes: np.ndarray
    width: int

    def write(self, out: np.ndarray, rows: slice | np.ndarray) -> None:
        """Write zeros, and the ones."""
        out[...] = 0
        codes = self.codes[rows]
        known = np.flatnonzero(codes >= 0)
        out[known, codes[known]] = 1


def features_of(columns: Iterable[Encoded], rows: np.ndarray | None, count: int, width: int) -> np.ndarray:
    """Columns as one array, float32 (rows, width), whose memory JAX can take as it lies.

    columns   in order; each is asked for when its turn comes, so that not all need be there at once
    rows      which, and in what order; None for all `count`
    """
    out = aligned_empty((count if rows is None else len(rows), width), np.float32)
    start = 0
    group: list[Encoded] = []
    for column in columns:
        group.append(column)
        gathered = sum(entry.width for entry in group)
        if gathered >= AT_ONCE:
            _write(group, out[:, start : start + gathered], rows)
            start, group = start + gathered, []
    _write(group, out[:, start:], rows)
    return out


def _write(group: Sequence[Encoded], out: np.ndarray, rows: np.ndarray | None) -> None:
    """A group of columns into its strip of the array, block by block."""
    for begin in range(0, len(out), BLOCK):
        block = out[begin : begin + BLOCK]
        chosen = slice(begin, begin + len(block)) if rows is None else rows[begin : begin + BLOCK]
        start = 0
        for column in group:
            column.write(block[:, start : start + column.width], chosen)
            start += column.width
