"""Embedding: categories become vectors that are learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import madi.functions as F
from madi import initializers
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Parameter, Variable
from madi.layers.base import Layer
from madi.options import expect_count, is_whole

SMALL = initializers.Normal(0.05)


class Embedding(Layer):
    """A vector for each category, learned: what a Dense layer without bias makes of one-hot rows, without the rows.

    forward   y  = W[x]                       (...,) whole numbers from 0 to categories - 1 -> (..., size)
    backward  gW = zeros, to which gy is added at [x]

    categories    how many there are: rows of W
    size          numbers of a vector: columns of W
    initializer   of W: a name or one of madi.initializers; default Normal(0.05), so small that a category with few
                  examples stays near the others
    spare         True: category 0 stands for what has no vector of its own.  Its vector starts at 0, and stays 0 until
                  an example has it

    x may hold floats, as a column of a table does, if they are whole numbers.  Raises DataError for one out of range,
    outside of compiled programs, which take the nearest row; ConfigurationError for sizes below 1.
    """

    def __init__(self, categories: int, size: int, *, initializer: Any = SMALL, spare: bool = False) -> None:
        self.categories = expect_count("Embedding: categories", categories, fix="Give the number of categories.")
        self.size = expect_count("Embedding: size", size, fix="Try 8.")
        self.initializer = initializers.get(initializer)
        self.spare = bool(spare)
        self.weight: Parameter = None  # type: ignore[assignment]  # made by build

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """W from the initializer, a spare category's row zeros."""
        sizes = self.categories, self.size
        weight = self.initializer(key, sizes, sizes)
        if self.spare and weight[0].any():
            weight[0] = 0
        self.weight = Parameter(weight)

    def __call__(self, x: Any) -> Variable:
        """The vectors of the categories x."""
        return F.embedding(x, self.weight, where=self.label())


class EmbedColumns(Layer):
    """Rows of a table in which some columns hold categories by number: those become vectors, the others stay.

    forward   y = [the other columns of x, in order; the vector of each category, in the order of `columns`]
              (..., features) -> (..., features - number of columns + Σ sizes)

    columns       for each of those columns (column, categories, size): its place in x from 0, and the sizes of its
                  table, an `Embedding` whose category 0 is spare (see there)
    initializer   of the tables

    The tables are called by their column in the names of parameters: "3.weight".

    Raises ShapeError where x has not the number of features that it was built for, or no such column; else as
    `Embedding`.
    """

    transparent = "tables"

    def __init__(self, columns: Sequence[tuple[int, int, int]], *, initializer: Any = SMALL) -> None:
        entries = _entries(columns)
        self.tables = {
            str(column): Embedding(categories, size, initializer=initializer, spare=True)
            for column, categories, size in entries
        }

    def __call__(self, x: Any) -> Variable:
        """The vectors beside the other columns."""
        self._expect_features(x.shape)
        places = [int(column) for column in self.tables]
        rest = [place for place in range(x.shape[-1]) if place not in places]
        kept = [F.get_item(x, (..., _stretch(rest)))] if rest else []
        vectors = [table(F.get_item(x, (..., int(column)))) for column, table in self.tables.items()]
        return F.concatenate([*kept, *vectors], axis=-1)

    def _expect_features(self, shape: tuple[int, ...]) -> None:
        built = (self.input_shape or shape)[-1:]
        last = max(int(column) for column in self.tables)
        if not shape or shape[-1:] != built or shape[-1] <= last:
            expected = f"{built[0]} features" if built and built[0] > last else f"at least {last + 1} features"
            raise ShapeError(
                f"{self.label()}: expected {expected} on the last axis, got {tuple(shape)}. Give it rows as prepared "
                "for this network, or other columns."
            )


def _entries(columns: Any) -> list[tuple[int, int, int]]:
    """The columns as they were given; ConfigurationError unless each is three whole numbers, none named twice."""
    entries = [tuple(entry) if isinstance(entry, (list, tuple)) else (entry,) for entry in columns]
    whole = all(len(entry) == 3 and all(map(is_whole, entry)) for entry in entries)
    if not entries or not whole or any(entry[0] < 0 for entry in entries):
        raise ConfigurationError(
            "EmbedColumns: expected (column, categories, size) in whole numbers for each column, such as "
            f"[(3, 12, 6)], got {columns!r}."
        )
    if len({entry[0] for entry in entries}) < len(entries):
        raise ConfigurationError(f"EmbedColumns: a column is named twice in {columns!r}. Name each once.")
    return [(int(column), int(categories), int(size)) for column, categories, size in entries]


def _stretch(places: list[int]) -> Any:
    """The places as a slice where they follow each other: no index has to be read."""
    first, last = places[0], places[-1]
    return slice(first, last + 1) if last - first + 1 == len(places) else places
