"""The picture of an outline: a card for each stage, in rows from left to right, its layers from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from madi.graph import Drawing
from madi.graph.drawing.picture import Edge, Picture, Shape
from madi.graph.drawing.scene import FILLS, GREY, VALUE_COLOUR, Box, Curve, Head, Item, Mark, Scene, Text
from madi.graph.drawing.text import text_width
from madi.layers.outline import Block, Entry, Outline, Stage, bytes_text, short_count

ROW = 1560.0  # width of a row, at most
MARGIN, GAP, ROW_GAP = 24.0, 34.0, 30.0
PADDING, COLUMN_GAP = 12.0, 10.0
LINE, BOX = 15.0, 26.0
SPACE = 6.0
DROP = 12.0  # from one layer down to the next
SIZE, SMALL = 12.0, 10.5

KINDS = {
    **dict.fromkeys(("Conv2D", "Conv2DTranspose"), "operation"),
    **dict.fromkeys(("Dense", "DropConnect", "Maxout"), "parameter"),
    **dict.fromkeys(("MaxPool2D", "AveragePool2D"), "value"),
}


@dataclass
class Picked:
    """Marks with their size; x and y begin at 0, y runs down."""

    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)
    middle: float = 0.0  # where arrows meet a card


class Diagram(Drawing):
    """The picture of a model's stages.  Last in a notebook's cell it shows itself; elsewhere `save` it."""

    def __init__(self, outline: Outline) -> None:
        super().__init__(_graph(outline))
        self._outline = outline

    @cached_property
    def _scene(self) -> Scene:
        return _scene(self._outline, self._picture.summary)


def _graph(outline: Outline) -> Picture:
    """The stages as a plain graph, for DOT."""
    stages = [Shape("operation", [_title(stage), *_figures(outline, stage)]) for stage in outline.stages]
    texts = [_sizes(outline.input_shape), *(_sizes(stage.output_shape) for stage in outline.stages)]
    shapes = [Shape("value", ["input"]), *stages, Shape("output", ["output"])]
    edges = [Edge(i, i + 1, [text], [], returns=False) for i, text in enumerate(texts)]
    said = "; ".join(f"{_title(stage)}: {_sizes(stage.output_shape)}" for stage in outline.stages)
    return Picture(shapes, edges, summary=f"A network of {len(stages)} stages: {said}.")


def _title(stage: Stage) -> str:
    return f"{stage.times} × {stage.entry}" if stage.times > 1 else str(stage.entry)


def _sizes(shape: tuple[int, ...] | None) -> str:
    return "not called" if shape is None else " × ".join(map(str, shape)) or "1"


def _figures(outline: Outline, stage: Stage) -> list[str]:
    parameters, products, memory = outline.sums(stage)
    told = [f"{short_count(parameters)} parameters"] if parameters else []
    told += [f"{short_count(products)} multiply-adds"] if products else []
    return told + ([f"{bytes_text(memory)} kept"] if memory else [])


# ---- the scene


def _scene(outline: Outline, summary: str) -> Scene:
    cards = [_input(outline), *(_card(outline, stage) for stage in outline.stages)]
    items: list[Item] = []
    x, y, widest = MARGIN, MARGIN, 0.0
    for row in _rows(cards):
        middle = y + max(card.middle for card in row)
        bottom = middle + max(card.height - card.middle for card in row)
        x = MARGIN
        for place, card in enumerate(row):
            if items:
                items.append(_arrow(x if place else x - 4, middle, GAP if place else GAP - 8))
                x += GAP
            items.append(Item("stage", _moved(card.marks, x, middle - card.middle)))
            x += card.width
        widest, y = max(widest, x), bottom + ROW_GAP
    legend = _lines([_legend(outline)], GREY)
    items.append(Item("legend", _moved(legend.marks, MARGIN, y)))
    return Scene(max(widest, MARGIN + legend.width) + MARGIN, y + LINE + MARGIN, items, summary)


def _legend(outline: Outline) -> str:
    told = "3x3 64: convolution with 64 filters · " if "Conv2D" in outline.kinds else ""
    told += "/2: stride · " if any("/" in f"{stage.entry} {stage.first}" for stage in outline.stages) else ""
    return told + "kept: memory of one example in training"


def _rows(cards: Sequence[Picked]) -> list[list[Picked]]:
    """Cards in as few rows as they need, the rows about equally long."""
    total = sum(card.width + GAP for card in cards)
    limit = total / -(-total // ROW) * 1.06
    rows: list[list[Picked]] = [[]]
    for card in cards:
        used = sum(entry.width + GAP for entry in rows[-1])
        if rows[-1] and used + card.width > min(limit, ROW):
            rows.append([])
        rows[-1].append(card)
    return rows


def _arrow(x: float, y: float, length: float) -> Item:
    line = Curve([(x + 5, y), (x + length - 11, y)], VALUE_COLOUR)
    return Item("edge", [line, Head((x + length - 4, y), 1, VALUE_COLOUR)])


def _input(outline: Outline) -> Picked:
    return _around([], _box("input", "value"), [_lines([_sizes(outline.input_shape)], VALUE_COLOUR)])


def _card(outline: Outline, stage: Stage) -> Picked:
    """A stage: how often above it, its layers, its output shape and its figures below it."""
    composed = isinstance(stage.entry, Block)
    body = _entry(stage.entry)
    name = stage.entry.title if isinstance(stage.entry, Block) else ""
    title = " ".join([f"{stage.times} ×" * (stage.times > 1), name]).strip()
    below = [_lines([_sizes(stage.output_shape)], VALUE_COLOUR), _lines(_figures(outline, stage), GREY)]
    below += [_lines(["the first:", *_first(stage)], GREY)] if stage.first else []
    above = [_lines([title], GREY, bold=True)] if title else []
    return _around(above, _framed(body) if composed or stage.times > 1 else body, below)


def _around(above: list[Picked], body: Picked, below: list[Picked]) -> Picked:
    """A card, whose middle is its body's."""
    card = _stacked([*above, body, *below], SPACE)
    card.middle = sum(part.height + SPACE for part in above) + body.height / 2
    return card


def _first(stage: Stage) -> list[str]:
    """What the first of a stage has that the others have not: strides, and a shortcut that changes the shape."""
    first = stage.first
    if not isinstance(first, Block):
        return [first.short] if first else []
    if first.joint != "+":
        return [first.inside]
    shortcut = [entry.short for entry in first.paths[1]]
    strides = [entry.short for entry in first.paths[0] if "/" in entry.short]
    return [*strides, *(f"shortcut {name}" if not place else f"→ {name}" for place, name in enumerate(shortcut))]


def _entry(entry: Entry, *, short: bool = False) -> Picked:
    """One layer and what follows it, or a block."""
    if isinstance(entry, Block):
        body = _block(entry)
    else:
        body = _box(entry.short if short else f"{entry.name} {entry.stride}".strip(), KINDS.get(entry.kind, "constant"))
    return _stacked([body, *([_lines([*entry.followers], GREY)] if entry.followers else [])], 4)


def _block(block: Block) -> Picked:
    """The paths of a block side by side, from the x that all of them see to where they come together."""
    paths = [_path(path) for path in block.paths]
    width = sum(path.width for path in paths) + COLUMN_GAP * (len(paths) - 1)
    height, x = max(path.height for path in paths), 0.0
    if not block.joint:
        return _stacked(paths, DROP)
    marks, middles = [], []
    for path in paths:
        marks += _moved(path.marks, x, DROP)
        middles.append(x + path.width / 2)
        marks += [_line(middles[-1], 0, DROP), _line(middles[-1], DROP + path.height, 2 * DROP + height)]
        x += path.width + COLUMN_GAP
    fork = Curve([(middles[0], 0.0), (middles[-1], 0.0)], VALUE_COLOUR)
    joint = _box(block.joint, "cut", width)
    end = 2 * DROP + height
    return Picked(width, end + joint.height, [fork, *marks, *_moved(joint.marks, 0, end)])


def _line(x: float, top: float, bottom: float) -> Curve:
    return Curve([(x, top), (x, bottom)], VALUE_COLOUR)


def _path(path: Sequence[Entry]) -> Picked:
    """A chain from top to bottom; the empty one is a line along which x passes."""
    parts = [_entry(entry, short=True) for entry in path]
    if not parts:
        return Picked(14, 0, [])
    drops = _stacked(parts, DROP)
    return Picked(drops.width, drops.height, [*_stems(parts, drops.width), *drops.marks])


def _stems(parts: Sequence[Picked], width: float) -> list[Mark]:
    """The lines between the layers of a chain."""
    marks: list[Mark] = []
    y = 0.0
    for part in parts[:-1]:
        y += part.height + DROP
        marks.append(_line(width / 2, y - DROP, y))
    return marks


# ---- pieces


def _box(text: str, kind: str, least: float = 0.0) -> Picked:
    fill, stroke, colour = FILLS[kind]
    width = max(text_width(text, SIZE) + 16, least)
    box = Box(0, 0, width, BOX, 6, fill, stroke)
    return Picked(width, BOX, [box, Text(width / 2, BOX / 2, text, SIZE, colour)])


def _lines(texts: Sequence[str], colour: str, *, bold: bool = False) -> Picked:
    width = max((text_width(text, SMALL) for text in texts), default=0.0) * (1.12 if bold else 1)
    marks: list[Mark] = [
        Text(width / 2, LINE * (place + 0.5), text, SMALL, colour, bold=bold) for place, text in enumerate(texts)
    ]
    return Picked(width, LINE * len(texts), marks)


def _framed(body: Picked) -> Picked:
    width, height = body.width + 2 * PADDING, body.height + 2 * PADDING
    frame = Box(0, 0, width, height, 10, "none", GREY, dashed=True)
    return Picked(width, height, [frame, *_moved(body.marks, PADDING, PADDING)])


def _stacked(parts: Sequence[Picked], gap: float) -> Picked:
    """Parts below each other, centred."""
    parts = [part for part in parts if part.height]
    width, y, marks = max(part.width for part in parts), 0.0, []
    for part in parts:
        marks += _moved(part.marks, (width - part.width) / 2, y)
        y += part.height + gap
    return Picked(width, y - gap, marks)


def _moved(marks: Sequence[Mark], x: float, y: float) -> list[Mark]:
    return [_moved_mark(mark, x, y) for mark in marks]


def _moved_mark(mark: Mark, x: float, y: float) -> Mark:
    if isinstance(mark, Curve):
        return Curve([(a + x, b + y) for a, b in mark.points], mark.colour, mark.dashed, mark.lean)
    if isinstance(mark, Head):
        return Head((mark.tip[0] + x, mark.tip[1] + y), mark.direction, mark.colour)
    moved = vars(mark) | {"x": mark.x + x, "y": mark.y + y}
    return type(mark)(**moved)
