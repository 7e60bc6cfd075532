"""Random raw rows of a table, for which the graph must say what madi says."""

from __future__ import annotations

import numpy as np
import polars as pl

from madi.datasets.tables import TablePreparation
from madi.datasets.tables.categories import CategoryColumn
from madi.datasets.tables.column import Column
from madi.datasets.tables.columns import BooleanColumn, DateColumn
from madi.datasets.tables.encoding import features_of
from madi.datasets.tables.values import Place
from madi.onnx.exporting.columns import type_of
from madi.onnx.exporting.dates import SECONDS


def raw_rows(preparation: TablePreparation, count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What the graph takes, by column, for `count` rows; and their features as the preparation makes them.

    Missing values are among them, and texts that no training row had.
    """
    draw = np.random.default_rng(0)
    place = Place(lambda row: f"row {row + 1}")
    feeds, encoded = {}, []
    for column in preparation.fitted:
        raw = _drawn(column, draw, count)
        feeds[column.name] = raw[:, None]
        encoded.append(column.encode(_series(column, raw), place, []))
    return feeds, features_of(encoded, None, count, len(preparation.names))


def _drawn(column: Column, draw: np.random.Generator, count: int) -> np.ndarray:
    """Values as the column's input takes them."""
    if isinstance(column, CategoryColumn):
        return np.array(draw.choice(["", "a value that no row had", *column.values], count), object)
    if isinstance(column, BooleanColumn):
        numbers = draw.integers(0, 2, count).astype(np.float32)
    elif isinstance(column, DateColumn):
        numbers = np.floor((column.mean + column.deviation * draw.normal(size=count)) * SECONDS)
    else:
        numbers = (column.mean + column.deviation * draw.normal(size=count)).astype(type_of(column))  # type: ignore[attr-defined]
    numbers[draw.integers(count)] = np.nan
    return numbers


def _series(column: Column, raw: np.ndarray) -> pl.Series:
    """The same values as a table would have them."""
    if not isinstance(column, DateColumn):
        return pl.Series(column.name, raw.tolist() if raw.dtype == object else raw)
    microseconds = pl.Series(column.name, raw * 1e6).fill_nan(None)
    return microseconds.cast(pl.Int64).cast(pl.Datetime("us"))
