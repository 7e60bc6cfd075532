"""The table of a model's layers: output shape, parameters, multiply-adds."""

from __future__ import annotations

import html
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from madi.graph import Function, Variable, observing
from madi.layers.base import Layer
from madi.layers.calling import observing_layers, running_layers


@dataclass(frozen=True)
class Row:
    """What one layer adds to its model; what the layers within it add stands in their own rows.

    path            as in `model.parameters()`; "" for the model itself
    layer           its class
    output_shape    of one example; None for a layer that the model does not call in inference
    parameters      how many numbers it learns, frozen ones too
    trainable       True, False (all frozen), "partly" (some are), None where it has no parameters
    multiply_adds   multiplications with their additions, for one example, in the nodes that the layer itself calls
    """

    path: str
    layer: str
    output_shape: tuple[int, ...] | None
    parameters: int
    trainable: bool | str | None
    multiply_adds: int


class Column(NamedTuple):
    """A column of the printed table: its head, how a cell is written, and whether it is a number."""

    head: str
    cell: Callable[[Row], str]
    is_number: bool = False


_TRAINABLE = {True: "yes", False: "no", "partly": "partly", None: ""}

COLUMNS = (
    Column("path", lambda row: row.path),
    Column("layer", lambda row: row.layer),
    Column("output shape", lambda row: "not called" if row.output_shape is None else _shape_text(row.output_shape)),
    Column("parameters", lambda row: _count_text(row.parameters), is_number=True),
    Column("trainable", lambda row: _TRAINABLE[row.trainable]),
    Column("multiply-adds", lambda row: _count_text(row.multiply_adds), is_number=True),
)


class Summary:
    """A built model, layer by layer.  `print` shows it as a table, in which equal blocks in a row fold into one.

    rows                    a Row for each layer, in order, the model itself left out where it only holds the others
    parameters              of the whole model; one that is used twice counts once
    trainable_parameters    those that training changes
    multiply_adds           for one example, forward

    Raises ShapeError for a model that is not built yet.
    """

    def __init__(self, model: Layer) -> None:
        calls = _calls(model)
        self.input_shape = model.input_shape
        self.rows = tuple(_rows(model, calls))
        learned = model.parameters().values()
        self.parameters = sum(parameter.size for parameter in learned)
        self.trainable_parameters = sum(parameter.size for parameter in learned if parameter.trainable)
        self.multiply_adds = sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        lines = [[column.head for column in COLUMNS], *_cells(self.rows)]
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        head, *body = ("  ".join(map(_padded, line, widths, COLUMNS)).rstrip() for line in lines)
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        return "\n".join([head, rule, *body, rule, *self._totals()])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        right = ' style="text-align: right"'
        lines = [_html_line("th", [column.head for column in COLUMNS], right)]
        lines += [_html_line("td", cells, right) for cells in _cells(self.rows)]
        totals = "<br>".join(map(html.escape, self._totals()))
        return f"<table>{''.join(lines)}</table><p>{totals}</p>"

    def _totals(self) -> Iterator[str]:
        frozen = self.parameters - self.trainable_parameters
        yield f"input {_shape_text(self.input_shape or ())}, sizes for one example"
        yield f"parameters {self.parameters:,}" + (f", of which {frozen:,} are frozen" if frozen else "")
        yield f"multiply-adds {self.multiply_adds:,}"


# ---- what one call tells


class _Call(NamedTuple):
    output_shape: tuple[int, ...]
    multiply_adds: int


def _calls(model: Layer) -> dict[int, list[_Call]]:
    """The calls of every layer, by its identity, while the model is traced on the shapes of one example."""
    calls: dict[int, list[_Call]] = defaultdict(list)
    counted: dict[int, int] = defaultdict(int)

    def on_node(node: Function, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        counted[id(running_layers()[-1])] += getattr(node, "multiply_adds", 0)

    def on_layer(layer: Layer, x: Variable, y: Variable) -> None:
        calls[id(layer)].append(_Call(y.shape[1:], counted.pop(id(layer), 0)))

    with observing(on_node), observing_layers(on_layer):
        model.output_shape()
    return calls


def _rows(model: Layer, calls: dict[int, list[_Call]]) -> Iterator[Row]:
    places: dict[int, int] = defaultdict(int)
    for _, layer in model.walk():
        places[id(layer)] += 1
    counted: set[int] = set()
    for path, layer in model.walk():
        places[id(layer)] -= 1
        mine = calls[id(layer)]
        # A layer that is used in two places has a call for each; those left over belong to the last.
        here, calls[id(layer)] = (mine[:1], mine[1:]) if places[id(layer)] else (mine, [])
        row = _row(path, layer, here, counted)
        if path or row.parameters or row.multiply_adds or not layer.inner_layers():
            yield row


def _row(path: str, layer: Layer, calls: list[_Call], counted: set[int]) -> Row:
    """The layer's row; `counted` are the parameters that stand in rows above already."""
    own = [member for _, member in layer.members() if not isinstance(member, Layer) and id(member) not in counted]
    counted.update(map(id, own))
    flags = {parameter.trainable for parameter in own}
    return Row(
        path=path,
        layer=type(layer).__name__,
        output_shape=calls[-1].output_shape if calls else None,
        parameters=sum(parameter.size for parameter in own),
        trainable="partly" if len(flags) > 1 else next(iter(flags), None),
        multiply_adds=sum(call.multiply_adds for call in calls),
    )


# ---- equal blocks in a row


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    """The written cells of every line, indented by depth."""
    return [[column.cell(row) for column in COLUMNS] for row in _folded(rows, 0)]


def _folded(rows: Sequence[Row], depth: int) -> Iterator[Row]:
    """Rows as they are printed: of equal siblings with layers within, one after the other, only the first is shown."""
    for same in _runs(_blocks(rows)):
        first, last = same[0][0], same[-1][0]
        path = first.path if len(same) == 1 else f"{first.path} .. {last.path}"
        layer = first.layer if len(same) == 1 else f"{first.layer} x {len(same)}, each:"
        yield replace(first, path="  " * depth + path, layer="  " * depth + layer)
        yield from _folded(same[0][1:], depth + 1)


def _runs(blocks: list[list[Row]]) -> list[list[list[Row]]]:
    """Blocks of several rows that are equal and follow each other, together; every other one alone."""
    runs: list[list[list[Row]]] = []
    for block in blocks:
        if runs and len(block) > 1 and _form(block) == _form(runs[-1][0]):
            runs[-1].append(block)
        else:
            runs.append([block])
    return runs


def _blocks(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows cut into siblings, each with the rows of what is within it."""
    blocks: list[list[Row]] = []
    for row in rows:
        if blocks and _is_within(row, blocks[-1][0]):
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def _is_within(row: Row, outer: Row) -> bool:
    return not outer.path or row.path.startswith(f"{outer.path}.")


def _form(block: list[Row]) -> list[Row]:
    """What makes two blocks equal: all but where they stand."""
    stem = len(block[0].path)
    return [replace(row, path=row.path[stem:]) for row in block]


# ---- text


def _shape_text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"


def _count_text(count: int) -> str:
    return f"{count:,}" if count else ""


def _width(text: str) -> int:
    """Columns of a terminal: Korean letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int, column: Column) -> str:
    space = " " * (width - _width(text))
    return space + text if column.is_number else text + space


def _html_line(tag: str, cells: Sequence[str], right: str) -> str:
    written = zip(COLUMNS, map(_html_text, cells), strict=True)
    return f"<tr>{''.join(f'<{tag}{right * column.is_number}>{text}</{tag}>' for column, text in written)}</tr>"


def _html_text(text: str) -> str:
    indent = len(text) - len(text.lstrip())
    return "&nbsp;" * indent + html.escape(text.lstrip())
