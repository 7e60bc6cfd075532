"""The pictures of each part, decoded into memory, or seen to be decodable and left for batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from madi.datasets.dataset import Split
from madi.datasets.pictures.division import TEST, TRAIN, Division, Pictures
from madi.datasets.pictures.preparation import PicturePreparation
from madi.datasets.pictures.reading import Bad, Seen, listed, read_all
from madi.datasets.pictures.refusal import shown
from madi.datasets.pictures.streaming import PictureBatches
from madi.errors import DataError
from madi.kernels.arrays import aligned_empty


class Contents(NamedTuple):
    """The part's examples, in memory or in batches, and the pictures of it that cannot be read."""

    examples: Split | PictureBatches
    pictures: Pictures
    bad: list[Bad]


def in_memory(pictures: Pictures, preparation: PicturePreparation, seen: Seen | None = None) -> Contents:
    """All pictures that can be read, in one array, with their labels; `seen` is told how many more are decoded."""
    x = aligned_empty((len(pictures), *preparation.shape), np.float32)
    good, bad = _readable(pictures, x.__getitem__, seen)
    return Contents(Split(closed_up(x, good), pictures.labels[good]), pictures.take(good), bad)


def in_batches(
    pictures: Pictures, preparation: PicturePreparation, seed: int | None, seen: Seen | None = None
) -> Contents:
    """Batches of all pictures that can be read, which is tried once now: a training of hours must not end in one."""
    good, bad = _readable(pictures, lambda _: np.empty(preparation.shape, np.float32), seen)
    readable = pictures.take(good)
    return Contents(PictureBatches(readable, preparation, seed=seed), readable, bad)


def _readable(pictures: Pictures, row: Callable[[int], np.ndarray], seen: Seen | None) -> tuple[np.ndarray, list[Bad]]:
    """The places of those that can be read, each into its row, and those that cannot."""
    bad = read_all(pictures.source, pictures.entries, row, seen)
    return np.delete(np.arange(len(pictures)), [found.row for found in bad]), bad


def closed_up(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows of `x`, in the same memory: a copy of all might not fit beside it."""
    for place in np.flatnonzero(rows != np.arange(len(rows))):
        x[place] = x[rows[place]]
    return x[: len(rows)]


def about_classes(division: Division, parts: dict[str, Contents]) -> list[str]:
    """The notice of classes that the test has no picture of; raises DataError for those that training has none of."""
    missing = {part: _missing(contents.pictures, division.classes) for part, contents in parts.items()}
    if missing[TRAIN]:
        where = division.parts[TRAIN].source.where
        text = f"class '{missing[TRAIN][0]}' has no picture to train on that can be read"
        raise DataError(f"{where}: {text}. Add pictures of it, or remove its folder.")
    if not missing[TEST] or not len(parts[TEST].pictures):
        return []
    return [f"The test has no picture of: {listed(missing[TEST])}."]


def _missing(pictures: Pictures, classes: tuple[str, ...]) -> list[str]:
    counts = np.bincount(pictures.labels, minlength=len(classes))
    return [shown(name) for name, count in zip(classes, counts.tolist(), strict=True) if not count]
