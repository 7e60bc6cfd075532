"""Back from features to the row that they came from, as far as they tell it: for a reader, not for a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from madi.datasets.tables.categories import CategoryColumn
from madi.datasets.tables.column import OTHER_VALUE, Column
from madi.datasets.tables.columns import BooleanColumn, DateColumn, NumberColumn

if TYPE_CHECKING:
    from madi.datasets.tables.preparation import TablePreparation

MINUTES = 24 * 60


def original(preparation: TablePreparation, features: np.ndarray) -> dict[str, Any]:
    """{column: value} of one row from its features (N,); None where the value is missing.

    Numbers come back to the digits of float32, dates to the day, or to the minute where the time of day is a feature.
    A category without a feature of its own is "(other)"; a number that was missing, where no training row lacked one,
    is the mean that stands in for it.
    """
    places = preparation.columns
    return {column.name: _value(column, features[places[column.name]]) for column in preparation.fitted}


def _value(column: Column, features: np.ndarray) -> Any:
    if isinstance(column, CategoryColumn):
        return _category(column, features)
    if column.missing and features[-1] > 0.5:
        return None
    if isinstance(column, BooleanColumn):
        return bool(features[0] > 0.5)
    if isinstance(column, (NumberColumn, DateColumn)):
        number = float(features[0]) * column.deviation + column.mean
        return number if isinstance(column, NumberColumn) else _date(number, "time" in column.parts)
    raise TypeError(f"no way back from the features of {type(column).__name__}")


def _category(column: CategoryColumn, features: np.ndarray) -> str | None:
    """The value whose feature is 1, or whose number it is."""
    own: list[str | None] = [*column.values, *([None] if column.missing else [])]
    if column.size is not None:
        return [OTHER_VALUE, *own][int(features[0])]
    place = int(features.argmax())
    return own[place] if features[place] > 0.5 and place < len(own) else OTHER_VALUE


def _date(days: float, timed: bool) -> str:
    if timed:
        return str(np.datetime64(round(days * MINUTES), "m")).replace("T", " ")
    return str(np.datetime64(round(days), "D"))
