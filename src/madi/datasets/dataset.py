"""What `load` and its kin return: examples and targets, split into training, validation and test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from madi.datasets.preparation import Preparation


class Split(NamedTuple):
    """Examples `x`, (N, ...), and their targets `y`, (N,) or (N, targets); unpacks as what `Trainer.fit` takes."""

    x: np.ndarray
    y: np.ndarray


class Weighted(NamedTuple):
    """Examples and targets as of a `Split`, and how much each counts, `weight` (N,)."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray


class Batches(ABC):
    """Examples that come in batches because all at once would not fit into memory; `Trainer.fit` takes it as data.

    count        examples of one pass
    batch_size   examples of a batch; the last one may be smaller
    shape        of one example
    """

    count: int
    batch_size: int
    shape: tuple[int, ...]

    @abstractmethod
    def __iter__(self) -> Iterator[Split | Weighted]:
        """One pass over all examples, each time from the beginning; with weights, where the examples have some."""

    @abstractmethod
    def set_epoch(self, epoch: int) -> None:
        """The order of the next pass: the same epoch, counted from 0, and seed give the same order."""


Part = TypeVar("Part", Split, Batches)


def size_of(part: Split | Batches) -> tuple[tuple[int, ...], int]:
    """(shape of one example, number of examples)."""
    return (part.shape, part.count) if isinstance(part, Batches) else (part.x.shape[1:], len(part.x))


@dataclass(frozen=True, eq=False, repr=False)
class Divided(Generic[Part]):
    """A dataset by name, or one's own, in parts.

    name          as given to `load`
    train         examples to learn from: float32 x, images (N, H, W, C) in 0..1; y are int32 labels of classes, or
                  float32 numbers (N, targets)
    test          examples kept for the final measurement
    classes       the name of each label: label 3 means classes[3]; () where the targets are numbers
    notice        what a reader of the results must know about these data; empty as a rule
    validation    examples kept for choosing, where the loader has kept some
    preparation   how raw rows or pictures became x; what the model's file keeps, so that new ones become x alike
    names         of the examples of "test" and "validation", where they have some: the files of pictures
    """

    name: str
    train: Part
    test: Part
    classes: tuple[str, ...]
    notice: str = ""
    validation: Part | None = None
    preparation: Preparation | None = None
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        (shape, count), (_, tested) = size_of(self.train), size_of(self.test)
        sizes = f"{count} training and {tested} test examples of shape {shape}"
        notice = self.notice and f" {self.notice}"
        return f"<{type(self).__name__} '{self.name}': {sizes}, {len(self.classes)} classes>{notice}"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Divided[Split]):
    """A dataset whose parts are arrays.  See `Divided`.

    weight        of each training example, (N,), where there are weights
    """

    weight: np.ndarray | None = None


@dataclass(frozen=True, eq=False, repr=False)
class StreamedDataset(Divided[Batches]):
    """One's own data, larger than memory: parts that are gone through in batches.  See `Divided`."""
