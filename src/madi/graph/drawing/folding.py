"""Repeated blocks: runs of the computation in which the same sequence of nodes recurs, each fed by the one before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.graph.trace import symbol_of
from madi.graph.variable import Function, Variable

LONGEST_BLOCK = 200
FEWEST_HIDDEN = (
    3  # a frame that hides fewer nodes costs more room than it saves; in large graphs a hundredth of them is
)

Word = tuple[tuple[Any, ...], tuple[tuple[Any, ...], ...]]  # what a node is, where its inputs come from


@dataclass(frozen=True)
class Fold:
    """Nodes start .. start + length - 1, which recur `times` times in a row."""

    start: int
    length: int
    times: int

    @property
    def end(self) -> int:
        return self.start + self.length * self.times

    @property
    def hides(self) -> int:
        return self.length * (self.times - 1)

    def shown(self, index: int) -> int:
        """The node that is drawn for node `index` of the run."""
        return self.start + (index - self.start) % self.length


def find_folds(nodes: list[Function]) -> list[Fold]:
    """The folds of `nodes` (in the order of computation), in that order; the one that hides most is taken first.

    Two nodes are the same when their class, symbol and output shapes are, and their inputs come from equally far back.
    """
    fewest = max(FEWEST_HIDDEN, len(nodes) // 100)
    words = _words(nodes)
    tokens = _interned(words)
    folds, open_spans = [], [(0, len(nodes))]
    while open_spans:
        low, high = open_spans.pop()
        fold = _best(words[low:high], tokens[low:high], fewest)
        if fold is not None:
            folds.append(Fold(fold.start + low, fold.length, fold.times))
            open_spans += [(low, fold.start + low), (fold.end + low, high)]
    return sorted(folds, key=lambda fold: fold.start)


def _best(words: list[Word], tokens: np.ndarray, fewest: int) -> Fold | None:
    lengths = range(1, min(LONGEST_BLOCK, len(tokens) // 2) + 1)
    found = [fold for length in lengths for fold in _repeats(words, tokens, length) if fold.hides >= fewest]
    return max(found, key=lambda fold: (fold.hides, -fold.length, -fold.start), default=None)


def _repeats(words: list[Word], tokens: np.ndarray, length: int) -> Iterator[Fold]:
    """Where tokens[i] == tokens[i + length] holds for at least `length` indices in a row, a block recurs."""
    same = np.concatenate([[False], tokens[:-length] == tokens[length:], [False]])
    edges = np.flatnonzero(same[1:] != same[:-1]).tolist()
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        first = _earlier(words, start, length)
        if end - first >= length:
            yield _begun_at_a_layer(words, Fold(first, length, (end - first) // length + 1), (end - first) % length)


def _earlier(words: list[Word], start: int, length: int) -> int:
    """The first block may differ from the others in reading leaves where they read the block before them."""
    first = start
    while first > max(0, start - length) and _alike(words[first - 1], words[first - 1 + length]):
        first -= 1
    # an input that the others take from within their own block must be taken so in the first one, too
    within = any(_leaf_for_node(words[i], words[i + length], i - first) for i in range(first, start))
    return start if within else first


def _alike(first: Word, second: Word) -> bool:
    if first[0] != second[0] or len(first[1]) != len(second[1]):
        return False
    pairs = zip(first[1], second[1], strict=True)
    return all(a == b or (a[0] == "leaf" and b[0] == "node") for a, b in pairs)


def _leaf_for_node(first: Word, second: Word, depth: int) -> bool:
    pairs = zip(first[1], second[1], strict=True)
    return any(a[0] == "leaf" and b[0] == "node" and b[1] <= depth for a, b in pairs)


def _begun_at_a_layer(words: list[Word], fold: Fold, spare: int) -> Fold:
    """Of the rotations that repeat equally often, the first that begins with a node that reads a leaf: a layer."""
    starts = range(fold.start, fold.start + spare + 1)
    reads = (start for start in starts if any(origin[0] == "leaf" for origin in words[start][1]))
    return Fold(next(reads, fold.start), fold.length, fold.times)


def _words(nodes: list[Function]) -> list[Word]:
    """What makes a node the same as another: what it is, and per input how far back it comes from, or which leaf."""
    place = {node: index for index, node in enumerate(nodes)}
    readers = Counter(entry for node in nodes for entry in node.inputs if entry.creator is None)
    last_read: dict[Variable, int] = {}
    words = []
    for index, node in enumerate(nodes):
        shapes = tuple(shape for shape, _ in node.output_shapes)
        inputs = tuple(_origin(entry, index, place, readers, last_read) for entry in node.inputs)
        words.append(((type(node), symbol_of(node), shapes), inputs))
    return words


def _origin(
    entry: Variable,
    index: int,
    place: dict[Function, int],
    readers: Counter[Variable],
    last_read: dict[Variable, int],
) -> tuple[Any, ...]:
    if entry.creator is not None:
        return "node", index - place[entry.creator], entry.output_index
    back = index - last_read.get(entry, index)
    last_read[entry] = index
    return "leaf", entry.shape, back if readers[entry] > 1 else 0


def _interned(words: list[Word]) -> np.ndarray:
    numbers: dict[Word, int] = {}
    return np.array([numbers.setdefault(word, len(numbers)) for word in words], dtype=np.int64)
