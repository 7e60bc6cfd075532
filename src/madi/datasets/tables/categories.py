"""Columns of categories: a feature for each value, or a number by which the network looks a vector up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from madi.datasets.tables.column import MISSING_VALUE, OTHER_VALUE, Column, counted
from madi.datasets.tables.encoding import Encoded, OneHot, Planes
from madi.datasets.tables.plain import FLAG, TEXT, TEXTS, WHOLE_OR_NONE, expect
from madi.datasets.tables.values import Place, as_texts, shown


@dataclass(frozen=True)
class CategoryColumn(Column):
    """A feature for each value, 1 where the row has it; or, with a size, one feature that is the number of the value.

    values    that have a feature, or a number, of their own
    missing   whether "missing" is a value too: it stands after them
    other     whether training rows had further values, too rare for a feature of their own: they share one, the last
    size      of the vectors that the network looks up; None for a feature a value
    text      whether the training file held texts, which are compared letter by letter: 1.10 is not 1.1

    A value that is not among them is taken as other; where there is no other, all its features are 0.  In a column
    that is looked up 0 is the number of other, 1 that of the first value.
    """

    kind = "category"
    rules: ClassVar = {
        "name": TEXT,
        "missing": FLAG,
        "values": TEXTS,
        "other": FLAG,
        "size": WHOLE_OR_NONE,
        "text": FLAG,
    }

    values: tuple[str, ...]
    other: bool
    size: int | None
    text: bool

    def check(self) -> None:
        """Values that differ, and at least one."""
        super().check()
        expect(len(set(self.values)) == len(self.values) > 0, "values that differ", self.values)

    @property
    def names(self) -> tuple[str, ...]:
        """One a value, or its own where the network looks it up."""
        return self.known_names

    @property
    def known_names(self) -> tuple[str, ...]:
        """One a value, or its own where the network looks it up."""
        if self.size is not None:
            return (self.name,)
        more = [MISSING_VALUE] * self.missing + [OTHER_VALUE] * self.other
        return tuple(f"{self.name}={value}" for value in (*self.values, *more))

    @property
    def detail(self) -> str:
        """The values, and how they become features."""
        first = ", ".join(map(shown, self.values[:5])) + ", ..." * (len(self.values) > 5)
        more = " and missing" * self.missing + " and others" * self.other
        form = "a feature each" if self.size is None else f"a vector of {self.size} each"
        return f"{counted(len(self.values), 'value', 'values')} ({first}){more}, {form}"

    @property
    def table_sizes(self) -> tuple[int, int] | None:
        """A row for other, one for each value, and one for missing."""
        return None if self.size is None else (1 + len(self.values) + self.missing, self.size)

    def encode_settled(self, series: pl.Series, place: Place, notices: list[str]) -> Encoded:
        """The code of each row: as ones among zeros, or as it is."""
        texts = as_texts(series)
        codes = self.codes(texts)
        if not self.other and (codes < 0).any():
            notices.append(self._unseen(texts.filter(pl.Series(codes < 0))))
        if self.size is not None:
            last = len(self.values) + self.missing
            return Planes([np.where(codes < last, codes + 1, 0).astype(np.float32)])
        return OneHot(codes, len(self.known_names))

    def codes(self, texts: pl.Series) -> np.ndarray:
        """The place of each text among the values, then missing, then other; -1 where it has none."""
        found = texts.cast(pl.Enum(self.values), strict=False).to_physical().cast(pl.Int32)
        codes = found.fill_null(len(self.values) + self.missing if self.other else -1).to_numpy()
        if self.missing and texts.null_count():
            codes = np.where(texts.is_null().to_numpy(), np.int32(len(self.values)), codes)
        return codes

    def _unseen(self, texts: pl.Series) -> str:
        counts = texts.fill_null(MISSING_VALUE).value_counts(sort=True, name="rows")
        first = [f"{shown(value)} ({counted(rows, 'row', 'rows')})" for value, rows in counts.head(5).rows()]
        more = f" and {len(counts) - 5} more values" if len(counts) > 5 else ""
        return (
            f"column '{self.name}': {', '.join(first)}{more}, of which the training rows had none: taken as none of "
            "its values."
        )
