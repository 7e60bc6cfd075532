"""A table in a file, divided and prepared: what `Trainer.fit` takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from madi.datasets.dataset import Dataset, Split, StreamedDataset
from madi.datasets.splitting import split
from madi.datasets.tables.gathering import Embed
from madi.datasets.tables.memory import too_large
from madi.datasets.tables.parts import Part, RowNames
from madi.datasets.tables.preparation import TablePreparation
from madi.datasets.tables.reading import TableReader, open_table, read_table
from madi.datasets.tables.streaming import Part as RowPart
from madi.datasets.tables.streaming import TableBatches, row_part
from madi.datasets.tables.targets import Target, TargetGathering
from madi.datasets.tables.values import shown
from madi.errors import ConfigurationError, DataError, argument
from madi.options import is_number

TOO_FEW = 5  # examples of a class, below which a notice names it


class Options(NamedTuple):
    """What `load_table` hands on to `TablePreparation.fit`."""

    target: Sequence[str] | str
    task: str | None
    kinds: Mapping[str, str] | None
    ignore: Sequence[str]
    embed: Embed
    weight: str | None
    reading: Mapping[str, str]

    def fit(self, rows: Part, task: str) -> TablePreparation:
        """The preparation that follows from training rows."""
        return TablePreparation.fit(rows, **self._replace(task=task)._asdict())


class Rows(NamedTuple):
    """Which rows of a table are for training, validation and the test, each in the order of the file."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def load_table(
    path: str | Path, *, target: Sequence[str] | str, task: str | None = None, test: float = 0.2,
    validation: float = 0.1, test_data: str | Path | None = None, kinds: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (), embed: Embed = None, weight: str | None = None, delimiter: str | None = None,
    decimal: str | None = None, encoding: str | None = None, stream: bool | None = None, seed: int = 0,
) -> Dataset | StreamedDataset:  # fmt: skip
    """The rows of a .csv, .tsv or .parquet file as training, validation and test sets.

    path                  of the file
    target                the column to predict, or several of numbers
    task                  "classification" or "regression"; None finds out, see `TablePreparation.fit`
    test, validation      shares of the rows, drawn at random from `seed`; of classes, the same share of each.  Within
                          a set the rows keep their order
    test_data             a file whose rows are the test instead: then the first gives none
    kinds, ignore, embed, weight        see `TablePreparation.fit`
    delimiter, decimal, encoding        of the file, see `read_table`; None detects them
    stream                True goes through the file in pieces, False reads it whole; None reads it whole where it
                          takes at most half the memory.  A row's set then follows from `seed` and its number alone

    Everything that is fitted comes from the training rows alone.  The `notice` says what a reader of the results must
    know: columns left out, values that only other rows have, classes with few examples.

    Raises FileError and DataError, with line and column, for what is wrong in the file, ConfigurationError and
    UnknownNameError for the options.
    """
    given = {"delimiter": delimiter, "decimal": decimal, "encoding": encoding}
    reading = {name: value for name, value in given.items() if value is not None}
    options = Options(target, task, kinds, ignore, embed, weight, reading)
    shares = _shares(test, validation, test_data)
    load = _streamed if (too_large(path) if stream is None else stream) else _whole
    return load(Path(path), options, shares, test_data, seed)


def _whole(
    path: Path, options: Options, shares: tuple[float, float], test_data: str | Path | None, seed: int
) -> Dataset:
    """The table read at once."""
    table = read_table(path, **options.reading)
    notices, part = list(table.notices), Part.alone(table)
    del table  # so that each column can go once it is prepared
    goal, labels = _goal(part, options, notices)
    rows = divided(len(part), labels, *shares, seed=seed)
    if labels is not None:
        notices += few_examples(goal.names[0], *(_by_class(goal, found) for found in (labels, labels[rows.train])))
    preparation = options.fit(part.of_rows(rows.train), goal.task)
    notices += preparation.notices
    y, weight = preparation.targets(part), preparation.weights(part)
    xs = preparation.drained(part, rows, notices)
    train, validated, tested = (Split(x, y[chosen]) for x, chosen in zip(xs, rows, strict=True))
    names = {name: RowNames(part.table, getattr(rows, name)) for name in ("validation", "test")}
    if test_data is not None:
        tested, names["test"] = _from_file(Path(test_data), preparation, notices)
    return Dataset(
        path.stem, train, tested, preparation.classes, notice=" ".join(notices),
        validation=validated if len(validated.x) else None, preparation=preparation,
        weight=None if weight is None else weight[rows.train], names=names,
    )  # fmt: skip


def _streamed(
    path: Path, options: Options, shares: tuple[float, float], test_data: str | Path | None, seed: int
) -> StreamedDataset:
    """The table read in pieces, in as little memory as some of them need."""
    reader = open_table(path, **options.reading)
    ends = shares[0], sum(shares)
    training = row_part(ends[1], 1.0, seed=seed)
    preparation, notices = _fitted(reader, options, training)
    batches = partial(TableBatches, inputs=preparation.inputs, targets=preparation.targets, seed=seed)
    if test_data is None:
        tested = batches(reader, part=row_part(0.0, ends[0], seed=seed), shuffled=False, empty=not ends[0])
    else:
        tested = batches(open_table(test_data, **options.reading), shuffled=False)
    weights: Any = None if options.weight is None else preparation.weights
    return StreamedDataset(
        path.stem, batches(reader, part=training, weights=weights), tested, preparation.classes,
        notice=" ".join(notices),
        validation=batches(reader, part=row_part(*ends, seed=seed), shuffled=False) if shares[1] else None,
        preparation=preparation,
    )  # fmt: skip


def _fitted(reader: TableReader, options: Options, training: RowPart) -> tuple[TablePreparation, list[str]]:
    """The preparation that follows from the training rows, and what a reader must know; one pass over the file."""
    every, trained = (TargetGathering(options.target, options.task, options.kinds or {}) for _ in range(2))

    def rows() -> Iterator[Part]:
        for table in reader.chunks():
            part = Part.of(table)
            every.add(part)
            chosen = np.flatnonzero(training(np.arange(table.first, table.first + len(part))))
            if len(chosen):
                trained.add(part.of_rows(chosen))
                yield part.of_rows(chosen)

    preparation = TablePreparation.fit(rows(), **options._asdict())
    few = few_examples(every.names[0], every.counts, trained.counts) if preparation.classes else []
    return preparation, [*reader.notices, *preparation.notices, *few]


def _goal(part: Part, options: Options, notices: list[str]) -> tuple[Target, np.ndarray | None]:
    """What is to be predicted, as all rows say, and the label of each in a classification."""
    gathering = TargetGathering(options.target, options.task, options.kinds or {})
    gathering.add(part)
    target = gathering.found()
    notices += [gathering.notice] if gathering.notice else []
    return target, target.values(part) if target.classes else None


def divided(count: int, labels: np.ndarray | None, test: float, validation: float, *, seed: int) -> Rows:
    """Which of `count` rows are for what; of classes, the same share of each.

    Raises DataError and ConfigurationError as `madi.datasets.split`.
    """
    numbers = np.arange(count)
    y, by_class = (numbers, False) if labels is None else (labels, True)
    parts = split(numbers, y, test=test, validation=validation, stratified=by_class, seed=seed)
    return Rows(*(np.sort(entry.x) for entry in parts))


def _shares(test: float, validation: float, test_data: str | Path | None) -> tuple[float, float]:
    """(test, validation), once they are shares that leave some rows to train on."""
    for name, share in (("test", test), ("validation", validation)):
        if not is_number(share) or not 0 <= share < 1:
            raise ConfigurationError(
                f"{argument(name)}: expected a share of the rows from 0 to below 1, got {share!r}. Try 0.1."
            )
    test = 0.0 if test_data is not None else test
    if test + validation >= 1:
        raise ConfigurationError(
            f"{argument('test')}, {argument('validation')}: expected shares that leave rows to train on, got {test} "
            f"and {validation}. Try 0.2, 0.1."
        )
    return test, validation


def few_examples(name: str, every: Mapping[str, int], trained: Mapping[str, int]) -> list[str]:
    """A line that names the classes of few training rows, or none.

    name        of the target column
    every       how many rows each class has;  trained: how many of them are to train on

    Raises DataError for a class without any to train on.
    """
    if lacking := [value for value in every if not trained.get(value)]:
        named = ", ".join(f"{shown(value)} ({every[value]} in all)" for value in lacking[:5])
        raise DataError(
            f"target column '{name}': expected training rows of each class, got none of {named}. Add rows of it, or "
            "leave it out."
        )
    few = [f"{shown(value)} ({count})" for value, count in trained.items() if count < TOO_FEW]
    return [f"Few training rows have the class {', '.join(few[:5])}: little can be learned of it."] if few else []


def _by_class(goal: Target, labels: np.ndarray) -> dict[str, int]:
    """How many of the labels each class has."""
    return dict(zip(goal.classes, np.bincount(labels, minlength=len(goal.classes)).tolist(), strict=True))


def _from_file(path: Path, preparation: TablePreparation, notices: list[str]) -> tuple[Split, RowNames]:
    """The rows of a second file, prepared as the first's, and their names.

    Raises DataError for a class that only it has.
    """
    part = preparation.part_in(path)
    told = list(part.table.notices)
    prepared = Split(preparation.inputs(part, notices=told), preparation.targets(part))
    notices += [f"{part.table.path.name}: {notice}" for notice in told]
    return prepared, RowNames(part.table, np.arange(len(part)))
