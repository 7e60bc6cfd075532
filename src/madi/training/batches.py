"""Where the batches of an epoch come from: arrays in a new random order, or a stream that is read ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from madi.errors import DataError
from madi.kernels import random

# Weights, orders, steps and validation each draw from a key of their own under the trainer's; weights have 0, 1, 2, ...
ORDERS, STEPS, VALIDATION, LATER_BATCHES = 2**32 - 1, 2**32 - 2, 2**32 - 3, 2**32 - 4

LARGEST_CALL = 1024  # steps that one compiled call can be given
READ_AHEAD = 2  # batches that wait, ready, while a step runs


def epoch_rows(count: int, batch_size: int, key: Any, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The examples of an epoch in the order of its key: full batches (steps, batch_size), and the rest (1, remaining).

    The rest has no row where the batches come out even.
    """
    order = random.generator(random.fold_in(random.fold_in(key, ORDERS), epoch)).permutation(count).astype(np.int32)
    full = count // batch_size * batch_size
    rest = order[full:]
    return order[:full].reshape(-1, batch_size), rest.reshape(-1, max(len(rest), 1))


def step_keys(key: Any, steps: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The random keys of batches, (count, 2): of which step each is, and in which place among the batches of that step.

    Those in place 0 have the keys that steps of one batch have.
    """
    found = random.fold_in_each(random.fold_in(key, STEPS), steps)
    later = random.fold_in(key, LATER_BATCHES)
    for place in np.unique(places[places > 0]):
        chosen = places == place
        found[chosen] = random.fold_in_each(random.fold_in(later, place), steps[chosen])
    return found


def with_last(entries: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """(entry, whether it is the last), one entry behind."""
    iterator = iter(entries)
    for held in iterator:
        for following in iterator:
            yield held, False
            held = following
        yield held, True


def stretches(rows: np.ndarray, length: Callable[[], int], start: int = 0) -> Iterator[tuple[np.ndarray, int]]:
    """The rows in stretches of `length()` steps: -> (rows of one fixed number, how many of them count).

    start   the first row to be taken; the fixed number is that of all rows, so that it takes no other program
    """
    capacity = min(len(rows), LARGEST_CALL)
    while start < len(rows):
        taken = rows[start : start + max(1, min(capacity, length()))]
        filled = np.zeros((capacity, *rows.shape[1:]), rows.dtype)
        filled[: len(taken)] = taken
        yield filled, len(taken)
        start += len(taken)


def read_ahead(batches: Iterable[Any], prepare: Callable[[Any], Any]) -> Iterator[Any]:
    """`prepare(batch)` for each batch, prepared by a thread while the caller works on the ones before."""
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=READ_AHEAD)
    done = threading.Event()

    def offer(kind: str, entry: Any) -> None:
        while not done.is_set():
            try:
                return ready.put((kind, entry), timeout=0.1)
            except queue.Full:
                continue

    def read() -> None:
        try:
            for batch in batches:
                if done.is_set():
                    return
                offer("batch", prepare(batch))
            offer("end", None)
        except BaseException as error:
            offer("error", error)

    threading.Thread(target=read, name="madi-read-ahead", daemon=True).start()
    try:
        while (item := ready.get())[0] == "batch":
            yield item[1]
        if item[0] == "error":
            raise item[1]
    finally:
        done.set()


def first_of(batches: Iterable[Any]) -> Any:
    """The first batch of a stream, without using up a stream that can be read once only.

    Raises DataError where there is none, or where looking at it would lose it.
    """
    iterator = iter(batches)
    if iterator is batches:
        raise DataError(
            "data: a generator can be gone through only once, and every epoch goes through the data. "
            "Pass a list of batches, or an object whose __iter__ starts anew."
        )
    for batch in iterator:
        return batch
    raise DataError("data: the iterable of batches is empty; expected batches (x, y).")
