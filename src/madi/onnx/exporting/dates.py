"""Dates as seconds, and the parts of a date by arithmetic: ONNX has no calendar."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.onnx.exporting.writer import Tensor, Writer

SECONDS = 86400.0  # of a day


class Doubles:
    """Arithmetic in float64."""

    def __init__(self, write: Writer) -> None:
        self.write = write

    def __call__(self, kind: str, *values: Tensor | float) -> Tensor:
        """One node; numbers become constants."""
        tensors = [self.double(value) for value in values]
        shape = next(tensor.shape for tensor in tensors if tensor.known is None)
        return self.write(kind, *tensors, shape=shape, dtype="float64")

    def double(self, value: Any) -> Tensor:
        """The value as float64."""
        if isinstance(value, Tensor):
            return self.write.cast(value, "float64")
        return Tensor((), "float64", known=np.array(value, np.float64))

    def quotient(self, x: Tensor, divisor: float) -> Tensor:
        """x over a number, rounded down."""
        return self("Floor", self("Div", x, divisor))

    def rest(self, x: Tensor, divisor: float) -> Tensor:
        """What is left of x after that."""
        return self("Sub", x, self("Mul", self.quotient(x, divisor), divisor))


def part_of(doubles: Doubles, seconds: Tensor, part: str) -> Tensor:
    """How far moments are in their round: months from 0, weekdays from 0 (Monday), seconds of the day."""
    if part == "time":
        return doubles.rest(seconds, SECONDS)
    days = doubles.quotient(seconds, SECONDS)
    return doubles.rest(doubles("Add", days, 3), 7) if part == "weekday" else month_of(doubles, days)


def month_of(doubles: Doubles, days: Tensor) -> Tensor:
    """The month, from 0, of days since 1970.

    The years begin in March, so that a leap day is the last of its year; they come round after 400 of them, 146,097
    days.  Source: Hinnant, "chrono-compatible low-level date algorithms", 2021.
    """
    day = doubles.rest(doubles("Add", days, 719468), 146097)
    leaps = doubles("Sub", doubles.quotient(day, 36524), doubles.quotient(day, 1460))
    leaps = doubles("Sub", leaps, doubles.quotient(day, 146096))
    year = doubles.quotient(doubles("Add", day, leaps), 365)
    of_years = doubles("Add", doubles("Mul", year, 365), doubles.quotient(year, 4))
    of_year = doubles("Sub", day, doubles("Sub", of_years, doubles.quotient(year, 100)))
    month = doubles.quotient(doubles("Add", doubles("Mul", of_year, 5), 2), 153)
    return doubles.rest(doubles("Add", month, 2), 12)
