"""What stands behind a number: terms with their factors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Index = tuple[int, ...]


@dataclass(frozen=True)
class Term:
    """One summand: what it is called, and the numbers whose product it is."""

    label: str
    factors: tuple[float, ...]

    @property
    def value(self) -> float:
        """Its factors multiplied."""
        return float(np.prod(self.factors))


@dataclass(frozen=True)
class Behind:
    """What stands behind a number.

    name       "y[0, 3]"
    value      the number itself, as the run has it
    equation   of its node, as text; "" where it states none
    put_in     the equation with the numbers; "" where terms say it
    terms      largest first; () where there are none
    joint      how terms come together: "sum", "max"
    of         what the terms add up to, where that is not the number itself: "Σ exp(x)"
    pictures   (what, matrix): of a convolution the window, the kernel and their product, for the channel `channel`
    """

    name: str
    value: float
    equation: str = ""
    put_in: str = ""
    terms: tuple[Term, ...] = ()
    joint: str = "sum"
    of: str = ""
    pictures: tuple[tuple[str, np.ndarray], ...] = ()
    channel: int | None = None

    @property
    def total(self) -> float:
        """The terms added up in float64."""
        return float(sum(term.value for term in self.terms))


def named(name: str, index: Index) -> str:
    """ "y[0, 3]"; the name alone for a single number."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def largest_first(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Terms by size, whatever their sign."""
    return tuple(sorted(terms, key=lambda term: -abs(term.value)))
