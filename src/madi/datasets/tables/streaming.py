"""Tables larger than memory as batches, in a random order that memory bounds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from madi.datasets.dataset import Batches, Split, Weighted
from madi.datasets.tables.reading import TableReader
from madi.datasets.tables.table import Span, Table
from madi.errors import ConfigurationError, DataError

WINDOW = 8  # pieces among whose rows one is drawn
Part = Callable[[np.ndarray], np.ndarray]
Prepare = Callable[[Table], np.ndarray]
Examples = Split | Weighted


class TableBatches(Batches):
    """Rows of a table as batches of prepared examples.

    reader        the table, in pieces
    inputs        a piece -> x, (rows, ...)
    targets       a piece -> y, (rows,) or (rows, targets)
    weights       a piece -> the weight of each row, (rows,): batches then are (x, y, weight)
    batch_size    examples of a batch
    seed          of the order
    part          row numbers -> whether each belongs to these batches, such as `row_part`; None takes all
    shuffled      False keeps the order of the file
    empty         whether no rows are wanted

    The order of a pass depends on seed and epoch alone: the pieces come in a random order, and the rows of each window
    of `WINDOW` pieces are mixed.  So two rows far apart in the file can meet in a batch, while memory holds the arrays
    of one window; not every order of the rows can come, as it can in memory.

    Raises DataError for a part without rows, ConfigurationError for a batch size below 1.
    """

    def __init__(
        self,
        reader: TableReader,
        *,
        inputs: Prepare,
        targets: Prepare,
        batch_size: int = 100,
        seed: int = 0,
        part: Part | None = None,
        shuffled: bool = True,
        weights: Prepare | None = None,
        empty: bool = False,
    ):
        if batch_size < 1:
            raise ConfigurationError(f"TableBatches: expected batch_size of at least 1, got {batch_size}. Take 100.")
        self.batch_size, self._reader = batch_size, reader
        self._prepare = (inputs, targets) if weights is None else (inputs, targets, weights)
        self._seed, self._part, self._shuffled, self._epoch = seed, part, shuffled, 0
        self._counts = np.array([self._chosen(span).sum() for span in reader.spans], np.int64)
        self._pieces, self.count = np.flatnonzero(self._counts), int(self._counts.sum())
        if not (self.count or empty):
            raise DataError(f"{reader.path}: none of its {reader.rows} rows fall into this part. Take a larger share.")
        self._nothing = _rows(self._prepared(int(self._pieces[0]) if self.count else 0), slice(0))
        self.shape = self._nothing.x.shape[1:]

    def set_epoch(self, epoch: int) -> None:
        """The order of the next pass."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[Examples]:
        """One pass over all examples."""
        random = np.random.default_rng((self._seed, self._epoch)) if self._shuffled else None
        pieces = self._pieces if random is None else random.permutation(self._pieces)
        rest = self._nothing
        for begin in range(0, len(pieces), WINDOW):
            window = self._window(rest, pieces[begin : begin + WINDOW], random)
            last = begin + WINDOW >= len(pieces)
            end = len(window.x) if last else len(window.x) // self.batch_size * self.batch_size
            for first in range(0, end, self.batch_size):
                yield _rows(window, slice(first, min(first + self.batch_size, end)), copied=False)
            rest = _rows(window, slice(end, None))
            del window  # before the next one is read

    def _window(self, rest: Examples, pieces: np.ndarray, random: np.random.Generator | None) -> Examples:
        """The rest of the last window and some pieces, each row written at once to the place that it has in the mix."""
        count = len(rest.x) + int(self._counts[pieces].sum())
        order = np.arange(count) if random is None else random.permutation(count)
        mixed = type(rest)(*(np.empty((count, *array.shape[1:]), array.dtype) for array in rest))
        begin = 0
        for part in itertools.chain([rest], (self._prepared(int(piece)) for piece in pieces)):
            places = order[begin : begin + len(part.x)]
            for whole, own in zip(mixed, part, strict=True):
                whole[places] = own
            begin += len(part.x)
        return mixed

    def _prepared(self, piece: int) -> Examples:
        table = self._reader.piece(piece)
        chosen = self._chosen(self._reader.spans[piece])
        arrays = [prepare(table)[chosen] for prepare in self._prepare]
        return Split(*arrays) if len(arrays) == 2 else Weighted(*arrays)

    def _chosen(self, span: Span) -> np.ndarray:
        rows = np.arange(span.first, span.first + span.rows)
        return np.ones(len(rows), bool) if self._part is None else self._part(rows)


def row_part(begin: float, end: float, *, seed: int = 0) -> Part:
    """The part of a table whose rows draw a number from `begin` up to `end`, of 0 to 1: shares without a list of rows.

    A row's number depends on its position and the seed alone (the mixing function of SplitMix64; Steele, Lea and Flood,
    2014), so parts that divide 0..1 divide the table, whichever piece is read first.
    """

    def part(rows: np.ndarray) -> np.ndarray:
        mixed = _mix(rows.astype(np.uint64) + _mix(np.array([seed], np.uint64)))
        numbers = (mixed >> np.uint64(11)) / 2.0**53
        return (numbers >= begin) & (numbers < end)

    return part


def _rows(examples: Examples, rows: slice, *, copied: bool = True) -> Examples:
    """Some of the rows, in memory of their own, so that the others can go; or as they lie."""
    return type(examples)(*(array[rows].copy() if copied else array[rows] for array in examples))


def _mix(numbers: np.ndarray) -> np.ndarray:
    """Every bit of a number spread over all of its 64."""
    with np.errstate(over="ignore"):
        mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
