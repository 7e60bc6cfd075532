"""The table of a model's layers: output shape, parameters, multiply-adds, memory, and what runs them."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from madi.errors import MadiError
from madi.layers.base import Layer
from madi.layers.measuring import Call, Calls, inference_calls, training_calls
from madi.layers.outline import Outline, bytes_text, count_text, layer_text, shape_text, text_width, unit_of


@dataclass(frozen=True)
class Row:
    """What one layer adds to its model; what the layers within it add stands in their own rows.

    path            as in `model.parameters()`; "" for the model itself
    layer           its class
    output_shape    of one example; None for a layer that the model does not call in inference
    parameters      how many numbers it learns, frozen ones too
    trainable       True, False (all frozen), "partly" (some are), None where it has no parameters
    multiply_adds   multiplications with their additions, for one example in inference, in the nodes that the layer
                    itself calls
    memory          bytes that those nodes keep for backward, for one float32 example in training; what two nodes keep
                    counts for the first.  None where that is not known
    kernels         what runs those nodes in the compiled engine on this machine: "xla", or the variant of madi's
                    compiled kernels; "forward / backward" where they differ, "" where nothing is to be run
    text            the layer as it is printed, with its window and stride
    """

    path: str
    layer: str
    output_shape: tuple[int, ...] | None
    parameters: int
    trainable: bool | str | None
    multiply_adds: int
    memory: int | None = None
    kernels: str = ""
    text: str = ""


class Column(NamedTuple):
    """A column of the printed table: its head, how a cell is written, and whether it is a number."""

    head: str
    cell: Callable[[Row], str]
    is_number: bool = False


def _shape(row: Row) -> str:
    if row.output_shape is not None:
        return shape_text(row.output_shape)
    return "training only" if row.kernels or row.memory else "not called"


_TRAINABLE = {True: "yes", False: "no", "partly": "partly", None: ""}

COLUMNS = (
    Column("path", lambda row: row.path),
    Column("layer", lambda row: row.text),
    Column("output shape", _shape),
    Column("parameters", lambda row: count_text(row.parameters), is_number=True),
    Column("trainable", lambda row: _TRAINABLE[row.trainable]),
    Column("multiply-adds", lambda row: count_text(row.multiply_adds), is_number=True),
    Column("kernels", lambda row: row.kernels),
)


def _memory_column(rows: Sequence[Row]) -> Column:
    """What the layers keep, in the unit of the largest."""
    unit, size = unit_of(max(row.memory or 0 for row in rows))
    digits = 0 if size == 1 else 2
    least = 0.5 * 10**-digits

    def cell(row: Row) -> str:
        share = (row.memory or 0) / size
        return f"{share:.{digits}f}" if share >= least else "<0.01" if share else ""

    return Column(f"kept {unit}", cell, is_number=True)


class Summary:
    """A built model, layer by layer.  `print` shows it as a table, in which equal blocks in a row fold into one.

    rows                    a Row for each layer, in order, the model itself left out where it only holds the others
    parameters              of the whole model; one that is used twice counts once
    trainable_parameters    those that training changes
    multiply_adds           for one example, forward
    numpy_writes            numbers that convolutions of one example write, forward, where NumPy runs them: their output
                            once for each place of the kernel
    weight_bytes            of the parameters
    kept_bytes              what backward needs of one example in training: the sum of the rows' memory; None where the
                            model cannot be called in training, for the reason in `untrainable`
    inference_bytes         what the values of one example take in inference at the widest place, each from the node
                            that makes it to the last that reads it
    outline                 the model as a chain of folded blocks: print it, or save its picture

    A training step needs the weights, as much for the gradients of the trainable ones, as much again for Momentum,
    twice for Adam, and for each example of a batch the kept bytes and room to work in.  Compiled steps took as much as
    is kept for an mlp, 1.5 times as much for deep_convnet and resnet_cifar (XLA's own account, which may reserve more
    than is alive at once, in inference too: up to twice).  On NumPy a step holds every value of the graph.

    Raises ShapeError for a model that is not built yet.
    """

    def __init__(self, model: Layer) -> None:
        self._model = model
        self._calls, self.inference_bytes = inference_calls(model)
        self.input_shape = model.input_shape
        learned = model.parameters().values()
        self.parameters = sum(parameter.size for parameter in learned)
        self.trainable_parameters = sum(parameter.size for parameter in learned if parameter.trainable)
        self.weight_bytes = sum(parameter.size * parameter.dtype.itemsize for parameter in learned)
        made = [call for calls in self._calls.values() for call in calls]
        self.multiply_adds = sum(call.multiply_adds for call in made)
        self.numpy_writes = sum(call.numpy_writes for call in made)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """A Row for each layer."""
        return tuple(_rows(self._model, self._calls, self._trained[0]))

    @cached_property
    def _trained(self) -> tuple[Calls | None, str]:
        """The calls in training, or None and why it cannot be."""
        try:
            return training_calls(self._model), ""
        except MadiError as error:
            return None, str(error)

    @property
    def untrainable(self) -> str:
        """Why the model cannot be called in training; "" where it can."""
        return self._trained[1]

    @property
    def kept_bytes(self) -> int | None:
        """What backward needs of one example in training."""
        calls = self._trained[0]
        return None if calls is None else sum(call.kept for each in calls.values() for call in each)

    @cached_property
    def outline(self) -> Outline:
        """The model as a chain of folded blocks."""
        return Outline(self._model, self.rows)

    def table(self, *, kernels: bool = False) -> str:
        """The rows and totals as text.

        kernels     with what runs each layer on this machine
        """
        columns = self._columns(kernels)
        lines = [[column.head for column in columns], *_cells(self.rows, columns)]
        widths = [max(map(text_width, column)) for column in zip(*lines, strict=True)]
        head, *body = ("  ".join(map(_padded, line, widths, columns)).rstrip() for line in lines)
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        ran = [f"kernels {self._kernels().pop()}"] if kernels and len(self._kernels()) == 1 else []
        return "\n".join([head, rule, *body, rule, *self._totals(), *ran])

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        columns = self._columns(kernels=False)
        lines = [_html_line("th", [column.head for column in columns], columns)]
        lines += [_html_line("td", cells, columns) for cells in _cells(self.rows, columns)]
        totals = "<br>".join(map(html.escape, self._totals()))
        return f"<table>{''.join(lines)}</table><p>{totals}</p>"

    def _columns(self, kernels: bool) -> list[Column]:
        """The columns that say something: what is the same everywhere stands in the totals once."""
        trainable = {row.trainable for row in self.rows} - {None}
        silent = {"trainable"} if len(trainable) < 2 and "partly" not in trainable else set()
        silent |= {"kernels"} if not kernels or len(self._kernels()) < 2 else set()
        shown = [column for column in COLUMNS if column.head not in silent]
        at = len(shown) - ("kernels" not in silent)
        return [*shown[:at], *([_memory_column(self.rows)] if self.kept_bytes else []), *shown[at:]]

    def _kernels(self) -> set[str]:
        return {row.kernels for row in self.rows} - {""}

    def _totals(self) -> Iterator[str]:
        frozen = self.parameters - self.trainable_parameters
        yield f"input {shape_text(self.input_shape or ())}, sizes for one example"
        held = f"parameters {self.parameters:,} ({bytes_text(self.weight_bytes)})"
        yield held + (f", of which {frozen:,} are frozen" if frozen else "")
        yield f"multiply-adds {self.multiply_adds:,}"
        yield from self._memory()

    def _memory(self) -> Iterator[str]:
        if self.kept_bytes is None:
            yield f"memory in training is not known: {self.untrainable}"
        elif self.trainable_parameters:
            yield f"memory in training: {bytes_text(self.kept_bytes)} kept for backward for each example"
            yield f"weights, gradients and optimizer's state: {self._held()}"
        yield f"memory in inference: {bytes_text(self.inference_bytes)} alive at once for each example"

    def _held(self) -> str:
        """What training holds whatever the batch: weights, gradients, and what the optimizer has of each weight."""
        learned = self.weight_bytes * self.trainable_parameters // self.parameters
        plain, momentum, adam = (bytes_text(self.weight_bytes + learned * copies) for copies in (1, 2, 3))
        return f"{plain} with SGD, {momentum} with Momentum, {adam} with Adam"


# ---- a row for each layer


def _rows(model: Layer, calls: Calls, trained: Calls | None) -> Iterator[Row]:
    calls = {layer: list(each) for layer, each in calls.items()}
    trained = None if trained is None else {layer: list(each) for layer, each in trained.items()}
    places: dict[int, int] = defaultdict(int)
    for _, layer in model.walk():
        places[id(layer)] += 1
    counted: set[int] = set()
    for path, layer in model.walk():
        places[id(layer)] -= 1
        last = not places[id(layer)]
        here, training = (_taken(found, layer, last) for found in (calls, trained))
        row = _row(path, layer, here or [], training, counted)
        if path or row.parameters or row.multiply_adds or not layer.inner_layers():
            yield row


def _taken(calls: Calls | None, layer: Layer, last: bool) -> list[Call] | None:
    """The calls of a layer in one of its places: the next, and in the last place all that are left."""
    if calls is None:
        return None
    mine = calls.get(id(layer), [])
    here, calls[id(layer)] = (mine, []) if last else (mine[:1], mine[1:])
    return here


def _row(path: str, layer: Layer, calls: list[Call], training: list[Call] | None, counted: set[int]) -> Row:
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
        memory=None if training is None else sum(call.kept for call in training),
        kernels=_kernels_text(training or []),
        text=layer_text(layer),
    )


def _kernels_text(calls: list[Call]) -> str:
    ran = {pair for call in calls for pair in call.kernels}
    ways = [next((name for name in way if name != "xla"), "xla") for way in zip(*ran, strict=True)]
    return " / ".join(dict.fromkeys(ways))


# ---- equal blocks in a row


def _cells(rows: Sequence[Row], columns: Sequence[Column]) -> list[list[str]]:
    """The written cells of every line."""
    return [[column.cell(row) for column in columns] for row in _folded(rows, 0)]


def _folded(rows: Sequence[Row], depth: int) -> Iterator[Row]:
    """Rows as they are printed, the layers indented by depth.

    Of equal siblings with layers within, one after the other, only the first is shown; and a chain that only holds its
    layers has a line only where it is repeated.
    """
    for same in _runs(_blocks(rows)):
        first, last = same[0][0], same[-1][0]
        if len(same) == 1 and first.layer == "Sequential" and len(same[0]) > 1:
            yield from _folded(same[0][1:], depth)
            continue
        path = first.path if len(same) == 1 else f"{first.path} .. {last.path}"
        text = first.text if len(same) == 1 else f"{len(same)} x {first.text}, each:"
        yield replace(first, path=path, text="  " * depth + text)
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


def _padded(text: str, width: int, column: Column) -> str:
    space = " " * (width - text_width(text))
    return space + text if column.is_number else text + space


def _html_line(tag: str, cells: Sequence[str], columns: Sequence[Column]) -> str:
    right = ' style="text-align: right"'
    written = zip(columns, map(_html_text, cells), strict=True)
    return f"<tr>{''.join(f'<{tag}{right * column.is_number}>{text}</{tag}>' for column, text in written)}</tr>"


def _html_text(text: str) -> str:
    indent = len(text) - len(text.lstrip())
    return "&nbsp;" * indent + html.escape(text.lstrip())
