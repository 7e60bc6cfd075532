"""A table's columns as inputs of the graph, which makes of them what its preparation makes of raw rows.

numbers      float32 (N, 1), NaN where missing; float64 where float32 would not tell a column's values apart
booleans     float32 (N, 1), 0 or 1, NaN where missing
dates        float64 (N, 1): seconds since the beginning of 1970, NaN where missing
categories   text (N, 1), "" where missing
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from madi.datasets.tables import TablePreparation
from madi.datasets.tables.categories import CategoryColumn
from madi.datasets.tables.column import Column
from madi.datasets.tables.columns import PARTS, BooleanColumn, DateColumn, NumberColumn
from madi.datasets.tables.types import MISSING
from madi.onnx.exporting.dates import SECONDS, Doubles, part_of
from madi.onnx.exporting.writer import Tensor, Writer
from madi.onnx.graph import Port
from madi.onnx.refusal import Unsupported

TEXTS_SINCE = 19  # version in which Equal compares texts
FARTHEST = 2.0**10  # deviations between 0 and the mean, beyond which float32 rounds by more than 1/16,000 deviation

Rows = tuple[int | None, int]


def inputs_of(preparation: TablePreparation) -> list[Port]:
    """An input for each column that features come from."""
    return [Port(column.name, type_of(column), ("N", 1)) for column in preparation.fitted]


def type_of(column: Column) -> str:
    """The type of a column's input."""
    if isinstance(column, CategoryColumn):
        return "str"
    far = isinstance(column, NumberColumn) and abs(column.mean) > FARTHEST * column.deviation
    return "float64" if far or isinstance(column, DateColumn) else "float32"


def features_of(write: Writer, preparation: TablePreparation) -> Tensor:
    """The features, float32 (N, features), of the inputs."""
    parts: list[Tensor] = []
    for port, column in zip(inputs_of(preparation), preparation.fitted, strict=True):
        write.place = column.name
        x = Tensor((None, 1), str(port.dtype), last=port.name)
        parts += COLUMNS[type(column)](write, column, x)
    write.place = ""
    return write("Concat", *parts, axis=1, shape=(None, len(preparation.names)), dtype="float32")


def _number(write: Writer, column: NumberColumn, x: Tensor) -> list[Tensor]:
    """(x - mean) / deviation, 0 where missing."""
    return _where_known(write, column, x, [_standardised(write, x, column.mean, column.deviation)])


def _boolean(write: Writer, column: BooleanColumn, x: Tensor) -> list[Tensor]:
    """x, the mean where missing."""
    return _where_known(write, column, x, [x], column.mean)


def _date(write: Writer, column: DateColumn, x: Tensor) -> list[Tensor]:
    """Days since the mean over the deviation, and sine and cosine of each part; 0 where missing."""
    doubles = Doubles(write)
    features = [_standardised(write, doubles("Div", x, SECONDS), column.mean, column.deviation)]
    for part in column.parts:
        angle = write.cast(doubles("Mul", part_of(doubles, x, part), 2 * np.pi / _round(part)), "float32")
        features += [write("Sin", angle, shape=x.shape), write("Cos", angle, shape=x.shape)]
    return _where_known(write, column, x, features)


def _round(part: str) -> float:
    return SECONDS if part == "time" else PARTS[part]


def _category(write: Writer, column: CategoryColumn, x: Tensor) -> list[Tensor]:
    """1 where x is the value, else 0: for each value, for missing, for others; or the number of the value."""
    if write.opset < TEXTS_SINCE:
        raise Unsupported(
            f"column '{column.name}' holds texts, which ONNX compares since version {TEXTS_SINCE}. Use "
            f"opset={TEXTS_SINCE} or a later one, or leave the preprocessing out."
        )
    ones = _equal(write, x, column.values)
    flags = [_any(write, _equal(write, x, MISSING))] if column.missing else []
    if column.size is not None:
        return [_numbered(write, [ones, *flags], len(column.values))]
    if column.other:
        known = _any(write, write("Concat", ones, *flags, axis=1, shape=(None, len(column.known_names) - 1)))
        flags.append(write("Sub", 1.0, known, shape=(None, 1)))
    return [ones, *flags]


def _numbered(write: Writer, ones: list[Tensor], values: int) -> Tensor:
    """Σ of 1, 2, ... where there is a 1."""
    count = values + len(ones) - 1
    joined = write("Concat", *ones, axis=1, shape=(None, count)) if len(ones) > 1 else ones[0]
    numbers = np.arange(1, count + 1, dtype=np.float32)[:, None]
    return write("MatMul", joined, numbers, shape=(None, 1))


def _equal(write: Writer, x: Tensor, texts: tuple[str, ...]) -> Tensor:
    """1 where x (N, 1) is the text, else 0: (N, texts)."""
    row = np.array([texts], object)
    return write.cast(write("Equal", x, row, shape=(None, len(texts)), dtype="bool"), "float32")


def _any(write: Writer, ones: Tensor) -> Tensor:
    """1 where there is a 1 in the row."""
    return write("ReduceSum", ones, np.array([1], np.int64), keepdims=1, shape=(None, 1))


def _standardised(write: Writer, x: Tensor, mean: float, deviation: float) -> Tensor:
    """(x - mean) / deviation, in float64, as float32."""
    doubles = Doubles(write)
    return write.cast(doubles("Div", doubles("Sub", x, mean), deviation), "float32")


def _where_known(
    write: Writer, column: Column, x: Tensor, features: list[Tensor], filling: float = 0.0
) -> list[Tensor]:
    """The features, `filling` where x is missing; and where that is, if training rows lacked it too."""
    missing = write("IsNaN", x, shape=x.shape, dtype="bool")
    filled = [write("Where", missing, filling, feature, shape=x.shape, dtype="float32") for feature in features]
    return [*filled, *([write.cast(missing, "float32")] if column.missing else [])]


COLUMNS: dict[type[Column], Callable[[Writer, Any, Tensor], list[Tensor]]] = {
    NumberColumn: _number,
    BooleanColumn: _boolean,
    DateColumn: _date,
    CategoryColumn: _category,
}
