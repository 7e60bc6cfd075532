"""What of an array is shown: a number, the first rows of a matrix, its channels as pictures; and what is left out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROWS, COLUMNS = 10, 10  # of a matrix
ACROSS, DOWN = 8, 8  # of a vector, which runs on in lines
ONE_LINE = 10  # numbers of a vector that stay in one
TILES = 16
LEAST = 2  # pixels along each side of what is a picture


@dataclass(frozen=True)
class Tile:
    """One channel as a picture.

    label     "3", the number of the channel; "2, 0" of filter 2 and channel 0
    first     place of its first pixel among all numbers of the array
    steps     from one row to the next, from one column to the next, in those places
    """

    label: str
    pixels: np.ndarray
    first: int
    steps: tuple[int, int]


@dataclass(frozen=True)
class View:
    """An array as it is shown.

    shape    of the whole array
    rows     places of the numbers that are shown, row by row; a matrix
    tiles    its channels; () where it is no picture
    left     what is not shown: (how many are, of how many, of what), such as (16, 32, "channels")
    runs_on  whether the rows are one vector, in lines
    """

    shape: tuple[int, ...]
    values: np.ndarray
    rows: tuple[tuple[int, ...], ...] = ()
    tiles: tuple[Tile, ...] = ()
    left: tuple[tuple[int, int, str], ...] = ()
    runs_on: bool = False
    largest: float = field(default=0.0)

    @property
    def is_number(self) -> bool:
        """Whether it is a single number."""
        return self.values.size == 1

    @property
    def places(self) -> Iterator[int]:
        """The places of all numbers that are shown."""
        for row in self.rows:
            yield from row
        for tile in self.tiles:
            for row, column in np.ndindex(tile.pixels.shape):
                yield tile.first + row * tile.steps[0] + column * tile.steps[1]

    def index(self, place: int) -> tuple[int, ...]:
        """The index of the number at a place."""
        return tuple(map(int, np.unravel_index(place, self.shape))) if self.shape else ()


def view(array: Any, *, kernel: bool = False) -> View:
    """What is shown of an array.

    kernel    whether it is the kernel of a convolution, (kH, kW, channels, filters), rather than images (N, H, W, C)
    """
    values = np.asarray(array)
    shape = values.shape
    largest = _largest(values)
    if values.ndim == 4 and min(shape[:2] if kernel else shape[1:3]) >= LEAST:
        tiles, left = _filters(values) if kernel else _channels(values)
        return View(shape, values, tiles=tiles, left=left, largest=largest)
    if values.size == max(shape, default=1):
        rows, left = _lines(values.size)
        return View(shape, values, rows, left=left, runs_on=True, largest=largest)
    rows, left = _matrix(shape)
    return View(shape, values, rows, left=left, largest=largest)


def _largest(values: np.ndarray) -> float:
    finite = np.abs(values[np.isfinite(values)]) if values.size else values
    return float(finite.max()) if finite.size else 0.0


def _lines(size: int) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, int, str], ...]]:
    """A vector, a few numbers a line."""
    shown = min(size, ACROSS * DOWN)
    across = ONE_LINE if size <= ONE_LINE else ACROSS
    rows = tuple(tuple(range(start, min(start + across, shown))) for start in range(0, shown, across))
    return rows, (((shown, size, "numbers"),) if shown < size else ())


def _matrix(shape: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, int, str], ...]]:
    """The first rows and columns; of more than two axes the first of each axis before."""
    height, width = shape[-2:]
    rows = tuple(
        tuple(row * width + column for column in range(min(width, COLUMNS))) for row in range(min(height, ROWS))
    )
    told = [(1, math.prod(shape[:-2]), "matrices"), (min(height, ROWS), height, "rows")]
    told.append((min(width, COLUMNS), width, "columns"))
    return rows, tuple(entry for entry in told if entry[0] < entry[1])


def _channels(values: np.ndarray) -> tuple[tuple[Tile, ...], tuple[tuple[int, int, str], ...]]:
    _, _, width, channels = values.shape
    shown = min(channels, TILES)
    tiles = tuple(Tile(str(c), values[0, :, :, c], c, (width * channels, channels)) for c in range(shown))
    told = [(1, len(values), "examples"), (shown, channels, "channels")]
    return tiles, tuple(entry for entry in told if entry[0] < entry[1])


def _filters(values: np.ndarray) -> tuple[tuple[Tile, ...], tuple[tuple[int, int, str], ...]]:
    """Each filter's picture of its first channel."""
    _, width, channels, filters = values.shape
    shown = min(filters, TILES)
    steps = (width * channels * filters, channels * filters)
    tiles = tuple(Tile(f"{f}" if channels == 1 else f"{f}, 0", values[:, :, 0, f], f, steps) for f in range(shown))
    told = [(1, channels, "channels"), (shown, filters, "filters")]
    return tiles, tuple(entry for entry in told if entry[0] < entry[1])
