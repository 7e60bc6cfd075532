"""What `load` returns: examples and labels, split into training and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Examples `x`, (N, ...), and their labels `y`, (N,); unpacks as the pair (x, y) that `Trainer.fit` takes."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A dataset by name.

    name      as given to `load`
    train     examples to learn from: float32 x, images (N, H, W, C) in 0..1; int32 labels y
    test      examples kept for the final measurement
    classes   the name of each label: label 3 means classes[3]
    notice    what a reader of the results must know about these data; empty as a rule
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    notice: str = ""

    def __repr__(self) -> str:
        sizes = f"{len(self.train.x)} training and {len(self.test.x)} test examples of shape {self.train.x.shape[1:]}"
        return f"<Dataset '{self.name}': {sizes}, {len(self.classes)} classes>{self.notice and ' ' + self.notice}"
