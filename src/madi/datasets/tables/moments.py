"""Mean and deviation of numbers that come in pieces."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass
class Moments:
    """How many numbers there were, their mean, Σ (x - mean)², and the smallest and largest.

    Pieces are joined as by Chan, Golub and LeVeque ("Updating formulae and a pairwise algorithm for computing sample
    variances", 1979): nothing is lost where the mean is large beside the deviation.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, numbers: np.ndarray) -> None:
        """Take in a piece: float64, (n,), all finite."""
        if not len(numbers):
            return
        mean = float(numbers.mean())
        apart = numbers - mean
        mean += float(apart.mean())  # what rounding the first mean left
        squares = float(np.square(apart, out=apart).sum())
        self._join(Moments(len(numbers), mean, squares, float(numbers.min()), float(numbers.max())))

    def _join(self, other: Moments) -> None:
        count, apart = self.count + other.count, other.mean - self.mean
        self.mean += apart * (other.count / count)
        self.squares += other.squares + apart * apart * (self.count * other.count / count)
        self.count, self.low, self.high = count, min(self.low, other.low), max(self.high, other.high)

    @property
    def constant(self) -> bool:
        """Whether all were the same, or there was none."""
        return not self.low < self.high

    @property
    def deviation(self) -> float:
        """√(Σ (x - mean)² / n), of all of them as they are; 1 where they are the same, so that it can be divided by."""
        deviation = 0.0 if self.constant else math.sqrt(self.squares / self.count)
        return deviation if deviation > 0 else 1.0
