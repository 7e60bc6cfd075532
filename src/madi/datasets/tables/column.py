"""What a column is to a network: a base for those that are fitted, and what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl

from madi.datasets.tables.encoding import Encoded, Planes
from madi.datasets.tables.plain import Rule, expect
from madi.datasets.tables.values import Place, Values, settled
from madi.errors import DataError

MISSING_VALUE, OTHER_VALUE = "(missing)", "(other)"


@dataclass(frozen=True)
class Column(ABC):
    """A column of the table.  Its fields are plain numbers and texts: what a model's file keeps.

    name      of the column
    names     of its features
    missing   whether training rows lacked its value, so that a feature says where it is missing
    """

    kind: ClassVar[str]
    rules: ClassVar[dict[str, Rule]]

    name: str
    missing: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its features."""
        flag = (f"{self.name} {MISSING_VALUE}",) if self.missing else ()
        return (*self.known_names, *flag)

    @property
    @abstractmethod
    def known_names(self) -> tuple[str, ...]:
        """The names of its features, but for the one that says where it is missing."""

    @property
    @abstractmethod
    def detail(self) -> str:
        """How it becomes features, in words."""

    @property
    def table_sizes(self) -> tuple[int, int] | None:
        """(categories, size) of the table of vectors in which the network looks it up; None where it does not."""
        return None

    def encode(self, series: pl.Series, place: Place, notices: list[str]) -> Encoded:
        """Its features for the values of `series`.

        place      tells where the value of a row stands
        notices    takes a line for what the reader must know

        Raises DataError for values that it cannot hold, with their place.
        """
        return self.encode_settled(settled(series.rename(self.name)), place, notices)

    @abstractmethod
    def encode_settled(self, series: pl.Series, place: Place, notices: list[str]) -> Encoded:
        """`encode` of a column in one of the types that `settled` gives."""

    def to_config(self) -> dict[str, Any]:
        """Kind and fields as plain JSON values."""
        return {"kind": self.kind, **asdict(self)}

    def check(self) -> None:
        """Raise ValueError where fields contradict each other."""
        expect(bool(self.name), "a column with a name", self.name)

    def planes(self, features: list[np.ndarray], missing: np.ndarray | None, notices: list[str]) -> Planes:
        """The features with their flag of missing values; a notice where training knew of none."""
        if missing is not None and not self.missing:
            notices.append(
                f"column '{self.name}': {counted(int(missing.sum()), 'value is', 'values are')} missing, of which the "
                "training rows lacked none: filled with the mean."
            )
        if self.missing:
            features.append(np.zeros(len(features[0]), bool) if missing is None else missing)
        return Planes(features)

    def _filled(self) -> str:
        return "; missing ones filled with it, and marked" if self.missing else ""


def standardised(values: Values, mean: float, deviation: float, series: pl.Series, place: Place) -> np.ndarray:
    """(x - mean) / deviation as float32, computed in float64; 0 where the value is missing.

    Raises DataError for a value so far from the others that float32 has no number for it.
    """
    scaled = values.numbers - mean
    scaled /= deviation
    with np.errstate(over="ignore"):
        features = scaled.astype(np.float32)
    if values.missing is not None:
        features[values.missing] = 0
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(features.sum()) or np.isfinite(features).all()
    if not finite:
        row = int((~np.isfinite(features)).argmax())
        raise DataError(
            f"{place(row)}: {series[row]} in column '{series.name}' is too far from its mean {mean:.6g} for float32. "
            "Mend it, or leave the field empty if the value is not known."
        )
    return features


def counted(number: int, one: str, several: str) -> str:
    """
    >>> counted(1, "row", "rows"), counted(2, "row", "rows")
    ('1 row', '2 rows')
    """
    return f"{number} {one if number == 1 else several}"
