"""The examples that are most alike: all distances by one matrix product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Neighbour:
    """An example: its number, how far it is, and its label."""

    index: int
    distance: float
    label: int


class Nearest:
    """Points (N, d) with labels (N,), and those among them nearest to another.

    |a - b|² = |a|² - 2 a·b + |b|²: the squares are known, and a·b of all points is one product (N, d) by (d,).
    """

    def __init__(self, points: np.ndarray, labels: np.ndarray) -> None:
        self.points = np.ascontiguousarray(points, np.float32)
        self.labels = np.asarray(labels)
        self.squares = np.einsum("nd,nd->n", self.points, self.points)

    def __call__(self, point: np.ndarray, count: int) -> list[Neighbour]:
        """The `count` nearest to `point` (d,), the nearest first; of equally near ones the first."""
        flat = np.asarray(point, np.float32).reshape(-1)
        squares = self.squares - 2 * (self.points @ flat) + flat @ flat
        count = min(count, len(squares))
        chosen = np.argpartition(squares, count - 1)[:count] if count else np.arange(0)
        ordered = chosen[np.lexsort((chosen, squares[chosen]))]
        distances = np.sqrt(np.maximum(squares[ordered], 0))
        return [
            Neighbour(int(index), float(distance), int(self.labels[index]))
            for index, distance in zip(ordered, distances, strict=True)
        ]
