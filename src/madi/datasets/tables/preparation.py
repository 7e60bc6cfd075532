"""From the rows of a table to the array of a network: fitted on training rows, kept as plain numbers and texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from madi.datasets.preparation import Inputs, Preparation
from madi.datasets.tables.categories import CategoryColumn
from madi.datasets.tables.column import Column
from madi.datasets.tables.columns import column_from_config
from madi.datasets.tables.encoding import Encoded, features_of
from madi.datasets.tables.fitting import Fitting
from madi.datasets.tables.gathering import Dropped, Embed
from madi.datasets.tables.parts import Part, parts_of
from madi.datasets.tables.plain import LIST, TABLE, TEXT_OR_NONE, Rule, checked, expect
from madi.datasets.tables.reading import read_table
from madi.datasets.tables.table import Table
from madi.datasets.tables.targets import Target
from madi.datasets.tables.weights import weights_of
from madi.datasets.tables.written import as_written, is_text_file
from madi.errors import ConfigurationError, argument


@dataclass(frozen=True, eq=False)
class TablePreparation(Preparation):
    """How a table's columns become features: numbers standardised, categories one-hot or looked up, dates as numbers.

    fitted     the columns that features come from, in the order of the training file
    dropped    those that none comes from, and why
    goal       what is predicted
    weight     the column of the rows' weights, or None
    decimal    sign of decimals in the training file: a file of few numbers may not show its own
    reading    options that the training file was read with
    notices    what the reader of the results must know of the training rows; not kept in a file
    """

    kind: ClassVar[str] = "table"
    rules: ClassVar[dict[str, Rule]] = {
        "columns": LIST, "dropped": LIST, "target": Rule("a table", lambda value: isinstance(value, Mapping)),
        "weight": TEXT_OR_NONE, "decimal": Rule("a point or a comma", lambda value: value in (".", ",")),
        "reading": TABLE,
    }  # fmt: skip

    fitted: tuple[Column, ...]
    dropped: tuple[Dropped, ...]
    goal: Target
    weight: str | None = None
    decimal: str = "."
    reading: Mapping[str, str] | None = None
    notices: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls, tables: Table | Part | Iterable[Table | Part], *, target: Sequence[str] | str, task: str | None = None,
        kinds: Mapping[str, str] | None = None, ignore: Sequence[str] = (), embed: Embed = None,
        weight: str | None = None, reading: Mapping[str, str] | None = None,
    ) -> TablePreparation:  # fmt: skip
        """The preparation that follows from training rows, which may come in pieces; one pass over them is made.

        target    the column to predict; several are numbers
        task      "classification" or "regression"; None: texts, booleans, and at most 20 different whole numbers with
                  two rows each are classes, other numbers are numbers
        kinds     {column: "number", "category", "date", "boolean" or "text"}; others are found (see `fitting`)
        ignore    columns to leave out
        embed     category columns that the network looks up: "auto" or a number of dimensions takes those of more than
                  20 values, {column: dimensions} just these, None none
        weight    the column of the rows' weights
        reading   the options of `read_table` that prediction is to read files with

        A column whose values are all the same, all missing, or texts that nearly all differ is left out, with a notice.

        Raises DataError for values that do not fit, with their place; ConfigurationError and UnknownNameError for the
        options.
        """
        fitting = Fitting(target, task=task, kinds=kinds, ignore=ignore, embed=embed, weight=weight)
        for part in parts_of(tables):
            fitting.add(part)
        columns, dropped, goal, notices = fitting.found()
        return cls(columns, dropped, goal, weight, fitting.decimal, dict(reading or {}), notices)

    # ---- what it says

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """The name of each label; () in a regression."""
        return self.goal.classes

    @property
    def task(self) -> str:
        """ "classification" or "regression"."""
        return self.goal.task

    @property
    def target(self) -> tuple[str, ...]:  # type: ignore[override]
        """The columns that are predicted."""
        return self.goal.names

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each feature: "age", "colour=red"."""
        return tuple(name for column in self.fitted for name in column.names)

    @property
    def columns(self) -> dict[str, slice]:
        """The features of each column of the file that has some."""
        found, start = {}, 0
        for column in self.fitted:
            found[column.name] = slice(start, start + len(column.names))
            start += len(column.names)
        return found

    def describe(self) -> list[tuple[str, str, str]]:
        """(column, kind, detail) for each column of the training file: features, those left out, weight and target."""
        used = [(column.name, column.kind, column.detail) for column in self.fitted]
        unused = [(column.name, column.kind, f"left out: {column.reason}") for column in self.dropped]
        weight = [(self.weight, "weight", "of the rows")] if self.weight else []
        return [*used, *unused, *weight, *self.goal.rows()]

    @property
    def lookups(self) -> tuple[tuple[int, int, int], ...]:
        """(feature, categories, size) of each that the network looks up: what `madi.layers.EmbedColumns` takes."""
        places = self.columns
        sizes = [(places[column.name].start, column.table_sizes) for column in self.fitted]
        return tuple((place, *table) for place, table in sizes if table)

    # ---- what it does

    def inputs(self, table: Table | Part, *, notices: list[str] | None = None) -> np.ndarray:
        """The rows as features, float32 (N, features); columns are matched by name.

        notices     takes a line for each thing the reader must know: columns that are ignored, values new to training

        Raises DataError for columns that are not there, and for values that do not fit, with their place.
        """
        part, notices = self._part(table), [] if notices is None else notices
        part.expect((column.name for column in self.fitted), "the columns of the training file")
        self._tell_extra(part, notices)
        encoded = (column.encode(part.raw(column.name), part.place, notices) for column in self.fitted)
        return self._written(encoded, None, len(part))

    def drained(self, part: Part, parts: Sequence[np.ndarray], notices: list[str]) -> list[np.ndarray]:
        """The features of several parts of the rows, (rows) each, whose columns are taken and let go one by one."""
        count = len(part)
        encoded = [column.encode(part.taken(column.name), part.place, notices) for column in self.fitted]
        return [self._written(encoded, rows, count) for rows in parts]

    def _part(self, table: Table | Part) -> Part:
        """A table's columns, whose texts may be numbers as the training file wrote them."""
        (part,) = parts_of(table)
        return replace(part, comma=self.decimal == ",")

    def _written(self, encoded: Iterable[Encoded], rows: np.ndarray | None, count: int) -> np.ndarray:
        return features_of(encoded, rows, count, len(self.names))

    def targets(self, table: Table | Part) -> np.ndarray:
        """Labels int32 (N,), or standardised numbers float32 (N, targets).

        Raises DataError for columns that are not there, values that are missing or infinite, and unknown classes.
        """
        return self.goal.values(self._part(table))

    def weights(self, table: Table | Part) -> np.ndarray | None:
        """The weight of each row, float32 (N,); None where no column holds them.

        Raises DataError for weights that are missing, negative or infinite.
        """
        return None if self.weight is None else weights_of(self._part(table), self.weight)

    def restore(self, outputs: np.ndarray) -> np.ndarray:
        """A network's outputs (N, targets) in the units of the targets, float64; those of classes as they are."""
        return self.goal.restore(outputs)

    def read(self, paths: Sequence[Path], *, skip_bad: bool = False) -> Inputs:
        """The rows in files, prepared, each named by its file and line: "new.csv:2".

        Columns stand in any order; the target may be absent.  Raises FileError and DataError as reading and `inputs`,
        ConfigurationError for `skip_bad`.
        """
        _expect_none_skipped(skip_bad)
        if not paths:
            raise ConfigurationError("read: expected at least one file, got none.")
        read = [self._prepared(self.part_in(path)) for path in paths]
        if len(read) == 1:
            return read[0]
        names = [name for part in read for name in part.names]
        notices = tuple(notice for part in read for notice in part.notices)
        return Inputs(names, np.concatenate([part.x for part in read]), notices)

    def read_examples(self, path: Path, *, skip_bad: bool = False) -> tuple[Inputs, np.ndarray]:
        """The rows in a file, prepared, with their targets: labels int32, or standardised numbers float32 (N, targets).

        Raises FileError, DataError and ConfigurationError as `read` and `targets`.
        """
        _expect_none_skipped(skip_bad)
        part = self.part_in(path)
        return self._prepared(part), self.targets(part)

    def part_in(self, path: Path) -> Part:
        """The rows in a file, read as the training file was: what was text there is text here.

        Raises FileError and DataError as `read_table`.
        """
        part = Part.of(read_table(path, **(self.reading or {})))
        texts = {column.name for column in self.fitted if isinstance(column, CategoryColumn) and column.text}
        narrower = [name for name, series in part.columns.items() if name in texts and series.dtype != pl.String]
        if narrower and is_text_file(part.table):
            part.columns.update(as_written(part.table, narrower))
        return part

    def _prepared(self, part: Part) -> Inputs:
        table, told = part.table, list[str]()
        x = self.inputs(part, notices=told)
        names = [f"{table.path.name}:{line}" for line in table.lines().tolist()]
        notices = tuple(f"{table.path.name}: {notice}" for notice in (*self._of_file(table), *told))
        return Inputs(names, x, notices, lambda row: table.frame.row(row, named=True))

    def _of_file(self, table: Table) -> list[str]:
        """What reading a file told, but for columns that are read here as the training file wrote them."""
        known = tuple(f"Column '{column.name}' stays text:" for column in self.fitted if column.kind != "category")
        return [notice for notice in table.notices if not notice.startswith(known)]

    def _tell_extra(self, part: Part, notices: list[str]) -> None:
        known = {*(column.name for column in self.fitted), *(column.name for column in self.dropped)}
        known |= {*self.goal.names, *([self.weight] if self.weight else [])}
        if extra := [name for name in part.columns if name not in known]:
            notices.append(f"ignored, because the training file had no such column: {', '.join(map(repr, extra))}.")

    # ---- in a file

    def to_config(self) -> dict[str, Any]:
        """All that was fitted, as plain JSON values."""
        return {
            "columns": [column.to_config() for column in self.fitted],
            "dropped": [[column.name, column.kind, column.reason] for column in self.dropped],
            "target": self.goal.to_config(),
            "weight": self.weight,
            "decimal": self.decimal,
            "reading": dict(self.reading or {}),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TablePreparation:
        """The preparation that `to_config` described.  Raises ValueError for what it cannot have written."""
        plain = checked(config, cls.rules)
        columns = tuple(map(column_from_config, plain["columns"]))
        dropped = tuple(map(_dropped, plain["dropped"]))
        names = [column.name for column in columns]
        expect(len(set(names)) == len(names) > 0, "columns whose names differ", names)
        expect(set(plain["reading"]) <= {"delimiter", "decimal", "encoding"}, "options of reading", plain["reading"])
        target = Target.from_config(plain["target"])
        return cls(columns, dropped, target, plain["weight"], plain["decimal"], plain["reading"])


def _expect_none_skipped(skip_bad: bool) -> None:
    if skip_bad:
        raise ConfigurationError(f"{argument('skip_bad')}: is for pictures, and these are tables. Leave it out.")


def _dropped(entry: Any) -> Dropped:
    expect(isinstance(entry, (list, tuple)) and [type(text) for text in entry] == [str] * 3, "three texts", entry)
    return Dropped(*entry)
