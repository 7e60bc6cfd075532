"""What a table's network is to predict: classes or numbers, found in the training rows or told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl

from madi.datasets.tables.column import counted
from madi.datasets.tables.moments import Moments
from madi.datasets.tables.parts import Part
from madi.datasets.tables.plain import NUMBERS, TEXT, TEXTS, Rule, checked, expect
from madi.datasets.tables.values import Place, as_numbers, as_texts, kind_of, shown
from madi.errors import ConfigurationError, DataError, argument, unknown_name

CLASSIFICATION, REGRESSION = "classification", "regression"
TASKS = (CLASSIFICATION, REGRESSION)
FEW = 20  # at most so many different whole numbers are classes,
ROWS_EACH = 2  # if there are as many rows for each of them on the average
MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Target:
    """Columns to predict, as plain numbers and texts.

    names              of the columns
    task               "classification" or "regression"
    classes            the name of each label, in order; () in a regression
    means, deviations  of each column in a regression, by which it is standardised; else ()
    """

    rules: ClassVar[dict[str, Rule]] = {
        "names": TEXTS, "task": TEXT, "classes": TEXTS, "means": NUMBERS, "deviations": NUMBERS,
    }  # fmt: skip

    names: tuple[str, ...]
    task: str
    classes: tuple[str, ...] = ()
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()

    def values(self, part: Part) -> np.ndarray:
        """Labels int32 (N,), or numbers float32 (N, columns), standardised.

        Raises DataError for columns that are not there, missing values, and classes that training did not have.
        """
        part.expect(self.names, "the target")
        if self.task == CLASSIFICATION:
            return self._labels(target_texts(part, self.names[0]), part.place)
        columns = [target_numbers(part, name) for name in self.names]
        scaled = [
            (column - mean) / scale for column, mean, scale in zip(columns, self.means, self.deviations, strict=True)
        ]
        return np.stack(scaled, axis=1).astype(np.float32)

    def restore(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs (N, columns) of a regression in the units of the columns, float64; others as they are."""
        if self.task == CLASSIFICATION:
            return outputs
        return np.asarray(outputs, np.float64) * np.array(self.deviations) + np.array(self.means)

    def rows(self) -> list[tuple[str, str, str]]:
        """(column, kind, detail) of each, to show."""
        if self.task == CLASSIFICATION:
            some = ", ".join(map(shown, self.classes[:5])) + ", ..." * (len(self.classes) > 5)
            return [(self.names[0], "target", f"{len(self.classes)} classes: {some}")]
        each = zip(self.names, self.means, self.deviations, strict=True)
        return [(name, "target", f"numbers: mean {mean:.6g}, deviation {scale:.6g}") for name, mean, scale in each]

    def to_config(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_config(cls, config: Any) -> Target:
        """The target that `to_config` described.  Raises ValueError for what it cannot have written."""
        plain = checked(config, cls.rules)
        fields: dict[str, Any] = {name: value if name == "task" else tuple(value) for name, value in plain.items()}
        made = cls(**fields)
        expect(made.task in TASKS, "a task", made.task)
        numbers, classes = len(made.names) * (made.task == REGRESSION), len(set(made.classes))
        lengths = [len(made.means), len(made.deviations), len(made.classes)]
        expect(lengths[:2] == [numbers, numbers] and lengths[2] == classes, "fields of one length", lengths)
        expect(len(made.names) >= 1 and bool(classes) != bool(numbers), "one target at least", made.names)
        expect(all(scale > 0 for scale in made.deviations), "deviations above 0", made.deviations)
        return made

    def _labels(self, texts: pl.Series, place: Place) -> np.ndarray:
        codes = texts.cast(pl.Enum(self.classes), strict=False).to_physical().cast(pl.Int32)
        strange = codes.is_null()
        if strange.any():
            row, many = int(strange.arg_max() or 0), texts.filter(strange).value_counts(sort=True, name="rows")
            told = ", ".join(f"{shown(value)} ({counted(rows, 'row', 'rows')})" for value, rows in many.head(5).rows())
            raise DataError(
                f"{place(row)}: expected one of the {len(self.classes)} classes of the training rows in column "
                f"'{self.names[0]}', got {shown(texts[row])}. Without a training example are: {told}. Add some, or "
                "leave these rows out."
            )
        return codes.to_numpy()


# ---- from the training rows


class TargetGathering:
    """What the training rows say of the target, piece by piece.

    kinds    of columns, as told: "category" makes classes of numbers, "number" makes numbers of whole ones
    """

    def __init__(self, names: Sequence[str], task: str | None, kinds: Mapping[str, str]) -> None:
        self.names = checked_names(names)
        if task is not None and task not in TASKS:
            raise unknown_name("task", task, TASKS)
        if task == CLASSIFICATION and len(self.names) > 1:
            raise ConfigurationError(
                f"{argument('target')}: {_SEVERAL} Got {argument('task', task)} for {list(self.names)}."
            )
        self.task, self.kinds, self.notice = task or _told(self.names, kinds), kinds, ""
        self.counts: Counter[str] = Counter()
        self.moments = [Moments() for _ in self.names]
        self.rows = 0

    def add(self, part: Part) -> None:
        """Take in a piece.  Raises DataError for missing values and for columns that the task cannot take."""
        part.expect(self.names, "the target")
        for name in self.names:
            self._expect_fitting(part, name)
        self.rows += len(part)
        if self.task != CLASSIFICATION:
            for name, moments in zip(self.names, self.moments, strict=True):
                moments.add(target_numbers(part, name))
        if self.task != REGRESSION:
            self._count(part)

    def _expect_fitting(self, part: Part, name: str) -> None:
        column = part.column(name)
        expect_known(column, part)
        kind = "category" if self.task == CLASSIFICATION else kind_of(column, part.place)
        if kind == "number":
            return
        if kind == "date" or self.task == REGRESSION or len(self.names) > 1:
            raise DataError(
                f"{part.place(0)}: expected numbers in the target column '{name}', got {shown(str(column[0]))}, one of "
                f"its {_TOLD[kind]}. {_fix(kind, len(self.names))}"
            )
        self.task = CLASSIFICATION

    def _count(self, part: Part) -> None:
        """Count the classes while there are few enough that numbers may turn out to be some."""
        if len(self.names) > 1:
            self.task = REGRESSION
            return
        column = part.column(self.names[0])
        self.counts.update(dict(as_texts(column).value_counts().iter_rows()))
        if self.task == CLASSIFICATION:
            _expect_few(self.names[0], self.counts, self.rows)
        elif len(self.counts) > FEW or not column.dtype.is_integer():
            self.task = REGRESSION

    def found(self) -> Target:
        """The target as it follows from all pieces.  Raises DataError where there is nothing to learn."""
        task = self.task or self._by_values()
        if task == CLASSIFICATION:
            return Target(self.names, task, classes=self._classes())
        for name, moments in zip(self.names, self.moments, strict=True):
            if moments.constant:
                raise DataError(
                    f"target column '{name}': expected values that differ, got {moments.low:g} in all {self.rows} "
                    "training rows. There is nothing to learn: choose another target."
                )
        means, scales = ([getattr(moments, what) for moments in self.moments] for what in ("mean", "deviation"))
        if not np.isfinite([*means, *scales]).all():
            raise DataError(f"target column '{self.names[0]}': its numbers are too large to be averaged. Scale them.")
        return Target(self.names, task, means=tuple(means), deviations=tuple(scales))

    def _by_values(self) -> str:
        """Whole numbers: classes where they are few."""
        few = len(self.counts) * ROWS_EACH <= self.rows or len(self.counts) == 1
        task, other = TASKS if few else TASKS[::-1]
        taken = "classes" if few else "numbers"
        self.notice = (
            f"target column '{self.names[0]}' has {len(self.counts)} different whole numbers, taken as {taken}; "
            f"{argument('task', other)} takes them otherwise."
        )
        return task

    def _classes(self) -> tuple[str, ...]:
        if len(self.counts) == 1:
            raise DataError(
                f"target column '{self.names[0]}': expected at least two classes, got {shown(next(iter(self.counts)))} "
                f"in all {self.rows} training rows. Add rows of another class, or choose another target."
            )
        return in_order(self.counts)


_SEVERAL = "Several targets can only be numbers: train one network for each column of classes."
_TOLD = {"category": "texts", "boolean": "truth values", "date": "dates"}


def _fix(kind: str, targets: int) -> str:
    if kind == "date":
        return "Make numbers of them, such as days since an event."
    if targets > 1:
        return _SEVERAL
    return f"Leave {argument('task', REGRESSION)} out: these are classes."


def _told(names: tuple[str, ...], kinds: Mapping[str, str]) -> str | None:
    """The task that the kinds of the target columns say."""
    told = {kinds[name] for name in names if name in kinds}
    return REGRESSION if "number" in told else CLASSIFICATION if told & {"category", "boolean"} else None


def checked_names(names: Sequence[str] | str) -> tuple[str, ...]:
    """The target columns; ConfigurationError unless there is one at least, and none twice."""
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names or len(set(names)) < len(names):
        raise ConfigurationError(f"{argument('target')}: expected names of columns, each once, got {list(names)}.")
    return names


def in_order(texts: Counter[str]) -> tuple[str, ...]:
    """The names of classes: numbers by their value, others by the alphabet."""
    numbers = pl.Series(list(texts), dtype=pl.String).cast(pl.Float64, strict=False)
    if numbers.null_count() or numbers.is_nan().any():
        return tuple(sorted(texts))
    values = dict(zip(texts, numbers.to_list(), strict=True))
    return tuple(sorted(texts, key=lambda text: (values[text], text)))


def expect_known(column: pl.Series, part: Part) -> None:
    """Raise DataError where values of a settled target column are missing: how many, and the first."""
    missing = column.null_count()
    if missing and missing == len(column):
        raise DataError(
            f"{part.table.path}: the target column '{column.name}' holds no value at all. Choose another target."
        )
    if missing:
        row, values = int(column.is_null().arg_max() or 0), counted(missing, "value", "values")
        raise DataError(
            f"{part.place(row)}: expected a value in the target column '{column.name}', got none, as in {values} of "
            f"{len(column)}. Fill them in, or leave these rows out."
        )


def target_numbers(part: Part, name: str) -> np.ndarray:
    """A target column as float64, all of it known and finite.  Raises DataError otherwise."""
    column = part.column(name)
    expect_known(column, part)
    return as_numbers(column, part.place).numbers


def target_texts(part: Part, name: str) -> pl.Series:
    """A target column as the names of classes, all of them known.  Raises DataError otherwise."""
    column = part.column(name)
    expect_known(column, part)
    return as_texts(column)


def _expect_few(name: str, counts: Counter[str], rows: int) -> None:
    most = MOST_CLASSES if rows < ROWS_EACH * FEW else min(MOST_CLASSES, rows // ROWS_EACH)
    if len(counts) > most:
        raise DataError(
            f"target column '{name}': expected classes, got {len(counts)} different values in {rows} rows. Choose "
            f"another target, or {argument('task', REGRESSION)} where they are numbers."
        )
