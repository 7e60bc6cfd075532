"""Raw rows and pictures as the network's examples: by the preparation that `madi predict` applies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.serving.served import INPUT, Served
from madi.serving.tensors import is_nested, kind_of, listed, numbers_of, tensors_of
from madi.web.guard import Refusal

if TYPE_CHECKING:
    from madi.datasets.tables import TablePreparation

Examples = tuple[np.ndarray, list[str]]  # with what the reader of the answers must know
ROWS = "rows"


def is_table(served: Served) -> bool:
    """Whether the model takes rows by the names of their columns."""
    return getattr(served.preparation, "kind", None) == "table"


def from_request(served: Served, request: Any) -> np.ndarray:
    """The examples of a request of the protocol: one tensor, or a table's raw columns.  Refusal 400 for others."""
    tensors = tensors_of(request, served.inputs, served.most)
    if is_table(served):
        return _from_columns(served.preparation, tensors)[0]
    if tensors[INPUT].dtype == object:
        raise Refusal(400, f"input '{INPUT}': expected numbers, got texts.")
    return tensors[INPUT]


def from_json(served: Served, value: Any) -> Examples:
    """Examples of the friendly route: {"rows": ...}, one row or several; of a table each {column: value}."""
    rows = value.get(ROWS, [value] if is_table(served) else None) if isinstance(value, dict) else value
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list) or not rows:
        raise Refusal(400, f'Expected one row or a list of rows, as {{"{ROWS}": [...]}}, got {kind_of(rows)}.')
    if len(rows) > max(served.most, math.prod(served.shape)):  # of examples, or the numbers of one
        raise Refusal(400, f"Expected at most {served.most} rows, got {len(rows)}.")
    if is_table(served):
        return _from_rows(served.preparation, rows)
    return _shaped(rows, served.shape), []


def from_picture(served: Served, content: bytes, *, invert: bool = False) -> np.ndarray:
    """The example in a picture's bytes.  Refusal 400 where the model takes none; FileError for no picture.

    invert    dark ink on light paper becomes light on dark, for a model that keeps no preparation
    """
    from madi.datasets.pictures import PicturePreparation

    preparation = served.preparation
    if isinstance(preparation, PicturePreparation):
        return preparation.decode(content)[None]
    shape = _picture_shape(served)
    x = PicturePreparation(*shape, ("picture",)).decode(content)
    return (1 - x if invert else x).reshape(1, *served.shape)


def _picture_shape(served: Served) -> tuple[int, int, int]:
    shape, side = served.shape, math.isqrt(math.prod(served.shape))
    if not is_table(served) and len(shape) == 3 and shape[2] in (1, 3):
        return shape[0], shape[1], shape[2]
    if not is_table(served) and len(shape) == 1 and side * side == shape[0] and side > 1:
        return side, side, 1
    raise Refusal(415, "This model takes no pictures. Send its rows as application/json; /docs shows one.")


def _shaped(rows: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """One example or several, each in its shape or flat."""
    count, flat = len(rows), (math.prod(shape),)
    for given in (shape, flat, (count, *shape), (count, *flat)):
        if is_nested(rows, given):
            return numbers_of(ROWS, rows).reshape(-1, *shape)
    raise Refusal(
        400,
        f"{ROWS}: expected one example of {list(shape)} or a list of them, nested so or flat, got {kind_of(rows)}.",
    )


# ---- tables


def _from_columns(preparation: Any, tensors: Mapping[str, np.ndarray]) -> Examples:
    if len({array.size for array in tensors.values()}) > 1:
        raise Refusal(400, "Expected as many values of each column.")
    return _prepared(preparation, {name: array.ravel().tolist() for name, array in tensors.items()}, set())


def _from_rows(preparation: Any, rows: Sequence[Any]) -> Examples:
    wrong = [number for number, row in enumerate(rows, 1) if not isinstance(row, dict)]
    if wrong:
        raise Refusal(
            400,
            f"{ROWS}: expected each row as an object, a value by the name of its column, "
            f"got {kind_of(rows[wrong[0] - 1])} as row {wrong[0]}.",
        )
    given = {name for row in rows for name in row}
    known = [column.name for column in preparation.fitted]
    spare = {column.name for column in preparation.dropped} | {*preparation.target, preparation.weight}
    columns = {name: [row.get(name) for row in rows] for name in known if name in given}
    return _prepared(preparation, columns, given - set(known) - spare)


def _prepared(preparation: TablePreparation, columns: Mapping[str, list[Any]], unknown: set[str]) -> Examples:
    """Values by column, as the rows of a file would be.  Raises DataError for columns and values that do not fit."""
    import polars as pl

    from madi.datasets.tables.detection import TableFormat
    from madi.datasets.tables.table import Table

    frame = pl.DataFrame([_series(name, values) for name, values in columns.items()])
    notices: list[str] = []
    x = preparation.inputs(Table(frame, Path(ROWS), TableFormat("json")), notices=notices)
    if unknown:
        notices.append(f"ignored, because the training file had no such column: {listed(sorted(unknown))}.")
    return x, notices


def _series(name: str, values: list[Any]) -> Any:
    """A column of JSON values; where kinds are mixed, as texts, as a file would have them."""
    import polars as pl

    kinds = {type(value) for value in values if value is not None}
    if kinds - {bool, int, float, str}:
        raise Refusal(400, f"column '{name}': expected a text, a number, true, false or null in each row.")
    if kinds == {bool}:
        return pl.Series(name, values, pl.Boolean)
    if kinds and kinds <= {int, float}:
        whole = kinds == {int} and all(value is None or abs(value) < 2**63 for value in values)
        return pl.Series(name, values, pl.Int64) if whole else pl.Series(name, list(map(_float, values)), pl.Float64)
    return pl.Series(name, list(map(_text, values)), pl.String)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _text(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
