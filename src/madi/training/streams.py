"""Examples to measure on that come in batches: checked one by one, and never all in memory at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from madi.datasets.dataset import Batches
from madi.training.batches import first_of, read_ahead
from madi.training.data import Examples


class StreamedExamples:
    """One pass over all batches at every iteration.

    first   the first batch, for its shapes
    """

    def __init__(self, batches: Batches, check: Callable[[Any], Examples]) -> None:
        self._batches, self._check = batches, check
        self.first = check(first_of(batches))

    def __len__(self) -> int:
        return self._batches.count

    def __iter__(self) -> Iterator[Examples]:
        with closing(read_ahead(self._batches, self._check)) as ready:  # type: ignore[type-var]
            yield from ready


def first_of_all(found: Examples | StreamedExamples) -> Examples:
    """Examples that have the shapes of all."""
    return found.first if isinstance(found, StreamedExamples) else found


def pieces(found: Examples | StreamedExamples) -> Iterator[Examples]:
    """All examples, piece by piece."""
    return iter(found if isinstance(found, StreamedExamples) else [found])
