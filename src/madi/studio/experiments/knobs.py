"""What turns a parameter: a slider with its stops, words to choose from, a switch, or a field to type into."""

from __future__ import annotations

import math
import re
from enum import Enum
from typing import Any

from madi.lab import Number, Switch
from madi.lab.framework.parameters import Parameter

ENDLESS = 2**31 - 1  # the highest seed: among so many numbers no slider helps
FEW = 100  # whole numbers, each of which is a stop
STOPS = 100  # of an even slider, about
REACH = 1000.0  # times the default, up and down: as far as a slider by decades goes
SHAPE = re.compile(r"\d x (\d)")
MANTISSAS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
WIDE = 40.0  # from here on a range is walked by decades


class Kind(Enum):
    """The forms of a knob."""

    SLIDER = "slider"  # with a field beside it for every other value
    FIELD = "field"  # one number among very many: a seed
    LIST = "list"  # numbers, as many as one likes, with commas between them
    CELLS = "cells"  # numbers, just so many
    CHOICE = "choice"  # one of some words
    WORDS = "words"  # some of some words
    SWITCH = "switch"  # yes or no


def kind(parameter: Parameter) -> Kind:
    """The form of the knob of a parameter."""
    if isinstance(parameter.rule, Switch):
        return Kind.SWITCH
    if not isinstance(parameter.rule, Number):
        return Kind.WORDS if parameter.several else Kind.CHOICE
    if parameter.several:
        return Kind.CELLS if parameter.rule.length else Kind.LIST
    return Kind.FIELD if parameter.rule.high >= ENDLESS else Kind.SLIDER


def stops(parameter: Parameter) -> tuple[Any, ...]:
    """The values at which the slider of a number stops, rising; the usual ones are among them.

    Even steps where the range is small or holds negative numbers, else 1, 1.2, 1.5, 2, ... of each decade: and no
    farther from the default than anybody would drag.  The field beside the slider takes the rest of the range.
    """
    rule: Any = parameter.rule
    usual = [value for value in (parameter.default, parameter.quick) if rule.low <= value <= rule.high]
    if parameter.kind is int and rule.high - rule.low <= FEW:
        return tuple(range(math.ceil(rule.low), math.floor(rule.high) + 1))
    low, high = _ends(rule, [abs(value) for value in usual])
    found = _decades(low, high) if _is_wide(rule, usual) else _even(low, high)
    kept = {parameter.kind(round(value) if parameter.kind is int else value) for value in (*found, *usual)}
    zero = {parameter.kind(0)} if rule.low == 0 else set()
    return tuple(sorted(value for value in kept | zero if rule.low <= value <= rule.high))


def nearest(stops: tuple[Any, ...], value: float) -> int:
    """The place of the stop that is nearest to a value."""
    return min(range(len(stops)), key=lambda place: abs(stops[place] - value))


def _is_wide(rule: Number, usual: list[float]) -> bool:
    """Whether sizes matter more than differences."""
    if rule.low < 0:
        return False
    return max(usual) <= rule.high / WIDE if rule.low == 0 else rule.high / rule.low >= WIDE


def _ends(rule: Number, usual: list[float]) -> tuple[float, float]:
    """From where to where the slider goes."""
    largest, smallest = max(usual), min([value for value in usual if value] or [1.0])
    if rule.low < 0:
        far = 10 * max(largest, 1.0)
        return max(rule.low, -far), min(rule.high, far)
    return max(rule.low, smallest / REACH if _is_wide(rule, usual) else 0), min(rule.high, max(largest, 1e-9) * REACH)


def _decades(low: float, high: float) -> list[float]:
    """Round numbers from low to high, both included, as far apart as they are large."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [_clean(mantissa * 10.0**exponent) for exponent in exponents for mantissa in MANTISSAS]
    return [low, *(value for value in found if low < value < high), high]


def _even(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten from low to high, both included."""
    least = (high - low) / STOPS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)
    inner = (_clean(place * step) for place in range(math.ceil(low / step), math.floor(high / step) + 1))
    return [low, *(value for value in inner if low < value < high), high]


def _clean(value: float) -> float:
    """Without the last bits that a product leaves: 0.3 for 0.30000000000000004."""
    return float(f"{value:.10g}")


def columns(parameter: Parameter) -> int:
    """How many numbers of a fixed number of them stand in a row: those of a matrix ("2 x 3, row by row") as in it."""
    found = SHAPE.search(parameter.rule.text)
    return int(found[1]) if found else parameter.rule.length or 1
