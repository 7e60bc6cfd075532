"""Pictures that are decoded batch by batch, a few batches ahead, because all at once would not fit into memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from madi.datasets.dataset import Batches, Split
from madi.datasets.pictures.division import Pictures
from madi.datasets.pictures.preparation import PicturePreparation
from madi.datasets.pictures.reading import cores, read_picture
from madi.kernels.arrays import aligned_empty

BATCH_SIZE = 100
_AHEAD = 3  # batches that are being decoded, or ready, while one is used


class PictureBatches(Batches):
    """Batches of pictures, decoded by threads while the ones before are used.

    pictures       the files and their labels
    preparation    the size and channels that they are brought to
    batch_size     examples of a batch; may be set anew between passes
    seed           of the order: a pass in epoch e goes in the order of (seed, e), and nothing else; None leaves the
                   pictures in theirs

    Raises FileError, during a pass, for a picture that can no longer be read.
    """

    def __init__(
        self,
        pictures: Pictures,
        preparation: PicturePreparation,
        *,
        batch_size: int = BATCH_SIZE,
        seed: int | None = None,
    ) -> None:
        self.pictures, self.preparation, self.seed = pictures, preparation, seed
        self.count, self.batch_size, self.shape = len(pictures), batch_size, preparation.shape
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """The order of the next pass."""
        self._order = np.arange(self.count)
        if self.seed is not None:
            self._order = np.random.RandomState([self.seed, epoch]).permutation(self.count)

    def __iter__(self) -> Iterator[Split]:
        rows = [self._order[start : start + self.batch_size] for start in range(0, self.count, self.batch_size)]
        pool = ThreadPoolExecutor(cores(), thread_name_prefix="madi-pictures")
        try:
            yield from self._in_turn(pool, rows)
        finally:
            pool.shutdown(cancel_futures=True)

    def _in_turn(self, pool: ThreadPoolExecutor, batches: list[np.ndarray]) -> Iterator[Split]:
        begun: deque[tuple[Split, list[Future[None]]]] = deque()
        for rows in batches:
            begun.append(self._begin(pool, rows))
            if len(begun) > _AHEAD:
                yield _finished(*begun.popleft())
        while begun:
            yield _finished(*begun.popleft())

    def _begin(self, pool: ThreadPoolExecutor, rows: np.ndarray) -> tuple[Split, list[Future[None]]]:
        """A batch, and the work that fills it: a part of it for each core."""
        batch = self.pictures.take(rows)
        x = aligned_empty((len(rows), *self.shape), np.float32)
        parts = [range(start, len(rows), cores()) for start in range(min(cores(), len(rows)))]
        return Split(x, batch.labels), [pool.submit(self._fill, x, batch, part) for part in parts]

    def _fill(self, x: np.ndarray, batch: Pictures, rows: range) -> None:
        for row in rows:
            read_picture(batch.source, batch.entries[row], x[row])


def _finished(split: Split, work: list[Future[None]]) -> Split:
    for part in work:
        part.result()
    return split
