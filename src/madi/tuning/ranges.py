"""Ranges of hyperparameters: what a value may be, how one is drawn, and how a range narrows around good values.

ranges = {"learning_rate": LogUniform(1e-6, 1e-2), "dropout": Uniform(0, 0.5), "hidden": Choice((50,), (100, 100))}
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from madi.errors import ConfigurationError, unknown_name
from madi.kernels import random
from madi.options import FINITE, POSITIVE, Options, checked_option, is_whole, option

TUNING = 0x74756E65  # "tune": a key apart from those of the weights and of the order of the examples

EDGE = 0.05  # of a range: values so near to its end say that better ones may lie beyond


class Range(Options):
    """Base of the ranges: a frozen dataclass that draws values and narrows."""

    def draw(self, generator: np.random.Generator) -> Any:
        """One value."""
        raise NotImplementedError(f"{type(self).__name__}: a range defines draw(generator).")

    def narrowed(self, good: Sequence[Any], others: Sequence[Any]) -> Self:
        """The range around the good values, as far as the others that were tried allow, and within this one."""
        raise NotImplementedError(f"{type(self).__name__}: a range defines narrowed(good, others).")

    def __str__(self) -> str:
        raise NotImplementedError(f"{type(self).__name__}: a range says what it is in words.")


@dataclass(frozen=True)
class Between(Range):
    """Numbers from `low` to `high`."""

    low: Any
    high: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < self.high:
            raise ConfigurationError(
                f"{type(self).__name__}: low must be below high, got {self.low:g} and {self.high:g}. Swap them, or "
                "give the option as one value."
            )

    def to_scale(self, value: float) -> float:
        """Where a value lies on the scale on which it is drawn evenly."""
        return float(value)

    def from_scale(self, place: float) -> float:
        """The value at a place on that scale."""
        return place

    def draw(self, generator: np.random.Generator) -> Any:
        """A value, even over the scale."""
        place = generator.uniform(self.to_scale(self.low), self.to_scale(self.high))
        return self._within(self.from_scale(place))

    def narrowed(self, good: Sequence[Any], others: Sequence[Any]) -> Self:
        """From the nearest of the others below all the good values to the nearest above them.

        Where none of the others lies beyond, the range keeps its end: nobody knows yet what is there.
        """
        low = max((value for value in others if value < min(good)), default=self.low)
        high = min((value for value in others if value > max(good)), default=self.high)
        return dataclasses.replace(self, low=max(low, self.low), high=min(high, self.high))

    def end_near(self, value: Any) -> str:
        """ "lower" or "upper" for a value within a twentieth of the range from that end, else ""."""
        low, high, place = (self.to_scale(number) for number in (self.low, self.high, value))
        share = (place - low) / (high - low)
        return "lower" if share < EDGE else "upper" if share > 1 - EDGE else ""

    def _within(self, value: Any) -> Any:
        return min(max(value, self.low), self.high)

    def __str__(self) -> str:
        return f"{self.low:.2g} to {self.high:.2g}"


@dataclass(frozen=True)
class Uniform(Between):
    """Numbers from `low` to `high`, all equally likely."""

    low: float = option(FINITE)
    high: float = option(FINITE)


@dataclass(frozen=True)
class LogUniform(Between):
    """Positive numbers from `low` to `high` whose logarithm is uniform: each power of ten is equally likely.

    Right for what acts by factors: learning rates, weight decay.
    """

    low: float = option(POSITIVE, fix="The logarithm of 0 is infinite: begin at a small number, such as 1e-8.")
    high: float = option(POSITIVE)

    def to_scale(self, value: float) -> float:
        """The logarithm to base 10."""
        return math.log10(value)

    def from_scale(self, place: float) -> float:
        """10 to that power."""
        return 10.0**place


def _whole() -> Any:
    def check(owner: Any, where: str, value: Any) -> int:
        if not is_whole(value):
            raise ConfigurationError(f"{where} must be a whole number, got {value!r}. Take Uniform for other numbers.")
        return int(value)

    return checked_option(check)


@dataclass(frozen=True)
class Integer(Between):
    """Whole numbers from `low` to `high`, both included, all equally likely."""

    low: int = _whole()
    high: int = _whole()

    def draw(self, generator: np.random.Generator) -> int:
        """A whole number."""
        return int(generator.integers(self.low, self.high, endpoint=True))

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


@dataclass(frozen=True, init=False)
class Choice(Range):
    """One of some options, all equally likely: Choice("relu", "tanh").  They are told apart by their text."""

    options: tuple[Any, ...]

    def __new__(cls, *options: Any) -> Self:
        """The base would take options for arguments by keyword."""
        return object.__new__(cls)

    def __init__(self, *options: Any) -> None:
        object.__setattr__(self, "options", tuple(_as_tuple(entry) for entry in options))
        texts = self.texts()
        if not texts:
            raise ConfigurationError("Choice: expected options, got none. Write Choice('relu', 'tanh').")
        if twice := [text for text in texts if texts.count(text) > 1]:
            raise ConfigurationError(f"Choice: the option {twice[0]} is there twice. Leave one of them out.")

    def texts(self) -> list[str]:
        """The options in words."""
        return [text(entry) for entry in self.options]

    def option(self, name: str) -> Any:
        """The option that reads so."""
        return self.options[self.texts().index(name)]

    def draw(self, generator: np.random.Generator) -> Any:
        """One of the options."""
        return self.options[int(generator.integers(len(self.options)))]

    def narrowed(self, good: Sequence[Any], others: Sequence[Any]) -> Self:
        """The options among the good values, and those that were never tried."""
        kept, tried = ({text(value) for value in values} for values in (good, [*good, *others]))
        return type(self)(*[entry for entry in self.options if text(entry) in kept or text(entry) not in tried])

    def __str__(self) -> str:
        return " | ".join(self.texts())


Ranges = dict[str, Range]
KINDS: dict[str, type[Range]] = {kind.__name__.lower(): kind for kind in (LogUniform, Uniform, Integer, Choice)}


def text(value: Any) -> str:
    """A value in words: 100,100 for the sizes (100, 100), 0.00123 for a number."""
    if isinstance(value, tuple):
        return ",".join(map(text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _as_tuple(entry: Any) -> Any:
    """A list as a tuple: it comes so from a file."""
    return tuple(entry) if isinstance(entry, list) else entry


def expect_ranges(ranges: Mapping[str, Any]) -> Ranges:
    """The ranges of a search; ConfigurationError unless each is one, with something to choose from."""
    if not isinstance(ranges, Mapping) or not ranges:
        raise ConfigurationError(
            f'ranges: expected {{"learning_rate": LogUniform(1e-6, 1e-2), ...}}, got {ranges!r}. Name what to tune.'
        )
    for name, entry in ranges.items():
        if not isinstance(entry, Range):
            raise ConfigurationError(
                f"range of {name}: expected LogUniform, Uniform, Integer or Choice, got {entry!r}."
            )
        expect_choice(entry)
    return dict(ranges)


def expect_choice(entry: Range) -> Range:
    """The range; ConfigurationError for a choice of one option.  (A narrowed one may come down to that.)"""
    if isinstance(entry, Choice) and len(entry.options) < 2:
        raise ConfigurationError(
            f"a choice needs at least two options, got only {entry}. Give it as one value, without a range."
        )
    return entry


def draw(ranges: Ranges, *, seed: int, number: int) -> dict[str, Any]:
    """The values of trial `number`: the same for the same seed, number and ranges, whatever was drawn before."""
    generator = random.generator(random.fold_in(random.fold_in(random.key(seed), TUNING), number))
    return {name: entry.draw(generator) for name, entry in ranges.items()}


def narrowed(ranges: Ranges, good: Iterable[Mapping[str, Any]], others: Iterable[Mapping[str, Any]]) -> Ranges:
    """Each range around the values that it has in the good trials; as it is where there are none."""
    best, rest = list(good), list(others)
    if not best:
        return ranges
    return {name: entry.narrowed([values[name] for values in best], [values[name] for values in rest])
            for name, entry in ranges.items()}  # fmt: skip


def to_plain(entry: Range) -> dict[str, Any]:
    """A range as plain values: {"kind": "uniform", "low": 0.0, "high": 0.5}."""
    return {"kind": type(entry).__name__.lower(), **vars(entry)}


def from_plain(plain: Mapping[str, Any]) -> Range:
    """The range that `to_plain` wrote.  Raises UnknownNameError for another kind."""
    kind, values = plain.get("kind"), {name: value for name, value in plain.items() if name != "kind"}
    if kind not in KINDS:
        raise unknown_name("kind of range", kind, KINDS)
    return Choice(*values["options"]) if kind == "choice" else KINDS[str(kind)](**values)
